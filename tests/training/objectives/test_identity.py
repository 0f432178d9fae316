"""Identity: people by number, margin heads, verification figures over all pairs."""

import math

import pytest
import torch
from torch import nan

from faceray.errors import UserError
from faceray.training.objectives.identity import Identity
from tests.training.objectives.labels import labels


def people(*names: str | None) -> list[dict[str, str | None]]:
    return [{"identity": name} for name in names]


def test_people_come_from_the_training_samples() -> None:
    fitted = Identity().fitted(labels(*people("b", "a", None, "c", "a")))
    assert fitted.people == ("a", "b", "c")
    target = fitted.encode(labels(*people("c", "a", "stranger", None)))
    torch.testing.assert_close(target, torch.tensor([2.0, 0.0, nan, nan]), equal_nan=True)


def test_two_people_are_too_few() -> None:
    with pytest.raises(UserError, match="identities of 2 people"):
        Identity().fitted(labels(*people("a", "b", None, "a")))


def test_strangers_count_in_the_figures() -> None:
    truth = Identity(people=("a", "b", "c")).truth(labels(*people("x", "y", "x", None)))
    assert truth[0] == truth[2] != truth[1]
    assert truth[3].isnan()


@pytest.mark.parametrize("head", ["arcface", "cosface", "sphereface", "adacos"])
def test_every_head_asks_more_of_the_right_person(head: str) -> None:
    objective = Identity(head=head, dimension=8, people=("a", "b", "c"))  # type: ignore[arg-type]
    module = objective.module()
    random = torch.Generator().manual_seed(0)
    embeddings = torch.randn(6, 8, generator=random)
    who = torch.tensor([0, 1, 2, 0, 1, 2])
    asked, unasked = module(embeddings, who), module(embeddings, torch.full((6,), -1))
    assert asked.shape == (6, 3)
    loss, easy = objective.loss(asked, who.float()), objective.loss(unasked, who.float())
    assert loss.shape == (6,)
    assert (loss >= easy - 1e-5).all()
    assert loss.isfinite().all()
    loss.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_scale_and_margin_reach_the_head() -> None:
    people_ = ("a", "b", "c")
    plain = Identity(head="cosface", scale=1.0, margin=0.0, dimension=4, people=people_).module()
    embeddings = torch.eye(4)[:3]
    assert plain(embeddings, torch.tensor([0, 1, 2])).abs().max() <= 1
    torch.testing.assert_close(plain(embeddings, torch.tensor([0, 1, 2])), plain(embeddings, torch.tensor([1, 2, 0])))


def test_figures_over_all_pairs_by_hand() -> None:
    x, y, z = [1.0, 0.0], [0.0, 2.0], [0.8, 0.6]
    outputs = torch.tensor([x, x, y, z, [9.0, 9.0]])
    truth = torch.tensor([1.0, 1.0, 2.0, 2.0, nan])
    found = Identity(dimension=2).figures(outputs, truth)
    # cosines of one person: 1 and 0.6, of two: 0, 0.8, 0, 0.8. The 1 beats all four, the 0.6 two of them
    assert found["auc"] == pytest.approx(6 / 8)
    assert found["tar_at_far_1e-3"] == pytest.approx(1 / 2)
    assert found["eer"] == pytest.approx(1 / 2)


def test_without_pairs_of_both_kinds_figures_are_not_numbers() -> None:
    outputs = torch.eye(3)
    for truth in ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [nan, nan, nan]):
        found = Identity(dimension=3).figures(outputs, torch.tensor(truth))
        assert set(found) == {"auc", "eer", "tar_at_far_1e-3"}
        assert all(math.isnan(value) for value in found.values())
