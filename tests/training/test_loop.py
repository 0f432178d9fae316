"""The loop: resumed as if unbroken, stopped in time, labels filled, packs in turn. In one process, without Ray."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from faceray.errors import UserError
from faceray.models.checkpoint import load_checkpoint
from faceray.results.schema import EMOTIONS, GENDERS
from faceray.training.feeds import direct
from faceray.training.loop import Loop
from faceray.training.objectives.age import AgeDistribution
from faceray.training.objectives.classes import Classes, Emotion
from faceray.training.optimisers import OptimiserOptions
from faceray.training.pictures import Pictures
from faceray.training.recipe import Network, Recipe, Strategy
from faceray.training.schedules import Schedule
from faceray.training.selection import Selection
from faceray.training.session import Job, make_loop, run
from faceray.training.state import State, load_state, save_state
from faceray.training.targets import Filling
from faceray.vision.align import Crop
from tests.training.packs import make_pack

CROP = Crop("similarity", 32)
NETWORK = Network(name="attribute_net", crop=CROP, arguments={"width": 8, "blocks": [1, 1], "dropout": 0.3})


def recipe(**changes: object) -> Recipe:
    basis = Recipe(
        name="test",
        network=NETWORK,
        objectives=(AgeDistribution(), Classes(name="gender", classes=GENDERS)),
        batch=8,
        epochs=3,
        optimiser=OptimiserOptions(learning_rate=1e-2),
    )
    return replace(basis, **changes)  # type: ignore[arg-type]


@pytest.fixture
def pack(tmp_path: Path) -> str:
    return make_pack(tmp_path / "pack", 48, CROP)


def emotions(tmp_path: Path) -> str:
    return make_pack(tmp_path / "emotions", 48, CROP, "emotions", emotion=lambda i: EMOTIONS[i % 2])


def loop_of(recipe: Recipe, *packs: str, output: Path = Path("unused")) -> Loop:
    return make_loop(Job(recipe, packs, str(output)), direct, "cpu")


def figures(state: State) -> list[dict[str, float]]:
    """All but the time."""
    return [{k: v for k, v in row.items() if k != "seconds" and v == v} for row in state.history]


@pytest.mark.parametrize("stop_after", [1, 2, 3, 5])
def test_a_resumed_training_has_the_losses_of_an_unbroken_one(pack: str, tmp_path: Path, stop_after: int) -> None:
    chosen = recipe(rounds=2, schedule=Schedule("cosine"))
    unbroken = loop_of(chosen, pack)
    for _ in unbroken.rounds():
        pass
    first = loop_of(chosen, pack)
    for number, state in enumerate(first.rounds(), start=1):
        if number == stop_after:
            save_state(tmp_path, state, first.learner, first.optimiser)
            break
    second = loop_of(chosen, pack)
    second.state = load_state(tmp_path, second.learner, second.optimiser)
    for _ in second.rounds():
        pass
    assert figures(second.state) == figures(unbroken.state)
    assert len(unbroken.state.history) == 6


def test_it_learns_and_the_checkpoint_holds_the_best_round(pack: str, tmp_path: Path) -> None:
    chosen = recipe(epochs=8, watch="gender/accuracy")
    job = Job(chosen, (pack,), str(tmp_path / "out"))
    loop = make_loop(job, direct, "cpu")
    kept: list[State] = []
    held_out = run(job, loop, None, lambda state, _: kept.append(state))
    assert held_out["test/gender/accuracy"] == 1
    assert kept[-1].values("train/loss")[-1] < kept[-1].values("train/loss")[0]
    model = load_checkpoint(str(tmp_path / "out"))
    assert model.card.metrics == pytest.approx(held_out)
    assert [task.name for task in model.tasks] == ["age", "gender"]
    dark, light = (torch.full((1, 3, 32, 32), level) for level in (40.0, 210.0))
    with torch.inference_mode():
        assert [int(model.module(face)[1].argmax()) for face in (dark, light)] == [0, 1]


def test_it_stops_when_nothing_gets_better(pack: str) -> None:
    chosen = recipe(epochs=20, patience=2, optimiser=OptimiserOptions("sgd", learning_rate=1e-12), watch="loss")
    loop = loop_of(replace(chosen, improvement=1.0), pack)
    assert len(list(loop.rounds())) == 3  # the first is the best, two are not better


@pytest.mark.parametrize("method", ["naive", "distilled", "pseudo", "interpolated"])
@pytest.mark.parametrize("selectors", [(), ("confidence",), ("confidence", "density", "distribution")])
def test_disjoint_packs_in_turn_with_every_way_of_filling(
    pack: str, tmp_path: Path, method: str, selectors: tuple[str, ...]
) -> None:
    strategy = Strategy(kind="alternating", filling=Filling(method), selection=Selection(selectors))  # type: ignore[arg-type]
    objectives = (Emotion(classes=EMOTIONS[:2], votes="majority"), Classes(name="gender", classes=GENDERS))
    chosen = recipe(objectives=objectives, strategy=strategy, epochs=3)
    loop = loop_of(chosen, emotions(tmp_path), pack)
    history = [state.history[-1] for state in loop.rounds()]
    taught = [{name for name in ("emotion", "gender") if row[f"train/{name}"] > 0} for row in history]
    both = {"emotion", "gender"}
    assert taught[0] == both  # the warm-up has both packs
    assert taught[1:] == ([{"gender"}, {"emotion"}] if method == "naive" else [both, both])


def test_a_curriculum_goes_from_pack_to_pack(pack: str, tmp_path: Path) -> None:
    stages = (("emotions", ("emotion",)), ("made", ("gender",)))
    objectives = (Emotion(classes=EMOTIONS[:2], votes="majority"), Classes(name="gender", classes=GENDERS))
    chosen = recipe(objectives=objectives, strategy=Strategy(kind="curriculum", stages=stages), epochs=1)
    history = [s.history[-1] for s in loop_of(chosen, emotions(tmp_path), pack).rounds()]
    assert "train/gender" not in history[0]
    assert {"train/emotion", "train/gender"} <= history[1].keys()


def test_heads_learn_first_and_frozen_parts_never(pack: str) -> None:
    chosen = recipe(strategy=Strategy(heads_first=1), epochs=2, network=replace(NETWORK, frozen=("trunk.1",)))
    loop = loop_of(chosen, pack)
    before = {name: value.clone() for name, value in loop.learner.network.named_parameters()}

    def moved() -> set[str]:
        now = loop.learner.network.named_parameters()
        return {name.split(".")[0] for name, value in now if not torch.equal(value, before[name])}

    rounds = loop.rounds()
    next(rounds)
    assert moved() == {"heads"}
    next(rounds)
    assert moved() == {"heads", "trunk"}
    assert torch.equal(dict(loop.learner.network.named_parameters())["trunk.1.weight"], before["trunk.1.weight"])


def test_no_face_is_in_training_and_held_out_parts_of_any_fold(pack: str) -> None:
    tested: list[int] = []
    for fold in range(3):
        loop = make_loop(Job(recipe(folds=3, fold=fold), (pack,), "unused", fold), direct, "cpu")
        parts = {part: set(loop.packs[0].rows(part).tolist()) for part in ("train", "val", "test")}
        assert not parts["train"] & (parts["val"] | parts["test"])
        tested += parts["test"]
    assert sorted(tested) == list(range(48))


def test_the_pictures_asked_for_are_those_of_the_plan(pack: str) -> None:
    asked: list[int] = []

    def counting(pictures: Pictures, rows: NDArray, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        if pictures.augmentation is not None:
            asked.extend(rows[:, 1].tolist())
        yield from direct(pictures, rows, batch)

    loop = make_loop(Job(recipe(epochs=1), (pack,), "unused"), counting, "cpu")
    list(loop.rounds())
    assert set(asked) <= set(loop.packs[0].rows("train").tolist())
    assert len(asked) == len(set(asked)) == 32  # four whole batches of 36


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 64}, "set a smaller batch"),
        ({"objectives": (Emotion(),)}, "no training sample has a label for emotion"),
        ({"network": replace(NETWORK, crop=Crop("triple_box", 32))}, "shows crops of kind similarity"),
        ({"network": replace(NETWORK, name="perceptron")}, "no network 'perceptron'"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(pack: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        loop_of(recipe(**changes), pack)
