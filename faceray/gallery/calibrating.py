"""Calibrating a gallery with faces of its own, or with probes."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.gallery.calibration import Calibration, calibrate
from faceray.gallery.comparisons import Comparisons, Integers
from faceray.gallery.fitting import LEAST_PROBES
from faceray.gallery.gallery import Gallery

Search = Callable[[NDArray[np.float32], int], tuple[NDArray[np.float32], Integers]]
PROBES = 5_000  # faces that are searched for at most
_CANDIDATES = 256
_LEAST_PEOPLE = 10  # with a name, to stand for people in general


def calibrate_gallery(gallery: Gallery, search: Search | None = None, seed: int = 0) -> Calibration:
    """With a sample of the gallery's own faces, each compared with all the others.

    Args:
        search: as `gallery.search`, if it is done elsewhere.

    Raises:
        ValueError: there are too few faces, or their scores do not tell.
    """
    random, faces = np.random.default_rng(seed), gallery.card.faces
    rows = np.sort(random.choice(faces, min(PROBES, faces), replace=False))
    return calibrate_with(gallery, gallery.entries(rows), gallery.vectors(rows), search, seed)


def calibrate_with(
    gallery: Gallery, probes: pa.Table, vectors: NDArray[np.float32], search: Search | None = None, seed: int = 0
) -> Calibration:
    """With faces like those that are to be searched for.

    Args:
        probes: with columns `face_id` and `identity`. A face of the gallery is not compared with itself.
        vectors: float32 (p, dimension).

    Raises:
        ValueError: there are too few faces, or their scores do not tell.
    """
    faces = gallery.card.faces
    scores, rows = (search or gallery.search)(vectors, min(_CANDIDATES + 1, faces))
    entries = gallery.entries(rows.ravel())
    itself = np.asarray(entries["face_id"].fill_null(0)).reshape(rows.shape) == np.asarray(probes["face_id"])[:, None]
    itself &= rows >= 0
    names = pa.concat_arrays([probes["identity"].combine_chunks(), entries["identity"].combine_chunks()])
    numbers = np.asarray(names.dictionary_encode().indices.fill_null(-1)).astype(np.int64)
    own, people = numbers[: len(vectors)], numbers[len(vectors) :].reshape(rows.shape)
    named = (own >= 0).sum() >= LEAST_PROBES and len(np.unique(people[people >= 0])) >= _LEAST_PEOPLE
    if not named:  # as if nobody were: each face is somebody
        own, people = -1 - faces - np.arange(len(vectors)), -1 - np.maximum(rows, 0)
        own = np.where(itself.any(axis=1), people[np.arange(len(rows)), itself.argmax(axis=1)], own)
    share = float((people >= 0)[rows >= 0].mean())
    comparisons = Comparisons.of(scores, people, itself, own, faces, round(share * faces))
    return calibrate(comparisons, faces, seed)
