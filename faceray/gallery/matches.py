"""The matches: for each probe its candidates, what their scores mean, and whether they are accepted."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceray.gallery.calibration import Calibration
from faceray.gallery.probability import probabilities

_BOX = ("x1", "y1", "x2", "y2")
_BOXES = pa.list_(pa.field("element", pa.float32()))

MATCHES = pa.schema(
    [
        pa.field("probe_face_id", pa.int64(), False, {"doc": "the face that was searched for"}),
        pa.field("probe_uri", pa.string(), False, {"doc": "its picture"}),
        pa.field("probe_box", _BOXES, False, {"doc": "x1, y1, x2, y2 in pixels of the upright picture"}),
        pa.field("probe_identity", pa.string(), True, {"doc": "who it is, if `--identities` says so"}),
        pa.field("rank", pa.int32(), False, {"doc": "1 is the most similar candidate"}),
        pa.field("gallery_face_id", pa.int64(), False, {"doc": "the candidate; never the probe itself"}),
        pa.field("gallery_uri", pa.string(), False, {"doc": "its picture"}),
        pa.field("gallery_box", _BOXES, False, {"doc": "as probe_box"}),
        pa.field("identity", pa.string(), True, {"doc": "who the candidate is, as the gallery knows"}),
        pa.field("score", pa.float32(), False, {"doc": "cosine similarity, -1 to 1"}),
        pa.field(
            "probability",
            pa.float32(),
            True,
            {"doc": "that both are one person; null where the calibration cannot tell"},
        ),
        pa.field("accepted", pa.bool_(), True, {"doc": "whether the score reaches the threshold; null without one"}),
    ]
)


@dataclass(frozen=True)
class Decision:
    """What a score means in a gallery of a certain size.

    Args:
        threshold: from which score on a candidate is accepted; None where nobody knows.
        calibration: None where there is none.
        faces: of the gallery.
        prior: probability that a probe's person is in the gallery.
    """

    threshold: float | None
    calibration: Calibration | None
    faces: int
    prior: float

    def probability(self, scores: NDArray[np.floating], people: NDArray[np.int64]) -> NDArray[np.float32]:
        """Of each candidate, (n, k), see faceray.gallery.probability.probabilities; NaN where it is not known."""
        if self.calibration is None:
            return np.full(scores.shape, np.nan, np.float32)
        return probabilities(scores, people, self.calibration, self.faces, self.prior)

    def accepted(self, scores: NDArray[np.floating]) -> pa.Array:
        """Of each score, (n,); null without a threshold."""
        if self.threshold is None:
            return pa.nulls(len(scores), pa.bool_())
        return pa.array(scores >= self.threshold)


def match_rows(
    probes: pa.Table,
    scores: NDArray[np.float32],
    rows: NDArray[np.int64],
    entries: pa.Table,
    top: int,
    decision: Decision,
) -> pa.Table:
    """Rows of MATCHES, in the order of the probes and their candidates.

    Args:
        probes: n rows with the columns of faceray.gallery.idmap.ENTRIES.
        scores, rows: (n, k) what a search gave; k is one more than `top`, for the probe itself may be among them.
        entries: n * k rows of ENTRIES, those of `rows`.
        top: candidates of each probe.
    """
    shape, face_ids = rows.shape, np.asarray(probes["face_id"])
    itself = np.asarray(entries["face_id"].fill_null(0)).reshape(shape) == face_ids[:, None]
    found = (rows >= 0) & ~itself
    rank = np.cumsum(found, axis=1)
    found &= rank <= top
    kept = np.flatnonzero(found)
    people = np.asarray(entries["identity"].combine_chunks().dictionary_encode().indices.fill_null(-1), np.int64)
    people = np.where(found, people.reshape(shape), -1)
    likely = decision.probability(np.where(found, scores, -np.inf), people)
    some, candidates = probes.take(pa.array(kept // shape[1])), entries.take(pa.array(kept))
    chosen = scores.ravel()[kept]
    columns = {
        "probe_face_id": some["face_id"],
        "probe_uri": some["uri"],
        "probe_box": _boxes(some),
        "probe_identity": some["identity"],
        "rank": pa.array(rank.ravel()[kept], pa.int32()),
        "gallery_face_id": candidates["face_id"],
        "gallery_uri": candidates["uri"],
        "gallery_box": _boxes(candidates),
        "identity": candidates["identity"],
        "score": pa.array(chosen, pa.float32()),
        "probability": pa.array(likely.ravel()[kept], from_pandas=True),
        "accepted": decision.accepted(chosen),
    }
    return pa.table(columns, schema=MATCHES)


def _boxes(faces: pa.Table) -> pa.Array:
    edges = np.stack([np.asarray(faces[edge], np.float32) for edge in _BOX], axis=1)
    offsets = np.arange(0, 4 * len(edges) + 1, 4, dtype=np.int32)
    return pc.cast(pa.ListArray.from_arrays(pa.array(offsets), pa.array(edges.ravel())), _BOXES)
