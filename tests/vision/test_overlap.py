"""What regions teach: IoU rules at their edges."""

import torch

from faceray.vision.overlap import assign

FACE = torch.tensor([[0.0, 0, 100, 100]])


def test_what_regions_teach_by_their_overlap():
    widths = torch.tensor([100.0, 51, 50, 36, 35, 34, 10])  # of 100: the overlap in percent
    regions = torch.stack([torch.zeros(7), torch.zeros(7), widths, torch.full((7,), 100.0)], 1)
    found = assign(regions, FACE)
    torch.testing.assert_close(found.overlap, widths / 100)
    assert found.is_face.nan_to_num(-1).tolist() == [1, 1, -1, -1, -1, 0, 0]
    assert found.landmarks.tolist() == [True, True, True, True, False, False, False]
    assert found.pose.tolist() == [True, True, False, False, False, False, False]


def test_regions_belong_to_the_face_that_they_overlap_most():
    faces = torch.cat([FACE, FACE + 200])
    assert assign(faces + 10, faces).face.tolist() == [0, 1]


def test_an_image_without_faces_teaches_what_is_none():
    found = assign(FACE, FACE[:0])
    assert found.is_face.tolist() == [0]
    assert found.face.tolist() == [-1]
    assert not found.landmarks.any()
