"""One graph from pixels to answers."""

import numpy as np
import pytest
import torch

from faceray.exporting.portable import Answer, Portable, describe, input_shape
from faceray.models.tasks import Task, answer
from tests.exporting.networks import CARDS, lively, painted, trained

TASKS = (
    Task("age", "expectation"),
    Task("age", "expectation", ("10", "40.5")),
    Task("age", "ordinal"),
    Task("age", "regression"),
    Task("race", "softmax", ("White", "Other")),
    Task("hat", "sigmoid"),
    Task("pose", "regression", ("roll", "yaw")),
    Task("identity", "embedding", ("8",)),
)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.name}-{task.kind}")
def test_answers_are_those_of_the_tasks(task: Task) -> None:
    outputs = torch.randn(20, task.outputs, generator=torch.Generator().manual_seed(0)) * 10
    ours = Answer(task)(outputs).numpy()
    np.testing.assert_allclose(ours, answer(task, outputs.numpy()), atol=1e-4)
    assert ours.std(0).max() > 0.1


def test_pixels_come_as_a_decoder_gives_them() -> None:
    model = trained()
    pictures, labels = painted(200, seed=1000)
    with torch.inference_mode():
        answers = Portable(model)(torch.from_numpy(pictures))
    assert list(answers) == ["age", "gender", "race", "hat"]
    assert (answers["gender"].argmax(1) == labels["gender"]).float().mean() > 0.9
    assert ((answers["hat"][:, 0] > 0.5) == labels["hat"]).float().mean() > 0.9
    assert (answers["age"][:, 0] - labels["age"]).abs().mean() < 15


def test_three_pictures_of_a_face() -> None:
    card = CARDS["c3ae"]
    faces = torch.randint(0, 256, (2, *input_shape(card.crop)), dtype=torch.uint8)
    assert faces.shape == (2, 3, 38, 38, 3)
    assert Portable(lively(card))(faces)["gender"].shape == (2, 2)


def test_the_description_has_what_a_reader_needs() -> None:
    said = describe(CARDS["attribute_net"], "fp16", None)
    assert said["input"]["shape"] == ["n", 32, 32, 3]
    assert said["input"]["crop"]["template"] == "arcface"
    assert [(output["name"], tuple(output["labels"])) for output in said["outputs"]] == [
        (task.name, task.labels) for task in CARDS["attribute_net"].tasks
    ]
    assert said["licence"] == "Apache-2.0"
    assert describe(CARDS["c3ae"], "int8", 1)["input"]["shape"] == [1, 3, 38, 38, 3]
