"""Made-up embeddings of people, and the tables that annotate would have written for them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.inference.rows import RECOGNISED
from faceray.storage import Folder
from tests.results import batches

DIMENSION = 64
Vectors = NDArray[np.float32]


def embedding(person: int, photo: int, spread: float = 0.7) -> NDArray[np.float64]:
    """A unit vector: two of one person have a similarity of about 1 / (1 + spread²), two of different people one of
    about 0 with a standard deviation of 1/8."""
    centre, noise = (np.random.default_rng(seed).standard_normal(DIMENSION) for seed in ([person], [person, photo]))
    vector: NDArray[np.float64] = centre + spread * noise
    return vector / np.linalg.norm(vector)


def embeddings(people: Iterable[int], spread: float = 0.7) -> Vectors:
    """Of a photo each, float32 (n, DIMENSION)."""
    return np.array([embedding(person, photo, spread) for photo, person in enumerate(people)], np.float32)


def annotated(
    output: Path,
    people: Sequence[Sequence[int]],
    first_image: int = 1,
    run: str = "run",
    quality: float = 0.9,
    photos: Sequence[Path] = (),
) -> None:
    """Add images to tables: each shows these people.

    Args:
        first_image: the id of the first one; the others follow.
        photos: their files; made-up names where there are none.
    """
    images = range(first_image, first_image + len(people))
    shown = batches.recognised(*((i, len(group)) for i, group in zip(images, people, strict=True)))
    rows: list[dict[str, Any]] = shown.to_pylist()
    for number, (row, group) in enumerate(zip(rows, people, strict=True)):
        if photos:
            row |= {"uri": photos[number].as_uri(), "bytes": photos[number].stat().st_size}
        for face, person in zip(row["faces"], group, strict=True):
            face |= {"embedding": embedding(person, row["image_id"]).tolist(), "quality": quality, "score": 0.99}
            face |= {"x1": 1.0, "y1": 1.0, "x2": 40.0, "y2": 40.0}
    batches.run(Folder.at(str(output)), run, pa.Table.from_pylist(rows, schema=RECOGNISED))
