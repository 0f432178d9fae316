"""Every recipe trains: a few steps on pictures that show what their labels are, and its loss falls."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from faceray.datasets.landmarks import AFLW_21
from faceray.errors import UserError
from faceray.results.schema import EMOTIONS, RACES
from faceray.training.feeds import direct
from faceray.training.recipe import Recipe
from faceray.training.recipes import RECIPES, recipe
from faceray.training.session import Job, make_loop
from faceray.vision.align import Crop
from tests.training.packs import make_pack

SMALLER = {"ir_resnet": 32, "torchvision": 75, "attribute_net": 32}  # pictures, to spare the processor
LABELS = {
    "age": lambda i: float(10 + 60 * (i % 2)),
    "gender": lambda i: i % 2,
    "race": lambda i: RACES[i % 2],
    "emotion": lambda i: EMOTIONS[i % 2],
    "emotion_votes": lambda i: [1.0 - i % 2, i % 2 * 1.0, *[0.0] * 6],
    **{name: lambda i: bool(i % 2) for name in ("smile", "eyeglasses", "beard", "mustache", "hat", "is_face")},
    "yaw": lambda i: 40.0 * (i % 2),
    "pitch": lambda i: 0.0,
    "roll": lambda i: 5.0,
    "identity": lambda i: f"person {i % 4}",
    "keypoints": lambda i: [100.0, 120.0 - 10 * (i % 2), 1.0] * len(AFLW_21),
}


def small(name: str) -> Recipe:
    """The recipe at a smaller size where its network allows that, one batch an epoch."""
    found = recipe(name)
    size = SMALLER.get(found.network.name, found.network.crop.size)
    crop = replace(found.network.crop, size=size)
    large = found.network.name == "all_in_one"  # 70 million weights
    faster = 1 if large else 5
    optimiser = replace(found.optimiser, learning_rate=min(1e-2, faster * found.optimiser.learning_rate))
    return replace(
        found,
        network=replace(found.network, crop=crop),
        optimiser=optimiser,
        schedule=replace(found.schedule, warm_up=0.0),
        batch=6,
        epochs=2 if large else 4,
        rounds=1,
        patience=0,
    )


@pytest.mark.parametrize("name", RECIPES)
def test_its_loss_falls(name: str, tmp_path: Path) -> None:
    chosen = small(name)
    packs = [make_pack(tmp_path / "a", 8, chosen.network.crop, "aflw", **LABELS)]
    if chosen.strategy.kind != "joint":
        packs += [make_pack(tmp_path / n, 8, chosen.network.crop, n, seed=1, **LABELS) for n in ("wiki", "celeba")]
    loop = make_loop(Job(chosen, tuple(packs), str(tmp_path / "out")), direct, "cpu")
    history = [state.history[-1] for state in loop.rounds()]
    tasks = [name for name in history[-1] if name.startswith("train/") and name != "train/loss"]
    first = {task: next(row[task] for row in history if task in row) for task in tasks}
    best = {task: min(row[task] for row in history[1:] if task in row) for task in tasks}
    fallen = [task for task in tasks if best[task] < first[task]]
    assert len(fallen) >= len(tasks) / 2, (first, best)
    assert all(math.isfinite(value) for row in history for name, value in row.items() if "loss" in name)


def test_an_unknown_recipe_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(UserError, match=r"no recipe 'dex': one of attributes, .*dex_mobilenet"):
        recipe("dex")


def test_recipes_say_what_they_are_and_need() -> None:
    for name, make in RECIPES.items():
        found = make()
        assert found.name == name
        assert found.about
        assert found.needs
        assert isinstance(found.network.crop, Crop)
