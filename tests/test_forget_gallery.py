"""Forgetting pictures in galleries: by ids and by search, in every generation."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from faceray.build_gallery import build_gallery
from faceray.corpus.source import image_ids
from faceray.errors import UserError
from faceray.forget_gallery import forget_in_gallery
from faceray.forgotten import FORGOTTEN, list_of
from faceray.gallery.gallery import Gallery
from faceray.gallery_options import GalleryOptions
from faceray.maintain import maintain, upkeep_text
from faceray.maintain_options import MaintainOptions
from faceray.results.committer import Committer
from faceray.storage import Folder
from tests.gallery.outputs import people, uris, write_output
from tests.test_status import manifest

ANNA = uris(1, 3)  # person 0
VECTORS = people(20, 3)


@pytest.fixture
def gallery(tmp_path: Path) -> str:
    """20 people with 3 photos each, and a second generation with one more person."""
    write_output(tmp_path / "out", VECTORS, uris(20, 3))
    options = {"output": f"{tmp_path}/gallery", "faces": f"{tmp_path}/out", "recall": 1.0}
    build_gallery(GalleryOptions(**options))
    write_output(tmp_path / "out", people(1, 3, seed=1), uris(1, 3, first=20), run_id="20261102T120000000Z")
    build_gallery(GalleryOptions(**options, add=True))
    return f"{tmp_path}/gallery"


def addresses(gallery: str) -> set[str]:
    """Of all files, whichever generation needs them."""
    maps = [path for path in Path(gallery).glob("shards/*.parquet") if "banned" not in path.name]
    return {uri for path in maps for uri in pq.read_table(path)["uri"].to_pylist()}


def test_a_person_goes_and_everybody_else_is_found_as_before(gallery: str) -> None:
    searched = forget_in_gallery(gallery, list_of(image_ids(ANNA[:2]).tolist(), []))
    assert (searched.before, searched.removed, searched.after, searched.found) == (63, 2, 61, 0)
    opened = Gallery.open(gallery)
    assert len(opened.store.generations()) == 1
    assert not set(ANNA[:2]) & addresses(gallery)
    _, rows = opened.search(VECTORS[2:], 1)
    assert opened.entries(rows[:, 0])["uri"].to_pylist() == uris(20, 3)[2:]
    scores, _ = opened.search(VECTORS[:2], 1)
    assert np.all(scores < 0.99)


def test_a_prefix(gallery: str) -> None:
    searched = forget_in_gallery(gallery, list_of([], ["file:///photos/person 0/"]))
    assert (searched.removed, searched.found) == (3, 0)
    assert not set(ANNA) & addresses(gallery)


def test_generations_before_the_current_one(gallery: str, tmp_path: Path) -> None:
    """They stay when somebody removes faces without forgetting them."""
    build_gallery(GalleryOptions(output=gallery, remove=f"uri={ANNA[0]}", keep=3))
    assert ANNA[0] in addresses(gallery)
    searched = forget_in_gallery(gallery, list_of(image_ids(ANNA[:1]).tolist(), []))
    assert (searched.removed, searched.found) == (0, 0)
    assert ANNA[0] not in addresses(gallery)
    assert Gallery.open(gallery).card.faces == 62


def test_the_job_forgets_in_tables_and_galleries(gallery: str, tmp_path: Path) -> None:
    output = Folder.at(f"{tmp_path}/out")
    committer = Committer(output, 0)
    committer.images.create()
    committer.images.commit(committer.faces.serial)
    manifest(output, "20261102T120000000Z", "finished")
    done = maintain(MaintainOptions(f"{tmp_path}/out", forget=[ANNA[0]], galleries=gallery))
    assert done.proof is not None
    assert done.proof.clean
    assert {s.name.rpartition("/")[2]: s.removed for s in done.proof.searched} == {
        "images": 0,
        "faces": 1,
        "gallery": 1,
    }
    assert "found again" in upkeep_text(done)
    assert ANNA[0] not in addresses(gallery)


def test_nothing_to_forget_leaves_the_gallery_alone(gallery: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(gallery).rglob("*")}
    searched = forget_in_gallery(gallery, FORGOTTEN.empty_table())
    assert (searched.removed, searched.found) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in Path(gallery).rglob("*")} == before


def test_where_there_is_no_gallery(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no gallery"):
        forget_in_gallery(f"{tmp_path}/none", FORGOTTEN.empty_table())
