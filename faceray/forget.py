"""Forgetting pictures: every row of theirs goes from the tables, and none comes back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from faceray.corpus.source import image_ids
from faceray.errors import UserError
from faceray.forget_proof import Proof, search
from faceray.forget_request import Request
from faceray.forgotten import IS_FORGOTTEN, forgotten, list_of, remember
from faceray.results.committer import Committer
from faceray.results.manifest import new_run_id
from faceray.storage import Folder


@dataclass(frozen=True)
class Found:
    """What a request, and those before it, stand for.

    Attributes:
        named: images that the request names, in the tables or not.
        gone: images in the tables that are to be removed: also such as an earlier, interrupted request left.
        unknown_faces: of those named.
        copies: images that stay, and have the same bytes as one to be removed.
    """

    named: list[int]
    gone: list[int]
    unknown_faces: int
    copies: int


def find(committer: Committer, request: Request, earlier: pa.Table) -> Found:
    """Look a request up; `earlier` is the list of what was forgotten before. Nothing is changed."""
    with _tables(committer) as db:
        db.register("asked", pa.table({"face_id": pa.array(request.faces, pa.int64())}))
        faces = db.execute("SELECT face_id, image_id FROM faces SEMI JOIN asked USING (face_id)").fetchall()
        named = sorted({*image_ids(request.addresses).tolist(), *(image for _, image in faces)})
        db.register("forgotten", pa.concat_tables([earlier, list_of(named, request.prefixes)]))
        db.execute(
            f"CREATE TABLE gone AS SELECT image_id FROM images WHERE {IS_FORGOTTEN}"
            f" UNION SELECT image_id FROM faces WHERE {IS_FORGOTTEN}"
        )
        gone = _column(db, "SELECT image_id FROM gone")
        (copies,) = _column(
            db,
            "SELECT count(*) FROM (FROM images ANTI JOIN gone USING (image_id)) SEMI JOIN"
            " (SELECT sha256 FROM images SEMI JOIN gone USING (image_id)) USING (sha256)",
        )
    return Found(named, sorted(gone), len(request.faces) - len({face for face, _ in faces}), copies)


def forget(output: Folder, request: Request) -> Proof:
    """Remove every row of the pictures from both tables, and keep them out from now on.

    The list of forgotten pictures is written first, and the tables are made to agree with the whole of it: what was
    interrupted is completed by doing it again.

    Raises:
        UserError: nothing of the request is known, or a run of annotate writes to the tables.
    """
    committer = Committer(output, 0)
    earlier = forgotten(output)
    found = find(committer, request, earlier)
    if not (found.named or request.prefixes or earlier.num_rows):
        raise UserError(f"none of these {len(request.faces)} faces is in the tables")
    listed = remember(output, {*found.named, *found.gone}, request.prefixes)
    committer.claim()
    tables = (committer.faces, committer.images)
    before = [table.dataset().count_rows() for table in tables]
    if found.gone:
        serial = max(table.serial for table in tables) + 1
        for table in tables:  # faces first: after a crash between the two, `claim` removes the rest
            table.commit(serial, replaced=found.gone)
        for table in tables:
            table.vacuum()
    deleted = _delete_others(output) if found.gone else ()
    searched = tuple(search(table, rows, forgotten(output)) for table, rows in zip(tables, before, strict=True))
    return Proof(new_run_id(), request.counts, found.unknown_faces, listed, searched, found.copies, deleted)


@contextmanager
def _tables(committer: Committer) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.register("images", committer.images.dataset())
        db.register("faces", committer.faces.dataset())
        yield db


def _column(db: duckdb.DuckDBPyConnection, query: str) -> list[int]:
    return [row[0] for row in db.execute(query).fetchall()]


def _delete_others(output: Folder) -> tuple[str, ...]:
    """The report shows faces, and the plan of a run that was killed names pictures; returns what was there."""
    runs = output / "runs"
    others = [(output, n) for n in output.names() if n == "report.html"]
    others += [(runs, n) for n in runs.names() if n.endswith(".plan")]
    for folder, name in others:
        folder.remove(name)
    return tuple(name for _, name in others)
