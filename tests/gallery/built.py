"""A small gallery, for tests of the gallery job."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceray.build_gallery import build_gallery
from faceray.gallery.card import GalleryCard
from faceray.gallery.gallery import Gallery
from faceray.gallery_options import GalleryOptions
from tests.gallery.outputs import people, uris, write_output

FACES, ADDRESSES = people(60, 3), uris(60, 3)
LATER = "20261102T120000000Z"


@pytest.fixture
def output(tmp_path: Path) -> str:
    """180 faces of 60 people."""
    folder = str(tmp_path / "labels")
    write_output(folder, FACES, ADDRESSES, quality=np.linspace(0, 1, 180).tolist())
    return folder


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "gallery")


def build(place: str, faces: str = "", **changes: Any) -> GalleryCard:
    """By default in shards of at most 50 faces."""
    return build_gallery(GalleryOptions(**{"output": place, "faces": faces, "memory": "25.6KB", **changes}))


def held(place: str, generation: str | None = None) -> dict[str, np.ndarray]:
    """Every uri in the gallery, with the vector that is stored for it."""
    gallery = Gallery.open(place, generation)
    rows = np.arange(gallery.card.faces)
    return dict(zip(gallery.entries(rows)["uri"].to_pylist(), gallery.vectors(rows), strict=True))


def sizes(card: GalleryCard) -> list[int]:
    return [shard.faces for shard in card.shards]
