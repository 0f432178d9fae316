"""What answers are called in each format."""

import numpy as np
import pytest

from faceray.models.tasks import Task
from faceray.predicting.said import cells, fields, headline, numbers, text_order, value
from faceray.results.schema import FACES, RACES

GENDER = Task("gender", "softmax", ("male", "female"))  # not in the table's order
RACE = Task("race", "softmax", ("Asian", "Black"))  # not all of them
OWN = Task("shirt", "softmax", ("red", "blue"))
AGE = Task("age", "ordinal")
HAT = Task("Wearing_Hat", "sigmoid")
POSE = Task("pose", "regression", ("roll", "yaw"))


def answer(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_numbers_of_the_list_format() -> None:
    assert numbers(GENDER, answer(0.7, 0.3)) == ["1"]  # male
    assert numbers(RACE, answer(0.2, 0.8)) == ["1"]  # Black
    assert numbers(RACE, answer(0.8, 0.2)) == ["2"]  # Asian
    assert numbers(OWN, answer(0.4, 0.6)) == ["1"]
    assert numbers(AGE, answer(31)) == ["31.0"]
    assert numbers(HAT, answer(0.123456)) == ["0.1235"]
    assert numbers(POSE, answer(1, -2.5)) == ["1.0000", "-2.5000"]


def test_unknown_has_as_many_places() -> None:
    assert numbers(GENDER, None) == numbers(AGE, None) == numbers(HAT, None) == ["-1"]
    assert numbers(POSE, None) == ["-1", "-1"]


def test_race_gender_and_age_come_first() -> None:
    tasks = (HAT, AGE, POSE, RACE, GENDER)
    assert [tasks[i].name for i in text_order(tasks)] == ["race", "gender", "age", "Wearing_Hat", "pose"]
    assert text_order((HAT, AGE)) == [1, 0]


def test_json_values() -> None:
    assert value(GENDER, answer(0.7, 0.3)) == {"male": 0.7, "female": 0.3}
    assert value(HAT, answer(0.1234567)) == 0.123457
    assert value(POSE, answer(1, np.nan)) == [1, None]


def test_columns_are_those_of_the_faces_table_where_it_has_them() -> None:
    for task in (GENDER, RACE, AGE, Task("emotion", "softmax", ("fear", "anger")), Task("hat", "sigmoid")):
        for field in fields(task):
            assert field.equals(FACES.field(field.name)), field.name
    assert cells(RACE, answer(0.2, 0.8)) == {"race": "Black", "race_probabilities": [0, 0.8, 0.2, 0, 0]}
    assert fields(RACE)[1].metadata == {b"doc": ("in the order " + ", ".join(RACES)).encode()}
    assert cells(OWN, answer(0.4, 0.6)) == {"shirt": "blue", "shirt_probabilities": [0.4, 0.6]}
    assert cells(AGE, answer(31)) == {"age": 31}
    assert cells(POSE, answer(1, 2)) == {"pose": [1, 2]}


@pytest.mark.parametrize(("probability", "drawn"), [(0.51, ["Wearing_Hat"]), (0.5, [])])
def test_what_is_more_likely_than_not_is_drawn(probability: float, drawn: list[str]) -> None:
    assert headline((HAT,), [answer(probability)]) == drawn


def test_words_of_a_drawing() -> None:
    tasks = (GENDER, AGE, OWN, POSE)
    assert headline(tasks, [answer(0.7, 0.3), answer(31.4), answer(0.5, 0.5), answer(1, 2)]) == ["male", "31"]
