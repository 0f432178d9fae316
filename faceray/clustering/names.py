"""Who the numbers are: names voted for by faces that somebody has named."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset
from numpy.typing import NDArray

from faceray.clustering.faces import Shard
from faceray.gallery.gallery import Gallery

Ids = NDArray[np.int64]
Source = Literal["labels", "gallery", "before"]


@dataclass(frozen=True)
class Name:
    """A name, and who says so."""

    name: str
    named_by: Source


def majority(clusters: NDArray[np.int64], names: Iterable[str]) -> dict[int, str]:
    """The name that more than half of a cluster's votes are for; clusters that do not agree on one are left out.

    Args:
        clusters: (votes,) which cluster each vote is from.
        names: of each vote.
    """
    votes: dict[int, dict[str, int]] = {}
    for cluster, name in zip(clusters.tolist(), names, strict=True):
        of = votes.setdefault(cluster, {})
        of[name] = of.get(name, 0) + 1
    best = {cluster: max(of, key=lambda name: of[name]) for cluster, of in votes.items()}
    return {c: name for c, name in best.items() if 2 * votes[c][name] > sum(votes[c].values())}


def labelled(faces: pyarrow.dataset.Dataset, labels: pa.Table) -> tuple[Ids, list[str]]:
    """The faces that a table of labels names, and their names: by id, or else by the address of a picture in which a
    face is the largest.

    Args:
        faces: the faces table.
        labels: rows of faceray.gallery.labels.LABELS.
    """
    with duckdb.connect() as db:
        db.register("faces", faces)
        db.register("labels", labels)
        found = db.execute(
            """SELECT face_id, coalesce(any_value(name) FILTER (exact), any_value(name)) AS name FROM (
                SELECT faces.face_id, identity AS name, true AS exact FROM faces JOIN labels USING (face_id)
                UNION ALL SELECT faces.face_id, identity, false FROM faces JOIN labels USING (uri) WHERE face_index = 0
            ) GROUP BY face_id ORDER BY face_id"""
        ).to_arrow_table()
    return np.asarray(found["face_id"], np.int64), found["name"].to_pylist()


def recognised(gallery: Gallery, shards: Iterable[Shard], threshold: float) -> tuple[Ids, list[str]]:
    """The faces whose most similar face in a gallery has a name and is similar enough, and these names.

    Args:
        shards: the faces to be named; one is held at a time.
        threshold: cosine similarity.

    Raises:
        UserError: embeddings of another length than the gallery's.
    """
    ids: list[Ids] = []
    names: list[str] = []
    for shard in shards:
        scores, rows = gallery.search(shard.vectors, 1)
        near = np.flatnonzero(scores[:, 0] >= threshold)
        found = gallery.entries(rows[near, 0])["identity"].to_pylist()
        ids.append(shard.ids[near[[name is not None for name in found]]])
        names += [name for name in found if name is not None]
    return np.concatenate([np.zeros(0, np.int64), *ids]), names
