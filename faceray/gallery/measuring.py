"""How well named probes were found, from the matches."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from faceray.evaluation.identification import Identification
from faceray.evaluation.verification import Roc, roc
from faceray.gallery.gallery import Gallery

_SAMPLE = 2_000  # probes and entries whose scores stand for those of all pairs of different people
_PROBES = """
WITH mates AS (SELECT identity, count(*) AS faces FROM names GROUP BY identity),
best AS (
    SELECT probe_face_id, any_value(probe_identity) AS person,
        max(score) FILTER (identity <> probe_identity) AS impostor,
        max(score) FILTER (identity = probe_identity) AS mate, min(rank) FILTER (identity = probe_identity) AS rank
    FROM matches WHERE probe_identity IS NOT NULL GROUP BY probe_face_id
)
SELECT coalesce(mates.faces, 0) - (own.face_id IS NOT NULL)::INT > 0 AS mated, impostor, mate, rank
FROM best LEFT JOIN mates ON person = mates.identity
LEFT JOIN (SELECT DISTINCT face_id FROM names) own ON probe_face_id = own.face_id
"""
_MATES = """
SELECT probe, names.row FROM probes JOIN names ON names.identity = probes.identity AND names.face_id <> probes.face_id
QUALIFY row_number() OVER (PARTITION BY probe) <= 100
"""


def measure(matches: ds.Dataset, gallery: Gallery) -> Identification | None:
    """What became of the named probes; None where there are none with a mate in the gallery, or none without.

    Args:
        matches: rows of faceray.gallery.matches.MATCHES. Candidates without a name count as nobody.
    """
    with duckdb.connect(config={"enable_external_access": "false"}) as db:
        db.register("matches", matches)
        db.register("names", _names(gallery))
        found = db.sql(_PROBES).to_arrow_table()
    mated, impostor, mate, rank = (found[name] for name in ("mated", "impostor", "mate", "rank"))
    mates, lowest = np.asarray(mated, bool), -np.inf
    if not len(mates) or mates.all() or not mates.any():
        return None
    return Identification(
        mate_scores=np.asarray(mate.fill_null(lowest), np.float32)[mates],
        mate_ranks=np.asarray(rank.fill_null(0), np.int64)[mates],
        impostor_scores=np.asarray(impostor.fill_null(lowest), np.float32)[~mates],
    )


def measure_pairs(gallery: Gallery, probes: pa.Table, vectors: NDArray[np.float32]) -> Roc | None:
    """The ROC curve of comparisons one to one, whatever a search would find: of some probes with all faces of their
    person, and with a sample of the others. None where either is missing.

    Args:
        probes: a sample, with columns `identity` and `face_id`. vectors: (p, dimension), theirs.
    """
    entries, faces = _names(gallery), gallery.card.faces
    known = np.flatnonzero(np.asarray(probes["identity"].is_valid()))[:_SAMPLE]
    some = pa.table({"probe": known, **{c: probes[c].take(pa.array(known)) for c in ("identity", "face_id")}})
    with duckdb.connect(config={"enable_external_access": "false"}) as db:
        db.register("probes", some)
        db.register("names", entries)
        mates = db.sql(_MATES).to_arrow_table()
    first, second = np.asarray(mates["probe"]), np.asarray(mates["row"])
    genuine = (vectors[first] * gallery.vectors(second)).sum(axis=1)
    rows = np.sort(np.random.default_rng(0).choice(faces, min(_SAMPLE, faces), replace=False))
    names = gallery.entries(rows)["identity"].to_numpy(zero_copy_only=False)
    people = some["identity"].to_numpy(zero_copy_only=False)
    other = (people[:, None] != names[None, :]) & np.array([name is not None for name in names])
    impostor = (vectors[known] @ gallery.vectors(rows).T)[other]
    if not len(genuine) or not len(impostor):
        return None
    same = np.repeat([True, False], [len(genuine), len(impostor)])
    return roc(np.concatenate([genuine, impostor]), same)


def _names(gallery: Gallery) -> pa.Table:
    """face_id, identity and row of every entry that has a name."""
    columns = ["face_id", "identity"]
    table = pa.concat_tables([shard.ids.read(columns=columns) for shard in gallery.shards])
    table = table.append_column("row", pa.array(np.arange(table.num_rows)))
    return table.filter(table["identity"].is_valid())
