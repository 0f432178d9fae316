"""Faces with names, all of them in memory: for comparisons one to one."""

from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa

from faceray.gallery.gallery import Gallery
from faceray.gallery.probes import Batch, Probes
from faceray.gallery.score_files import Features

_CHUNK = 65_536


def named_probes(probes: Probes) -> Features:
    """The probes that have a name, sorted by their labels."""
    return _named(probes.batches(), probes.vectors.dimension)


def named_entries(gallery: Gallery) -> Features:
    """The faces of a gallery that have a name, sorted by their labels."""
    faces = gallery.card.faces
    chunks = (np.arange(start, min(start + _CHUNK, faces)) for start in range(0, faces, _CHUNK))
    return _named(((gallery.entries(rows), gallery.vectors(rows)) for rows in chunks), gallery.card.network.dimension)


def label_of(uri: str) -> str:
    """`folder/name` of a picture, without its ending."""
    path = PurePosixPath(uri)
    return f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem


def _named(batches: Iterable[Batch], dimension: int) -> Features:
    subjects: list[str] = []
    labels: list[str] = []
    parts = [np.zeros((0, dimension), np.float32)]
    for rows, vectors in batches:
        known = np.flatnonzero(np.asarray(rows["identity"].is_valid()))
        some = rows.take(pa.array(known))
        subjects += some["identity"].to_pylist()
        labels += [label_of(uri) for uri in some["uri"].to_pylist()]
        parts.append(vectors[known])
    order = sorted(range(len(labels)), key=labels.__getitem__)
    vectors = np.concatenate(parts)[order]
    return Features(vectors, [subjects[i] for i in order], [labels[i] for i in order])
