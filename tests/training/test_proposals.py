"""Region proposals: regions from landmarks, iteration, landmark-based suppression."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from faceray.training.landmarks import denormalise
from faceray.training.proposals import Answers, iterate_proposals, landmark_nms, region_from_landmarks
from faceray.vision.overlap import assign

TEMPLATE = torch.tensor([[-0.3, -0.3], [0.3, -0.3], [0, 0.05], [-0.2, 0.3], [0.2, 0.3], [0, 0.45]])
SEEN = torch.ones(1, 6)
SIZE = (400, 300)


@given(st.floats(60, 340), st.floats(60, 240), st.floats(20, 50))
def test_the_template_s_landmarks_give_the_template_s_box(x: float, y: float, half: float):
    box = torch.tensor([[x - half, y - half, x + half, y + half]])
    points = denormalise(TEMPLATE[None], box)
    found = region_from_landmarks(points, SEEN, TEMPLATE, SIZE)
    torch.testing.assert_close(found, box, atol=0.01, rtol=1e-4)


def test_hidden_landmarks_do_not_count_and_four_are_needed():
    box = torch.tensor([[100.0, 100, 200, 200]])
    points = denormalise(TEMPLATE[None], box)
    points[0, 5] = torch.tensor([390.0, 10])
    visible = torch.tensor([[1.0, 1, 1, 1, 1, 0]])
    torch.testing.assert_close(region_from_landmarks(points, visible, TEMPLATE, SIZE), box, atol=0.01, rtol=1e-4)
    visible[0, :2] = 0.4
    assert region_from_landmarks(points, visible, TEMPLATE, SIZE).isnan().all()


def test_a_tilted_face_has_an_upright_box_around_it():
    points = denormalise(TEMPLATE[None], torch.tensor([[100.0, 100, 200, 200]]))
    c = np.sqrt(0.5)
    turn = torch.tensor([[c, c], [-c, c]], dtype=torch.float32)
    turned = (points - 150) @ turn + 150
    half = 50 * np.sqrt(2)
    expected = torch.tensor([[150 - half, 150 - half, 150 + half, 150 + half]], dtype=torch.float32)
    torch.testing.assert_close(region_from_landmarks(turned, SEEN, TEMPLATE, SIZE), expected, atol=0.01, rtol=1e-4)


def test_regions_end_at_the_image_s_edges():
    points = denormalise(TEMPLATE[None], torch.tensor([[-20.0, 250, 80, 350]]))
    assert region_from_landmarks(points, SEEN, TEMPLATE, SIZE).tolist()[0] == pytest.approx([0, 250, 80, 300])
    assert region_from_landmarks(points + 1000, SEEN, TEMPLATE, SIZE).isnan().all()


TRUTH = torch.tensor([[50.0, 50, 150, 150], [250, 100, 330, 180]])


def look(regions: Tensor) -> Answers:
    """A network that finds the landmarks of the nearest face wherever it looks, and is as sure as the overlap."""
    assert len(regions), "networks need not take an empty batch"
    found = assign(regions, TRUTH)
    points = denormalise(TEMPLATE.repeat(len(TRUTH), 1, 1), TRUTH)[found.face]
    centre = (regions[:, None, :2] + regions[:, None, 2:]) / 2
    relative = (points - centre) / (regions[:, 2:] - regions[:, :2])[:, None]
    return Answers(found.overlap, relative, torch.ones(len(regions), 6), found.face[:, None].float())


def test_iteration_finds_the_faces_from_poor_regions():
    poor = torch.tensor([[20.0, 20, 130, 130], [60, 70, 190, 160], [260, 90, 380, 200], [0, 200, 100, 300]])
    assert (look(poor).scores < 0.7).all()
    boxes, answers = iterate_proposals(poor, look, TEMPLATE, SIZE)
    torch.testing.assert_close(boxes, TRUTH[[0, 0, 1]], atol=0.01, rtol=1e-4)
    torch.testing.assert_close(answers.landmarks[2], denormalise(TEMPLATE[None], TRUTH[1:])[0], atol=0.01, rtol=1e-4)
    faces, sizes = landmark_nms(answers)
    assert sizes.tolist() == [2, 1]
    assert sorted(faces.others[:, 0].tolist()) == [0, 1]


def test_an_image_without_candidates_gives_nothing():
    boxes, answers = iterate_proposals(torch.tensor([[0.0, 200, 50, 300]]), look, TEMPLATE, SIZE)
    assert boxes.shape == (0, 4)
    faces, sizes = landmark_nms(answers)
    assert faces.landmarks.shape == (0, 6, 2)
    assert len(sizes) == 0


def test_suppression_takes_the_median_of_the_best():
    points = denormalise(TEMPLATE[None], TRUTH[:1]).repeat(4, 1, 1) + torch.tensor([0.0, 1, 2, 9])[:, None, None]
    others = torch.tensor([[10.0], [20], [60], [999]])
    answers = Answers(torch.tensor([0.7, 0.9, 0.8, 0.6]), points, torch.ones(4, 6), others)
    faces, sizes = landmark_nms(answers, top=3)
    assert sizes.tolist() == [4]
    assert faces.scores.tolist() == pytest.approx([0.9])
    assert faces.others.tolist() == [[20]]
    torch.testing.assert_close(faces.landmarks[0], points[1])
