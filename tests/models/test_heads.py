"""Heads: logits, and the answers they stand for."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from faceray.models.heads import (
    HEADS,
    Cosine,
    Expectation,
    Head,
    Heads,
    Ordinal,
    Sigmoid,
    Softmax,
    TwoPoint,
    make_head,
)


def test_a_head_is_a_linear_layer_or_more():
    features = torch.randn(3, 8)
    plain = Head(8, 2)
    torch.testing.assert_close(plain(features), features @ plain.linear.weight.T + plain.linear.bias)
    deep = Head(8, 2, hidden=(16, 4), dropout=0.5, activation=nn.PReLU)
    assert deep(features).shape == (3, 2)
    assert sum(p.numel() for p in deep.parameters()) == (8 * 16 + 16 + 16) + (16 * 4 + 4 + 4) + (4 * 2 + 2)


def test_dropout_is_for_training_only():
    torch.manual_seed(0)
    head, features = Head(8, 2, hidden=(16,), dropout=0.5), torch.randn(3, 8)
    assert not torch.equal(head(features), head(features))
    head.eval()
    assert torch.equal(head(features), head(features))


def test_probabilities():
    logits = torch.tensor([[0.0, math.log(3)], [-200.0, 200.0]])
    torch.testing.assert_close(Softmax(4, 2).answer(logits), torch.tensor([[0.25, 0.75], [0, 1]]))
    torch.testing.assert_close(Sigmoid(4, 2).answer(logits), torch.tensor([[0.5, 0.75], [0, 1]]))


def test_expectation_is_the_mean_of_the_values_and_has_a_gradient():
    head = Expectation(4)
    logits = torch.full((1, 101), -1e4)
    logits[0, [20, 40]] = torch.tensor([0.0, math.log(3)])
    logits.requires_grad_()
    age = head.answer(logits)
    torch.testing.assert_close(age, torch.tensor([[0.25 * 20 + 0.75 * 40]]))
    age.sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 40] > 0 > logits.grad[0, 20]


@pytest.mark.parametrize("age", [0, 7, 32, 100, 109.5])
def test_two_points_give_the_age_back(age):
    target = torch.zeros(12)
    target[int(age // 10)], target[int(age // 10) + 1] = 1 - age % 10 / 10, age % 10 / 10
    answer = TwoPoint(4).answer(target.clamp_min(1e-30).log()[None])
    torch.testing.assert_close(answer, torch.tensor([[float(age)]]), rtol=0, atol=1e-3)


def test_ordinal_counts_the_years_even_out_of_order():
    logits = torch.tensor([[-1.0] * 100, [1.0] * 100, [3.0] * 30 + [-3.0] * 70, [-3.0] + [3.0] * 31 + [-3.0] * 68])
    assert Ordinal(4).answer(logits).tolist() == [[0], [100], [30], [31]]


def test_cosine_has_unit_weights():
    head, features = Cosine(8, 3, scale=10), torch.randn(5, 8)
    w, x = head.linear.weight.detach().numpy(), features.numpy()
    cosines = (x @ w.T) / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(w, axis=1)
    np.testing.assert_allclose(head(features).detach(), 10 * cosines, rtol=1e-5, atol=1e-5)
    assert [name for name, _ in head.named_parameters()] == ["linear.weight"]


@pytest.mark.parametrize("kind", HEADS)
def test_every_kind_by_name(kind):
    head = make_head(kind, 8, 12, hidden=(4,))
    answer = head.answer(head(torch.randn(3, 8)))
    assert answer.shape in ((3, 12), (3, 1))
    assert answer.isfinite().all()


def test_heads_answer_in_order_and_are_called_by_task():
    heads = Heads(8, {"gender": 2, "age": 101}, hidden=(4,))
    assert [tuple(logits.shape) for logits in heads(torch.randn(3, 8))] == [(3, 2), (3, 101)]
    assert "age.linear.weight" in heads.state_dict()
    assert Heads(8, {})(torch.randn(3, 8)) == ()


def test_what_makes_no_head():
    with pytest.raises(ValueError, match="no head 'magic': one of regression, softmax"):
        make_head("magic", 8, 2)
    with pytest.raises(ValueError, match=r"widths \[8, 1000000000\]"):
        Head(8, 2, hidden=(10**9,))
