"""Recipes: what decides on the best round, the course over the packs, what cannot be."""

from dataclasses import replace

import pytest

from faceray.errors import UserError
from faceray.models.card import card_from_json, card_to_json
from faceray.models.networks import build_network
from faceray.results.schema import GENDERS
from faceray.training.objectives.age import AgeDistribution, AgeGroups, AgeYears
from faceray.training.objectives.classes import Classes, YesNo
from faceray.training.objectives.geometry import Landmarks, PoseAngles
from faceray.training.objectives.identity import Identity
from faceray.training.objectives.objective import Objective
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe, Strategy

GENDER = Classes(name="gender", classes=GENDERS)
PACKS = ("a", "b")
LABELLED = {"a": ("age",), "b": ("age", "gender")}
WORDS = dict.fromkeys(("version", "licence", "training_data", "intended_use", "limitations"), "some")


def recipe(*objectives: Objective, **changes: object) -> Recipe:
    basis = Recipe(name="test", network=Network(name="attribute_net"), objectives=objectives or (AgeYears(), GENDER))
    return replace(basis, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("objective", "watched"),
    [
        (AgeDistribution(), ("age/mae", False)),
        (AgeGroups(), ("age/accuracy", True)),
        (GENDER, ("gender/accuracy", True)),
        (YesNo(name="smile"), ("smile/accuracy", True)),
        (PoseAngles(), ("pose/mae", False)),
        (Landmarks(), ("landmarks/nme", False)),
        (Identity(), ("identity/auc", True)),
    ],
)
def test_a_single_task_is_decided_by_its_figure(objective: Objective, watched: tuple[str, bool]) -> None:
    assert recipe(objective).watched == watched


def test_several_tasks_are_decided_by_their_loss_unless_one_is_named() -> None:
    assert recipe().watched == ("loss", False)
    assert recipe(watch="gender/f1").watched == ("gender/f1", True)
    assert recipe(watch="age/ca3").watched == ("age/ca3", True)
    assert recipe(watch="age/mae").watched == ("age/mae", False)
    assert recipe(watch="gender/loss").watched == ("gender/loss", False)


def test_names_that_begin_alike_are_different_tasks() -> None:
    assert recipe(AgeDistribution(name="age_bins"), AgeYears(), watch="age/mae").watched == ("age/mae", False)


@pytest.mark.parametrize(
    ("objective", "watch"),
    [(AgeGroups(), "age/mae"), (PoseAngles(), "pose/yaw"), (Identity(), "identity/eer")],
)
def test_errors_are_better_the_lower_they_are(objective: Objective, watch: str) -> None:
    assert recipe(objective, watch=watch).watched == (watch, False)


def test_joint_courses_have_all_packs() -> None:
    (phase,) = recipe(epochs=7).phases(PACKS, LABELLED)
    assert (phase.packs, phase.epochs, phase.parts, phase.tasks) == (PACKS, 7, (), ())


def test_heads_can_learn_first() -> None:
    chosen = recipe(
        epochs=7,
        strategy=Strategy(heads_first=2, heads_rate=0.1, heads=("heads.age",)),
        optimiser=OptimiserOptions(learning_rate=0.01),
    )
    first, second = chosen.phases(PACKS, LABELLED)
    assert (first.parts, first.epochs, first.learning_rate) == (("heads.age",), 2, 0.1)
    assert (second.parts, second.epochs, second.learning_rate) == ((), 5, 0.01)


def test_alternating_courses_take_turns_after_a_warm_up() -> None:
    phases = recipe(epochs=4, strategy=Strategy(kind="alternating", warm_up=2)).phases(PACKS, LABELLED)
    assert [phase.packs for phase in phases] == [PACKS, PACKS, ("a",), ("b",)]
    assert sum(phase.epochs for phase in phases) == 4


def test_a_curriculum_without_stages_follows_the_packs_and_their_labels() -> None:
    first, second = recipe(epochs=3, strategy=Strategy(kind="curriculum")).phases(PACKS, LABELLED)
    assert (first.packs, first.tasks, first.epochs) == (("a",), ("age",), 3)
    assert (second.packs, second.tasks, second.epochs) == (PACKS, ("age", "gender"), 3)
    stages = (("b", ("gender",)),)
    (only,) = recipe(strategy=Strategy(kind="curriculum", stages=stages)).phases(PACKS, LABELLED)
    assert (only.packs, only.tasks) == (("b",), ("gender",))


def test_stages_of_packs_that_are_not_given_are_said_in_a_line() -> None:
    stages = (("a", ("age",)), ("wiki", ("age",)))
    with pytest.raises(UserError, match="wiki"):
        recipe(strategy=Strategy(kind="curriculum", stages=stages)).phases(PACKS, LABELLED)


@pytest.mark.parametrize(
    "changes",
    [
        {"objectives": ()},
        {"objectives": (AgeYears(), AgeDistribution())},
        {"epochs": 0},
        {"batch": 0},
        {"rounds": 0},
        {"validation": 0},
        {"folds": 1},
        {"folds": -1},
        {"folds": 3, "fold": 3},
        {"fold": 1},
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"objectives must be|must be at least 1|there is no fold"):
        recipe(**changes)


def test_its_card_describes_the_network_that_is_trained() -> None:
    chosen = recipe(network=Network(name="attribute_net", arguments={"width": 8, "blocks": [1]}, colour="BGR"))
    card = chosen.card(**WORDS)
    assert card_from_json(card_to_json(card)) == card
    assert (card.name, card.colour, card.crop) == ("test", "BGR", chosen.network.crop)
    assert [task.name for task in card.tasks] == ["age", "gender"]
    assert sum(p.numel() for p in build_network(card).parameters()) > 0
