"""Filling missing labels: naive, distilled, pseudo-labelled, interpolated; what becomes of the rest."""

import pytest
import torch
from torch import nan

from faceray.training.losses import binary_cross_entropy, cross_entropy, masked, soften
from faceray.training.targets import Filling, fill, two_classes

LOGITS = torch.tensor([[4.0, 0, 0], [0, 2, 0], [1, 0, 0], [0, 0, 3], [0.5, 0, 0]])
LABEL = torch.tensor([0.0, 0, 1])
TARGET = torch.stack([LABEL, *[torch.full((3,), nan)] * 4])  # the first has a label, and the network errs on it
WEIGHT = torch.tensor([0.9, 0.8, 0.5, 1.0, 0.2])  # that of the labelled sample must not matter
Q = soften(LOGITS, 2)
HARD = torch.eye(3)[[0, 1, 0, 2, 0]]


@pytest.mark.parametrize("method", ["naive", "distilled", "pseudo", "interpolated"])
@pytest.mark.parametrize("weight", [WEIGHT, None])
def test_labels_that_are_there_stay(method, weight):
    made = fill(Filling(method), TARGET, LOGITS, weight)
    assert torch.equal(made.values[0], LABEL)
    assert made.weight[0] == 1


def test_naive_leaves_missing_labels_out():
    made = fill(Filling("naive"), TARGET, LOGITS)
    assert made.values[1:].isnan().all()
    assert made.weight.tolist() == [1, 0, 0, 0, 0]
    torch.testing.assert_close(masked(cross_entropy, LOGITS, *made), cross_entropy(LOGITS[:1], LABEL[None])[0])


def test_distilled_is_a_distribution_in_each_row():
    made = fill(Filling("distilled"), TARGET, LOGITS, WEIGHT)
    torch.testing.assert_close(made.values[1:], Q[1:])
    torch.testing.assert_close(made.values.sum(1), torch.ones(5))
    assert made.weight.tolist() == [1] * 5


def test_pseudo_labels_of_the_best_half_and_the_network_s_answer_for_the_rest():
    made = fill(Filling("pseudo", quantile=0.5), TARGET, LOGITS, WEIGHT)
    torch.testing.assert_close(made.values[[1, 3]], HARD[[1, 3]])
    torch.testing.assert_close(made.values[[2, 4]], Q[[2, 4]])
    torch.testing.assert_close(made.weight, torch.tensor([1, 0.8, 1, 1, 1]))


def test_pseudo_labels_of_the_best_half_and_nothing_for_the_rest():
    made = fill(Filling("pseudo", quantile=0.5, fallback="mask"), TARGET, LOGITS, WEIGHT)
    torch.testing.assert_close(made.weight, torch.tensor([1, 0.8, 0, 1, 0]))


def test_a_quantile_of_nine_tenths_keeps_one_of_ten_unlabelled_samples():
    target = torch.cat([torch.eye(3)[[0] * 20], torch.full((10, 3), nan)])
    weight = torch.linspace(0.1, 1, 30)
    made = fill(Filling("pseudo", quantile=0.9, fallback="mask"), target, torch.randn(30, 3), weight)
    assert (made.weight[20:] > 0).sum() == 1
    assert made.weight[-1] == 1


def test_the_least_weight_can_be_set():
    made = fill(Filling("pseudo", quantile=0.0, minimum=0.6, fallback="mask"), TARGET, LOGITS, WEIGHT)
    torch.testing.assert_close(made.weight, torch.tensor([1, 0.8, 0, 1, 0]))


def test_interpolation_by_the_samples_weights_and_by_one_share():
    made = fill(Filling("interpolated"), TARGET, LOGITS, WEIGHT)
    torch.testing.assert_close(made.values[1], 0.8 * HARD[1] + 0.2 * Q[1])
    torch.testing.assert_close(made.values.sum(1), torch.ones(5))
    fixed = fill(Filling("interpolated", share=0.1), TARGET, LOGITS, WEIGHT)
    torch.testing.assert_close(fixed.values[1:], (0.1 * HARD + 0.9 * Q)[1:])
    assert fixed.weight.tolist() == [1] * 5


@pytest.mark.parametrize("method", ["pseudo", "interpolated"])
def test_without_a_selector_the_target_is_half_and_half(method):
    made = fill(Filling(method), TARGET, LOGITS)
    torch.testing.assert_close(made.values[1:], (0.5 * HARD + 0.5 * Q)[1:])


def test_nothing_is_learnt_through_the_targets():
    logits = LOGITS.clone().requires_grad_()
    assert not fill(Filling("distilled"), TARGET, logits).values.requires_grad


def test_yes_or_no_tasks_are_two_classes():
    logit = torch.tensor([2.0, -1.0, 0.5])
    classes = two_classes(logit)
    torch.testing.assert_close(classes.softmax(1)[:, 1], logit.sigmoid())
    made = fill(Filling("distilled", temperature=1), torch.full((3, 2), nan), classes)
    yes = masked(binary_cross_entropy, logit[:, None], made.values[:, 1], made.weight)
    torch.testing.assert_close(yes, masked(cross_entropy, classes, *made))


def test_options_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="quantile"):
        Filling(quantile=1.5)
    with pytest.raises(ValueError, match="temperature"):
        Filling(temperature=0)
