"""Faces to calibrate with, from packs, folders and lists."""

from pathlib import Path

import numpy as np
import pytest

from faceray.corpus.decode import Limits
from faceray.errors import UserError
from faceray.exporting.samples import noise, real_faces
from faceray.vision.align import Crop
from tests.exporting.networks import painted
from tests.exporting.pictures import painted_folder
from tests.training.packs import make_pack


def test_pictures_from_all_over_a_folder(tmp_path: Path) -> None:
    folder = painted_folder(tmp_path / "pictures", 40)
    (tmp_path / "pictures" / "000.png").write_bytes(b"broken")
    faces = real_faces(folder, Crop("similarity", 32), 10, Limits())
    np.testing.assert_array_equal(faces, painted(40, 1000)[0][4::4])


def test_faces_of_a_pack(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", count=12, crop=Crop("triple_box", 40))
    assert real_faces(pack, Crop("triple_box", 40), 100, Limits()).shape == (12, 3, 40, 40, 3)
    with pytest.raises(UserError, match="has 3 pictures of a face, the models look at 1"):
        real_faces(pack, Crop("similarity", 40), 100, Limits())


def test_too_few(tmp_path: Path) -> None:
    folder = painted_folder(tmp_path / "pictures", 3)
    with pytest.raises(UserError, match="has 3 pictures that can be read: four are the least"):
        real_faces(folder, Crop("similarity", 32), 10, Limits())


def test_noise_differs_from_face_to_face() -> None:
    faces = noise(Crop("triple_box", 20), 6)
    assert faces.shape == (6, 3, 20, 20, 3)
    assert faces.dtype == np.uint8
    assert faces.mean((1, 2, 3)).std(0).min() > 20
