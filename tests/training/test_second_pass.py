"""The mirrored second pass: a perfect network says the same of both pictures."""

import torch

from faceray.training.second_pass import (
    average_passes,
    mirror,
    mirror_pose,
    mirror_pose_class,
    mirror_visibility,
)


def test_what_has_no_sides_is_the_plain_mean():
    assert average_passes(torch.tensor([0.25]), torch.tensor([0.75])).item() == 0.5


def test_a_perfect_network_s_second_answer_changes_nothing():
    landmarks, visibility = torch.rand(2, 21, 2) - 0.5, torch.rand(2, 21)
    pose, classes = torch.randn(2, 3), torch.rand(2, 5)
    for answer, undo in (
        (landmarks, mirror),
        (visibility, mirror_visibility),
        (pose, mirror_pose),
        (classes, mirror_pose_class),
    ):
        torch.testing.assert_close(average_passes(answer, undo(answer), undo), answer)


def test_a_left_profile_is_a_right_profile_in_the_mirror():
    assert mirror_pose_class(torch.tensor([[0.0, 0, 0, 1, 0]])).tolist() == [[0, 0, 0, 0, 1]]
    assert mirror_pose_class(torch.tensor([[0.0, 1, 0, 0, 0]])).tolist() == [[0, 0, 1, 0, 0]]
