"""Recipes with other tasks: their own objectives first, then the known ones, then the set's own attributes."""

from dataclasses import replace

import pytest

from faceray.errors import UserError
from faceray.models.tasks import COLUMNS
from faceray.results.schema import ATTRIBUTES, GENDERS
from faceray.training.catalogue import OBJECTIVES, with_tasks
from faceray.training.objectives.age import AgeOrdinal
from faceray.training.objectives.classes import Classes, YesNo
from faceray.training.recipe import Network, Recipe, Strategy

OWN = AgeOrdinal(weight=3.0)
RECIPE = Recipe(
    name="test",
    network=Network(name="attribute_net"),
    objectives=(OWN, Classes(name="gender", classes=GENDERS)),
    watch="age/mae",
)


def test_every_attribute_of_the_faces_table_can_be_trained() -> None:
    assert set(ATTRIBUTES) <= set(OBJECTIVES)
    for name, objective in OBJECTIVES.items():
        assert objective.name == name
        assert name not in COLUMNS or objective.task.kind in COLUMNS[name]


def test_no_tasks_leave_the_recipe_as_it_is() -> None:
    assert with_tasks(RECIPE, ()) == RECIPE


def test_the_recipes_own_objectives_come_before_the_known_ones() -> None:
    found = with_tasks(RECIPE, ("smile", "age"))
    assert found.objectives == (OBJECTIVES["smile"], OWN)
    assert found.watch == "age/mae"
    assert found.network == RECIPE.network


def test_what_decides_must_be_a_task_that_is_left() -> None:
    found = with_tasks(RECIPE, ("gender",))
    assert found.watch == ""
    assert found.watched == ("gender/accuracy", True)


def test_names_with_a_capital_are_the_sets_own() -> None:
    found = with_tasks(RECIPE, ("Wavy_Hair", "age"))
    assert found.objectives[0] == YesNo(name="Wavy_Hair")
    assert found.objectives[0].columns == ("attributes",)


def test_unknown_tasks_are_said_in_a_line() -> None:
    with pytest.raises(UserError, match=r"no task beauty, charm: only age, gender, .*Wavy_Hair"):
        with_tasks(RECIPE, ("beauty", "age", "charm"))


def test_a_task_that_is_named_twice_is_said_in_a_line() -> None:
    with pytest.raises(UserError):
        with_tasks(RECIPE, ("age", "age"))


def test_stages_of_a_curriculum_keep_the_tasks_that_are_left() -> None:
    stages = (("a", ("gender",)), ("b", ("age", "gender")))
    found = with_tasks(replace(RECIPE, strategy=Strategy(kind="curriculum", stages=stages)), ("age",))
    assert found.strategy.stages == (("b", ("age",)),)
