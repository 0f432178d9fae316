"""Goals: which samples teach what, also where the network's own answers stand for missing labels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from faceray.results.schema import GENDERS
from faceray.training.answers import Answers
from faceray.training.goals import Goals, batch_goals, counts, taken
from faceray.training.objectives.age import AgeYears
from faceray.training.objectives.classes import Classes, PoseClasses, YesNo
from faceray.training.objectives.objective import Objective
from faceray.training.pack_labels import PackLabels
from faceray.training.recipe import Strategy
from faceray.training.selection import Selection
from faceray.training.targets import Filling
from faceray.vision.align import Crop
from tests.training.objectives.labels import labels

GENDER, AGE, SMILE = Classes(name="gender", classes=GENDERS), AgeYears(), YesNo(name="smile")


def goals_of(objectives: list[Objective], *rows: dict[str, object]) -> Goals:
    pack = PackLabels("made", "memory://made", (("shard", len(rows)),), Crop("similarity", 8), labels(*rows))
    return Goals.of(pack, objectives)


def answers(**logits: list[list[float]]) -> Answers:
    return Answers({name: torch.tensor(values) for name, values in logits.items()}, {})


def test_labelled_samples_weigh_one_and_others_nothing() -> None:
    found = goals_of([GENDER, AGE, SMILE], {"gender": 1, "age": 30.0}, {"gender": 0})
    assert {name: weight.tolist() for name, weight in found.weights.items()} == {
        "gender": [1, 1],
        "age": [1, 0],
        "smile": [0, 0],
    }
    assert found.known == ("gender", "age")
    torch.testing.assert_close(found.truths["age"], torch.tensor([30.0, nan]), equal_nan=True)


def test_missing_labels_become_the_networks_softened_answers() -> None:
    before = goals_of([GENDER], {"gender": 0}, {}, {}, {"gender": 1})
    strategy = Strategy(filling=Filling("distilled", temperature=2.0))
    said = answers(gender=[[9.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    after = before.filled(np.array([0, 1, 3]), GENDER, said, strategy)
    half = 1 / (1 + np.e)
    assert after.targets["gender"][1].tolist() == pytest.approx([half, 1 - half])
    assert after.targets["gender"][[0, 3]].tolist() == [[1, 0], [0, 1]]  # labels stay what they are
    assert after.targets["gender"][2].isnan().all()  # nobody was asked about it
    assert after.weights["gender"].tolist() == [1, 1, 0, 1]
    assert before.targets["gender"][1].isnan().all()
    assert before.weights["gender"].tolist() == [1, 0, 0, 1]


def test_the_surest_guesses_become_labels() -> None:
    before = goals_of([GENDER], {"gender": 0}, {}, {}, {}, {})
    strategy = Strategy(
        filling=Filling("pseudo", quantile=0.75, fallback="mask"), selection=Selection(("confidence",))
    )
    said = answers(gender=[[0.0, 99.0], [0.0, 1.0], [4.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    after = before.filled(np.arange(5), GENDER, said, strategy)
    assert after.targets["gender"][2].tolist() == [1, 0]
    assert (after.weights["gender"] > 0).tolist() == [True, False, True, False, False]  # 25 % of the four
    assert after.truths["gender"].isnan().tolist() == [False, True, True, True, True]  # guesses are not the truth


def test_yes_or_no_is_filled_as_a_probability() -> None:
    before = goals_of([SMILE], {"smile": True}, {})
    strategy = Strategy(filling=Filling("distilled", temperature=1.0))
    after = before.filled(np.arange(2), SMILE, answers(smile=[[-5.0], [float(np.log(3))]]), strategy)
    assert after.targets["smile"].tolist() == pytest.approx([1, 0.75])
    assert after.weights["smile"].tolist() == [1, 1]


def test_naive_filling_changes_nothing() -> None:
    before = goals_of([GENDER], {"gender": 0}, {})
    after = before.filled(np.arange(2), GENDER, answers(gender=[[1.0, 0.0]] * 2), Strategy(filling=Filling("naive")))
    torch.testing.assert_close(after.targets["gender"], before.targets["gender"], equal_nan=True)
    assert after.weights["gender"].tolist() == [1, 0]


def test_a_batch_takes_from_all_packs_and_mirrors_what_is_mirrored() -> None:
    pose = PoseClasses()
    first, second = (
        goals_of([pose, AGE], {"yaw": 30.0}, {"yaw": 0.0, "age": 5.0}),
        goals_of([pose, AGE], {"yaw": 30.0}),
    )
    rows, mirrored = np.array([[1, 0], [0, 0], [0, 1]]), torch.tensor([True, False, True])
    targets, weights = batch_goals([first, second], [pose, AGE], rows, mirrored)
    assert targets["pose"].argmax(1).tolist() == [2, 1, 0]
    assert weights["pose"].tolist() == [1, 1, 1]
    torch.testing.assert_close(targets["age"], torch.tensor([nan, nan, 5.0]), equal_nan=True)
    assert weights["age"].tolist() == [0, 0, 1]


def test_sums_are_divided_by_the_labelled_samples_of_all_workers() -> None:
    packs = [goals_of([GENDER, AGE], {"gender": 0}, {"gender": 1, "age": 4.0}), goals_of([GENDER, AGE], {"age": 9.0})]
    rows = np.array([[0, 0], [0, 1], [0, 1], [1, 0]])
    assert counts(packs, ["gender", "age"], rows, 1) == {"gender": 3, "age": 3}
    assert counts(packs, ["age"], rows[:1], 2) == {"age": 0.5}  # nobody: as if there were one


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 20), st.integers(0, 100))
def test_rows_are_taken_from_their_tables(sizes: list[int], n: int, seed: int) -> None:
    tables = [100.0 * i + torch.arange(float(size))[:, None] + torch.tensor([0, 0.5]) for i, size in enumerate(sizes)]
    random = np.random.default_rng(seed)
    packs = random.integers(0, len(sizes), n)
    rows = np.stack([packs, random.integers(0, np.array(sizes)[packs])], 1).astype(np.int64)
    found = taken(tables, rows)
    assert found.shape == (n, 2)
    assert found[:, 0].tolist() == (100 * rows[:, 0] + rows[:, 1]).tolist()
