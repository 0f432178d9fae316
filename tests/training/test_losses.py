"""Classification losses against numpy, masks, distillation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nan

from faceray.training import losses, regression_losses
from faceray.training.codecs import TWO_POINT, AgeBins, decode_ordinal, encode_ordinal
from faceray.training.losses import Distillation, Focal, masked

rng = np.random.default_rng(0)
LOGITS = torch.tensor(rng.normal(size=(6, 5)) * 2, dtype=torch.float32)
TARGET = torch.tensor(rng.dirichlet(np.ones(5), size=6), dtype=torch.float32)
P = np.exp(LOGITS.numpy()) / np.exp(LOGITS.numpy()).sum(1, keepdims=True)
T = TARGET.numpy()

EVERY_LOSS: list[tuple[losses.Loss, tuple[int, ...], tuple[int, ...]]] = [
    (losses.cross_entropy, (4, 5), (4, 5)),
    (losses.kl_divergence, (4, 5), (4, 5)),
    (losses.best_of_set, (4, 5), (4, 5)),
    (losses.binary_cross_entropy, (4, 1), (4,)),
    (losses.binary_cross_entropy, (4, 40), (4, 40)),
    (losses.ordinal, (4, 100), (4, 100)),
    (Distillation(), (4, 5), (4, 5)),
    (Focal(), (4, 12), (4, 12)),
    (regression_losses.absolute_error, (4, 1), (4,)),
    (regression_losses.squared_error, (4, 3), (4, 3)),
    (regression_losses.GaussianL2(0.5), (4, 1), (4,)),
    (regression_losses.GaussianL2(0.5), (4, 1), (4, 2)),
    (regression_losses.DeadZone(), (4, 1), (4,)),
    (regression_losses.relative_squared_error, (4, 1), (4,)),
    (regression_losses.landmark_error, (4, 42), (4, 21, 3)),
    (regression_losses.visibility_error, (4, 21), (4, 21, 3)),
]


@pytest.mark.parametrize(("loss", "output", "target"), EVERY_LOSS)
def test_without_labels_a_loss_is_exactly_0_with_a_gradient_of_zeros(loss, output, target):
    answer = (torch.randn(output) * 30).requires_grad_()
    value = masked(loss, answer, torch.full(target, nan))
    value.backward()
    assert value.item() == 0
    assert torch.equal(answer.grad, torch.zeros(output))


@pytest.mark.parametrize(("loss", "output", "target"), EVERY_LOSS)
def test_unlabelled_samples_change_nothing(loss, output, target):
    answer, truth = torch.randn(output), torch.rand(target)
    holes = truth.clone()
    holes[[1, 3]] = nan
    moved = answer.clone().requires_grad_()
    value = masked(loss, moved, holes)
    value.backward()
    torch.testing.assert_close(value, loss(answer[[0, 2]], truth[[0, 2]]).mean())
    assert moved.grad[[1, 3]].abs().sum() == 0
    assert moved.grad.isfinite().all()


def test_a_batch_of_nobody_is_0():
    assert masked(losses.cross_entropy, torch.zeros(0, 3), torch.zeros(0, 3)).item() == 0


def test_weights_scale_and_0_leaves_out():
    weight = torch.tensor([1, 0.5, 0, 0, 1, 1])
    values = losses.cross_entropy(LOGITS, TARGET)
    expected = (values * weight).sum() / 4
    torch.testing.assert_close(masked(losses.cross_entropy, LOGITS, TARGET, weight), expected)


def test_two_workers_with_the_count_of_both_average_to_the_whole_batch():
    holes = TARGET.clone()
    holes[[1, 3, 4]] = nan
    whole = masked(losses.cross_entropy, LOGITS, holes)
    parts = [masked(losses.cross_entropy, LOGITS[s], holes[s], count=3 / 2) for s in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close(sum(parts) / 2, whole)


def test_half_precision_answers_are_computed_in_float32():
    value = masked(losses.cross_entropy, LOGITS.bfloat16(), TARGET)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, masked(losses.cross_entropy, LOGITS.bfloat16().float(), TARGET))


def test_cross_entropy():
    np.testing.assert_allclose(losses.cross_entropy(LOGITS, TARGET), -(T * np.log(P)).sum(1), rtol=1e-5)
    one_hot = torch.eye(5)[[0, 3, 2, 1, 4, 4]]
    expected = torch.nn.functional.cross_entropy(LOGITS, one_hot.argmax(1), reduction="none")
    torch.testing.assert_close(losses.cross_entropy(LOGITS, one_hot), expected)


def test_kl_divergence():
    np.testing.assert_allclose(losses.kl_divergence(LOGITS, TARGET), (T * np.log(T / P)).sum(1), rtol=1e-4)
    two = TWO_POINT.encode(torch.tensor([32.0]))
    assert losses.kl_divergence(torch.log(two + 1e-9), two).item() == pytest.approx(0, abs=1e-6)


def test_l1_penalty_and_weighted_sum():
    assert losses.l1_penalty(torch.tensor([[1.0, -2], [0, 3]])).item() == 6
    parts = {"age": torch.tensor(2.0), "gender": torch.tensor(3.0)}
    assert losses.weighted_sum(parts, {"age": 0.5}).item() == 4


def test_best_of_set():
    allowed = torch.tensor([[1.0, 0, 1, 0, 0]] * 6)
    expected = -np.log(np.maximum(P[:, 0], P[:, 2]))
    np.testing.assert_allclose(losses.best_of_set(LOGITS, allowed), expected, rtol=1e-5)
    answer = LOGITS.clone().requires_grad_()
    losses.best_of_set(answer, torch.zeros(6, 5)).sum().backward()
    assert torch.equal(answer.grad, torch.zeros(6, 5))


def test_binary_and_ordinal_cross_entropy():
    x, t = LOGITS.numpy(), (T > 0.2).astype(np.float32)
    p = 1 / (1 + np.exp(-x))
    bits = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    np.testing.assert_allclose(losses.binary_cross_entropy(LOGITS, torch.tensor(t)), bits.mean(1), rtol=1e-4)
    np.testing.assert_allclose(losses.ordinal(LOGITS, torch.tensor(t)), bits.sum(1), rtol=1e-4)
    np.testing.assert_allclose(
        losses.binary_cross_entropy(LOGITS[:, :1], torch.tensor(t[:, 0])), bits[:, 0], rtol=1e-4
    )


def test_the_right_ordinal_answer_costs_nothing():
    bits = encode_ordinal(torch.tensor([0.0, 32, 100]))
    assert losses.ordinal((bits - 0.5) * 100, bits).abs().max() < 1e-5


@given(st.floats(0.5, 8), st.integers(1, 50))
def test_distillation_softens_each_row_by_itself(temperature: float, n: int):
    logits = torch.randn(n, 7) * 5
    soft = losses.soften(logits, temperature)
    torch.testing.assert_close(soft.sum(1), torch.ones(n))
    torch.testing.assert_close(soft[:1], losses.soften(logits[:1], temperature))


def test_distillation():
    teacher = torch.tensor(rng.normal(size=(6, 5)), dtype=torch.float32)
    q = np.exp(teacher.numpy() / 2)
    q /= q.sum(1, keepdims=True)
    np.testing.assert_allclose(Distillation()(LOGITS, teacher), -(q * np.log(P)).sum(1), rtol=1e-5)
    same = Distillation(temperature=2, student_temperature=2)
    answer = teacher.clone().requires_grad_()
    same(answer, teacher).sum().backward()
    assert answer.grad.abs().max() < 1e-6  # the teacher's own answer is the best one


def focal_by_hand(logits: np.ndarray, target: np.ndarray, weights: np.ndarray, u: float) -> np.ndarray:
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    alpha = weights / weights.sum()
    focal = np.where(target > 0, alpha * (target - p) ** 2 * -np.log(p), 0).mean(1)
    return (1 - u) * focal + u * (-np.log(p)).mean(1)


def test_focal_loss_between_two_points():
    logits = rng.normal(size=(3, 12)).astype(np.float32)
    target = TWO_POINT.encode(torch.tensor([32.0, 0, 77]))
    weights = tuple(range(1, 13))
    found = Focal(weights, uniform=0.1)(torch.tensor(logits), target)
    np.testing.assert_allclose(found, focal_by_hand(logits, target.numpy(), np.array(weights), 0.1), rtol=1e-4)
    equal = Focal(uniform=0.0)(torch.tensor(logits), target)
    np.testing.assert_allclose(equal, focal_by_hand(logits, target.numpy(), np.ones(12), 0.0), rtol=1e-4)


def test_focal_loss_has_a_finite_gradient_where_the_answer_is_wrong_for_sure():
    logits = torch.zeros(1, 12)
    logits[0, 11] = 200
    answer: Tensor = logits.requires_grad_()
    Focal()(answer, TWO_POINT.encode(torch.tensor([5.0]))).sum().backward()
    assert answer.grad.isfinite().all()
    assert answer.grad[0, 0] < 0  # towards the right bin


@pytest.mark.parametrize(
    ("loss", "encode", "decode", "outputs"),
    [
        (losses.cross_entropy, AgeBins().encode, lambda x: AgeBins().decode(x.softmax(1)), 101),
        (losses.kl_divergence, TWO_POINT.encode, lambda x: TWO_POINT.decode(x.softmax(1)), 12),
        (losses.ordinal, encode_ordinal, lambda x: decode_ordinal(x.sigmoid()), 100),
        (regression_losses.absolute_error, lambda age: age, lambda x: x[:, 0], 1),
        (regression_losses.GaussianL2(0.5), lambda age: age, lambda x: x[:, 0], 1),
    ],
)
def test_descending_a_loss_leads_to_the_age(loss, encode, decode, outputs: int):
    age = torch.tensor([1.0, 32, 77, 100])
    answer = torch.zeros(4, outputs, requires_grad=True)
    optimiser = torch.optim.Adam([answer], 0.5)
    for _ in range(600):
        optimiser.zero_grad()
        masked(loss, answer, encode(age)).backward()
        optimiser.step()
    torch.testing.assert_close(decode(answer.detach()), age, atol=0.5, rtol=0)
