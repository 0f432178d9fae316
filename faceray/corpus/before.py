"""What earlier runs left, as a plan sees it: rows that are there, gone, forgotten, or partly of use."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.dataset

from faceray.forgotten import FORGOTTEN
from faceray.results.schema import FACES, IMAGES

_ROWS = 65_536
_OWN = {"face_id", "image_id", "uri", "run_id"}  # of FACES: made anew when rows are written
_NEEDED = ("version", "status", "models", "face_count", "gone_at")


def _part(models: str, which: str) -> str:
    """SQL for a part of a fingerprint, see Models.fingerprint: detector, embedding network, attribute networks."""
    if which == "attributes":
        return f"regexp_replace({models}, '^\\S+ \\S+ ?', '')"
    return f"split_part({models}, ' ', {1 if which == 'detector' else 2})"


@dataclass(frozen=True)
class Before:
    """Beside the images table.

    Attributes:
        faces: the faces table, from which faces are kept when only networks after the detector have changed.
        forgotten: rows of FORGOTTEN: images that must not come back.
        covers: whether the listing would name an address, if there were something at it.
    """

    faces: pa.dataset.Dataset | None = None
    forgotten: pa.Table | None = None
    covers: Callable[[str], bool] | None = None

    def register(self, db: duckdb.DuckDBPyConnection, done: pa.dataset.Dataset | None, models: str) -> None:
        """Give the database `images`, `forgotten`, and `done`: a row for each image of the table, with `gone` and
        `keeps_faces`.
        """
        db.register("images", IMAGES.empty_table() if done is None else done)
        db.register("forgotten", FORGOTTEN.empty_table() if self.forgotten is None else self.forgotten)
        known = IMAGES.names if done is None else done.schema.names
        columns = ", ".join(name if name in known else f"NULL AS {name}" for name in _NEEDED)
        same = f"status = 'ok' AND {_part('models', 'detector')} = {_part('$models', 'detector')}"
        db.execute(
            f"CREATE TABLE done AS SELECT image_id, version, status, models, face_count, gone_at IS NOT NULL AS gone, "
            f"{same if self.faces is not None else 'false'} AS keeps_faces "
            f"FROM (SELECT image_id, {columns} FROM images)",
            {"models": models} if self.faces is not None else {},
        )

    def register_kept(self, db: duckdb.DuckDBPyConnection, models: str) -> str:
        """SQL after `SELECT plan.*` that adds, for images that are recomputed:

        - `refresh`: which of `embedding` and `attributes` are to be computed;
        - `known_faces`: the faces as they are, in their order.
        """
        assert self.faces is not None, "else nothing is recomputed"
        db.register("faces", self.faces)
        kept = ", ".join(f"{name} := {name}" for name in FACES.names if name not in _OWN)
        db.execute(
            f"""CREATE TABLE kept AS
            SELECT image_id, list(struct_pack({kept}) ORDER BY face_index) AS known_faces
            FROM faces SEMI JOIN (SELECT image_id FROM plan WHERE reason = 'recomputed') USING (image_id)
            GROUP BY image_id"""
        )
        refresh = ", ".join(
            f"CASE WHEN {_part('done.models', part)} <> {_part('current.models', part)} THEN '{part}' END"
            for part in ("embedding", "attributes")
        )
        db.register("current", pa.table({"models": [models]}))
        return (
            f", CASE WHEN known_faces IS NOT NULL THEN list_filter([{refresh}], x -> x IS NOT NULL) END AS refresh, "
            "known_faces FROM plan LEFT JOIN kept USING (image_id) LEFT JOIN done USING (image_id), current"
        )

    def gone(self, db: duckdb.DuckDBPyConnection) -> pa.Int64Array:
        """Images of the table that the listing covers and does not name; not those that were gone before.

        What is in a container that is listed itself, because it could not be read, is not gone.
        """
        if self.covers is None:
            return pa.array([], pa.int64())
        found = db.execute(
            """SELECT image_id, uri FROM images ANTI JOIN listing USING (image_id)
            WHERE gone_at IS NULL AND split_part(uri, '#', 1) NOT IN (SELECT uri FROM listing)"""
        ).to_arrow_reader(_ROWS)
        parts = [
            batch["image_id"].filter(pa.array([self.covers(uri) for uri in batch["uri"].to_pylist()], pa.bool_()))
            for batch in found
        ]
        return pa.concat_arrays([pa.array([], pa.int64()), *parts])
