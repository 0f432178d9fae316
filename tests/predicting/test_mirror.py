"""Answers to mirror images, turned back by the names of their labels."""

import pytest
import torch

from faceray.datasets.landmarks import AFLW_21
from faceray.errors import UserError
from faceray.models.tasks import Task
from faceray.predicting.mirror import unmirror
from faceray.training.label_codecs import MIRRORED_POSES, POSES
from faceray.training.landmarks import AFLW_MIRRORED, mirror, mirror_pose


def random(task: Task) -> torch.Tensor:
    return torch.randn(4, task.outputs, generator=torch.Generator().manual_seed(0))


def turned(task: Task) -> torch.Tensor:
    undo = unmirror(task)
    assert undo is not None
    return undo(random(task))


def test_landmarks() -> None:
    task = Task("landmarks", "regression", tuple(f"{name}_{axis}" for name in AFLW_21 for axis in "xy"))
    expected = mirror(random(task).reshape(4, 21, 2), AFLW_MIRRORED).reshape(4, 42)
    assert torch.equal(turned(task), expected)


def test_visibility() -> None:
    task = Task("visibility", "regression", AFLW_21)
    assert torch.equal(turned(task), random(task)[:, list(AFLW_MIRRORED)])


@pytest.mark.parametrize("labels", [("roll", "pitch", "yaw"), ("roll_45", "pitch_45", "yaw_45")])
def test_angles(labels: tuple[str, ...]) -> None:
    task = Task("pose", "regression", labels)
    assert torch.equal(turned(task), mirror_pose(random(task)))


def test_pose_classes() -> None:
    task = Task("pose", "softmax", POSES)
    assert torch.equal(turned(task), random(task)[:, list(MIRRORED_POSES)])


@pytest.mark.parametrize(
    "task",
    [
        Task("age", "expectation"),
        Task("age", "regression"),
        Task("gender", "softmax", ("female", "male")),
        Task("Wearing_Hat", "sigmoid"),
        Task("identity", "embedding"),
        Task("bright_side", "softmax", ("upright", "lefty")),  # words, not parts of words
    ],
)
def test_what_has_no_sides(task: Task) -> None:
    assert unmirror(task) is None


def test_a_side_without_its_counterpart() -> None:
    with pytest.raises(UserError, match="task 'eye' has no 'right_eye_x'"):
        unmirror(Task("eye", "regression", ("left_eye_x", "left_eye_y")))
