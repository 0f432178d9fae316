"""Margin heads against numpy, at their corners, and learning."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from faceray.errors import UserError
from faceray.models.margins import MARGINS, AdaCos, ArcFace, Margin, SphereFace, make_margin

LABELS = np.array([3, 0, 6, 6, 2])


@pytest.fixture(autouse=True)
def _same_weights_every_time():
    torch.manual_seed(0)


def cosines(head: Margin, embeddings: np.ndarray) -> np.ndarray:
    """float64 (n, classes)."""
    weights = head.weight.detach().double().numpy()
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (embeddings.astype(np.float64), weights)]
    return unit[0] @ unit[1].T


def embeddings() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 3, (5, 16)).astype(np.float32)


def logits(head: Margin, x: np.ndarray, labels: np.ndarray = LABELS) -> np.ndarray:
    return head(torch.from_numpy(x), torch.from_numpy(labels)).detach().numpy()


@pytest.mark.parametrize(
    ("name", "arguments", "formula"),
    [
        ("arcface", {}, lambda c: 64 * np.cos(np.arccos(c) + 0.5)),
        ("arcface", {"scale": 30, "margin": 0.3}, lambda c: 30 * np.cos(np.arccos(c) + 0.3)),
        ("cosface", {}, lambda c: 64 * (c - 0.35)),
        ("cosface", {"scale": 30, "margin": 0.2}, lambda c: 30 * (c - 0.2)),
        ("sphereface", {}, lambda c: 64 * np.cos(1.35 * np.arccos(c))),
    ],
)
def test_only_the_right_identity_gets_the_margin(name, arguments, formula):
    head = make_margin(name, 16, 7, **arguments)
    expected = head.scale * cosines(head, embeddings())
    rows = np.arange(5), LABELS
    expected[rows] = formula(cosines(head, embeddings())[rows])
    np.testing.assert_allclose(logits(head, embeddings()), expected, rtol=1e-4, atol=1e-3)


def test_sphereface_goes_on_falling_as_in_the_paper():
    head, angles = SphereFace(16, 7, margin=4), np.linspace(0.01, math.pi - 0.01, 200)
    k = np.floor(4 * angles / np.pi)
    expected = (-1) ** k * np.cos(4 * angles) - 2 * k
    got = head.harder(torch.from_numpy(np.cos(angles)))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert (np.diff(got) < 0).all()
    assert got[-1] == pytest.approx(-7, abs=0.01)  # k = 3 at the end: -cos(4π) - 6


def test_arcface_does_not_reward_the_opposite_direction():
    head, angles = ArcFace(16, 7), torch.linspace(0, math.pi, 200, dtype=torch.float64)
    harder = head.harder(angles.cos())
    assert (harder.diff() < 0).all()
    assert harder[-1] == pytest.approx(-1 - 0.5 * math.sin(0.5))


@pytest.mark.parametrize("name", MARGINS)
def test_a_margin_never_helps_and_gradients_are_finite_at_the_poles(name):
    head = make_margin(name, 2, 3)
    head.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    x = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.3, 0.2]], requires_grad=True)
    c = head.cosines(x)
    assert (head.harder(c) <= c + 1e-6).all()
    F.cross_entropy(head(x, torch.tensor([0, 1, 2])), torch.tensor([0, 1, 2])).backward()
    assert x.grad is not None
    assert head.weight.grad is not None
    assert x.grad.isfinite().all()
    assert head.weight.grad.isfinite().all()


@pytest.mark.parametrize("name", ["arcface", "cosface", "sphereface"])
def test_without_a_label_there_is_no_margin(name):
    head = make_margin(name, 16, 7)
    expected = head.scale * cosines(head, embeddings())
    np.testing.assert_allclose(logits(head, embeddings(), np.full(5, -1)), expected, atol=1e-4)


def test_angles_are_float32_under_autocast():
    head, x, labels = ArcFace(16, 7), torch.from_numpy(embeddings()), torch.from_numpy(LABELS)
    with torch.autocast("cpu", torch.bfloat16):
        got = head(x, labels)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, head(x, labels))


def test_adacos_fits_its_scale_to_the_batch():
    head = AdaCos(16, 7)
    start = math.sqrt(2) * math.log(6)
    c = cosines(head, embeddings())
    wrong = np.ones((5, 7), bool)
    wrong[np.arange(5), LABELS] = False
    mean = np.exp(start * c)[wrong].sum() / 5
    angle = np.median(np.arccos(c[np.arange(5), LABELS]))
    scale = np.log(mean) / np.cos(min(np.pi / 4, angle))
    np.testing.assert_allclose(logits(head, embeddings()), scale * c, rtol=1e-4)
    assert float(head.state_dict()["fitted_scale"]) == pytest.approx(scale, rel=1e-5)


def test_adacos_leaves_its_scale_alone_without_labels_and_after_training():
    head = AdaCos(16, 7)
    start = float(head.fitted_scale)
    assert start == pytest.approx(math.sqrt(2) * math.log(6))
    logits(head, embeddings(), np.full(5, -1))
    head.eval()
    np.testing.assert_allclose(logits(head, embeddings()), start * cosines(head, embeddings()), rtol=1e-4, atol=1e-5)
    assert float(head.fitted_scale) == start


@pytest.mark.parametrize(("name", "gap"), [("arcface", 0.2), ("cosface", 0.34), ("sphereface", 0.1), ("adacos", 0)])
def test_training_opens_the_gap_that_the_margin_asks_for(name, gap):
    torch.manual_seed(0)
    people, head = torch.nn.Parameter(torch.randn(12, 4)), make_margin(name, 4, 4)
    labels = torch.arange(4).repeat(3)
    optimiser = torch.optim.Adam([people, *head.parameters()], 0.05)
    for _ in range(200):
        loss = F.cross_entropy(head(people, labels), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = labels[:, None] == torch.arange(4)
    c = head.cosines(people)
    assert (c[right] > c.masked_fill(right, -1).amax(1) + gap).all()


def test_adacos_stays_positive_where_few_identities_face_away_from_each_other():
    head = AdaCos(2, 3)
    head.weight.data = torch.tensor([[1.0, 0.0], [-0.5, 0.87], [-0.5, -0.87]])
    for _ in range(50):
        head(50 * head.weight.detach(), torch.arange(3))
    assert head.fitted_scale == 1


@pytest.mark.parametrize(
    ("name", "classes", "arguments", "message"),
    [
        ("softmax", 7, {}, "no margin head 'softmax': one of arcface, cosface"),
        ("arcface", 1, {}, "'arcface': 1 classes"),
        ("cosface", 7, {"margin": -1}, "margin -1"),
        ("sphereface", 7, {"margin": 0.5}, "margin 0.5 must be 1 or more"),
        ("adacos", 2, {}, "'adacos': 2 classes"),
        ("adacos", 7, {"margin": 0.5}, "'adacos': .*margin"),
    ],
)
def test_what_makes_no_margin_head(name, classes, arguments, message):
    with pytest.raises(UserError, match=message):
        make_margin(name, 16, classes, **arguments)
