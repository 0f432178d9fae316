"""Galleries are calibrated with what they have: names, some names, none, or only with the probes."""

from pathlib import Path

import numpy as np
import pytest

from faceray.build_gallery import build_gallery
from faceray.gallery.calibrating import calibrate_gallery, calibrate_with
from faceray.gallery.gallery import Gallery
from faceray.gallery_options import GalleryOptions
from tests.gallery.outputs import people, uris, write_output


def gallery(folder: Path, count: int, photos: int, named: int = 0, **more: str) -> Gallery:
    """So many people; the first `named` of them have names."""
    ids = write_output(folder / "labels", people(count, photos), uris(count, photos))
    rows = [f"{face},person {i // photos}" for i, face in enumerate(ids[: named * photos])]
    (folder / "names.csv").write_text("\n".join(["face_id,identity", *rows]) + "\n")
    names = {"identities": f"{folder}/names.csv"} if named else {}
    build_gallery(GalleryOptions(faces=f"{folder}/labels", output=f"{folder}/gallery", **names, **more))
    return Gallery.open(f"{folder}/gallery")


def false_positives(count: int, photos: int, threshold: float) -> float:
    """Of other people than those of the gallery."""
    vectors = people(count, photos, seed=7)
    scores = vectors @ vectors.T
    who = np.arange(len(vectors)) // photos
    scores[who[:, None] == who] = -1
    return float((scores.max(axis=1) >= threshold).mean())


@pytest.mark.parametrize(
    ("named", "source", "counted"), [(300, "identities", 300), (0, "mixture", 0), (5, "mixture", 0)]
)
def test_with_all_names_with_none_and_with_too_few(tmp_path: Path, named: int, source: str, counted: int):
    found = calibrate_gallery(gallery(tmp_path, 300, 2, named))
    assert (found.source, found.people, found.faces) == (source, counted, 600)
    assert 0.002 < false_positives(300, 2, found.threshold(600)) < 0.03


def test_half_of_the_names_are_enough(tmp_path: Path):
    opened = gallery(tmp_path, 400, 2, named=200)
    found = calibrate_gallery(opened)
    assert (found.source, found.people, found.probes) == ("identities", 200, 400)
    assert 0.003 < false_positives(400, 2, found.threshold(800)) < 0.03


def test_shards_make_no_difference(tmp_path: Path):
    whole = calibrate_gallery(gallery(tmp_path / "whole", 100, 2, 100))
    shards = gallery(tmp_path / "shards", 100, 2, 100, memory="40KB")
    assert len(shards.shards) > 2
    assert calibrate_gallery(shards).threshold(200) == pytest.approx(whole.threshold(200), abs=1e-5)


def test_a_gallery_of_few_is_calibrated_with_probes(tmp_path: Path):
    few = gallery(tmp_path, 8, 1, 8)
    with pytest.raises(ValueError, match="too few"):
        calibrate_gallery(few)
    probes = people(400, 1, seed=3)
    table = few.entries(np.full(400, -1))  # nobody of the gallery, and without names
    found = calibrate_with(few, table, probes)
    assert (found.source, found.faces) == ("mixture", 8)
    strangers = (people(2000, 1, seed=4) @ few.vectors(np.arange(8)).T).max(axis=1)
    assert 0.003 < (strangers >= found.threshold(8)).mean() < 0.03
