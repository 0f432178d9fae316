"""The upkeep job: join small files, delete superseded ones, or forget pictures for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from deltalake import CommitProperties, DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError
from tabulate import tabulate

from faceray.errors import UserError
from faceray.forget import Found, find, forget
from faceray.forget_proof import Proof, save
from faceray.forget_request import Request, read_request
from faceray.forgotten import forgotten
from faceray.maintain_options import MaintainOptions
from faceray.progress import say
from faceray.results.committer import Committer
from faceray.results.table import Table
from faceray.status import alive
from faceray.storage import Folder

_SHORTEST_LOG = 24  # hours that log entries stay at least: a reader may be between two of them


@dataclass(frozen=True)
class Kept:
    """A table's files that its log names, before and after; `deleted` ones it did not name any more."""

    name: str
    files_before: int
    files_after: int
    bytes_after: int
    deleted: int


@dataclass(frozen=True)
class Upkeep:
    """What was done: to each table; if pictures were to be forgotten, the proof and where it is, or only a look."""

    tables: tuple[Kept, ...] = ()
    found: Found | None = None
    proof: Proof | None = None
    proof_address: str = ""


def maintain(options: MaintainOptions) -> Upkeep:
    """Forget pictures if asked to, else join small files; delete what is superseded.

    Every step is a commit that readers see wholly or not at all. A run of annotate that starts meanwhile makes the
    next step fail, and loses nothing.

    Raises:
        UserError: there are no tables, a run is still going, or one started meanwhile.
    """
    output = Folder.at(options.output, options.storage)
    committer = Committer(output, 0)
    tables = (committer.faces, committer.images)
    if any(table.delta is None for table in tables):
        raise UserError(f"no tables in {options.output}")
    request = read_request(options.forget, options.forget_list, options.storage) if options.forgets else None
    if request and options.dry_run:
        return Upkeep(found=find(committer, request, forgotten(output)))
    if run := alive(output, options.dead_after):
        raise UserError(f"run {run} is still going; wait for its end (faceray status {options.output})")
    if request:
        return _forget(output, request, options)
    return Upkeep(tuple(_keep(table, options) for table in tables))


def _forget(output: Folder, request: Request, options: MaintainOptions) -> Upkeep:
    if not options.gallery_folders:
        return _saved(output, forget(output, request))
    from faceray.forget_gallery import forget_in_gallery  # FAISS is not needed otherwise
    from faceray.gallery.gallery import Gallery

    for uri in options.gallery_folders:
        Gallery.open(uri)  # a wrong address is found before anything is done
    proof = forget(output, request)
    found = tuple(forget_in_gallery(uri, forgotten(output)) for uri in options.gallery_folders)
    return _saved(output, replace(proof, searched=(*proof.searched, *found)))


def _saved(output: Folder, proof: Proof) -> Upkeep:
    address = save(output, proof)
    if not proof.clean:
        raise UserError(f"forgotten pictures were found again, see {address}; do it once more")
    return Upkeep(proof=proof, proof_address=address)


def _keep(table: Table, options: MaintainOptions) -> Kept:
    name = table.folder.uri.rpartition("/")[2]
    before = len(_delta(table).file_uris())
    if options.compact:
        say(f"{name}: joining small files of {before:,}")
        compact(table, options.file_megabytes << 20)
    deleted = vacuum(table, options.keep_hours)
    sizes = _delta(table).get_add_actions(flatten=True)["size_bytes"].to_pylist()
    return Kept(name, before, len(sizes), sum(sizes), deleted)


def compact(table: Table, target_bytes: int) -> None:
    """Join files that are smaller than the target, in one commit. Rows, and the serial of the last run, stay.

    A run of annotate that has begun meanwhile stops at its next commit, as it does when another run begins.

    Raises:
        UserError: rows of these files were replaced meanwhile; nothing has changed.
    """
    # No bounds in the log: see Table; and they would keep addresses of pictures beyond their time
    _configure(table, {"delta.dataSkippingNumIndexedCols": "0"})
    zstd = WriterProperties(compression="ZSTD")
    with _alone(table):
        _delta(table).optimize.compact(target_size=target_bytes, writer_properties=zstd)


def vacuum(table: Table, keep_hours: int) -> int:
    """Delete files and log entries that newer versions have superseded, but not those of the last hours.

    Returns how many files went.
    """
    delta, folder = _delta(table), table.folder
    _configure(
        table,
        {
            "delta.deletedFileRetentionDuration": f"interval {keep_hours} hours",
            "delta.logRetentionDuration": f"interval {max(keep_hours, _SHORTEST_LOG)} hours",
        },
    )
    if keep_hours:
        expired = delta.vacuum(keep_hours, dry_run=True, enforce_retention_duration=False)
        for name in expired:
            folder.remove(name)
        deleted = len(expired)
    else:
        deleted = table.vacuum()
    delta.create_checkpoint()
    delta.cleanup_metadata()
    return deleted


def _configure(table: Table, properties: dict[str, str]) -> None:
    delta, once = _delta(table), CommitProperties(max_commit_retries=0)
    if properties.items() - delta.metadata().configuration.items():
        with _alone(table):
            delta.alter.set_table_properties(properties, raise_if_not_exists=False, commit_properties=once)


@contextmanager
def _alone(table: Table) -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise UserError(f"a run has written to {table.folder.uri} meanwhile; try again when it has ended") from error


def _delta(table: Table) -> DeltaTable:
    assert table.delta is not None, "maintain() has looked"
    return table.delta


def upkeep_text(done: Upkeep) -> str:
    """For people."""
    if done.found:
        found = done.found
        return _pairs(
            ("pictures that would go", len(found.gone)),
            ("pictures with equal bytes that stay", found.copies),
            ("faces that are unknown", found.unknown_faces),
        )
    if proof := done.proof:
        heads = ["", "before", "removed", "after", "files searched", "found again"]
        rows = [(s.name, s.before, s.removed, s.after, s.files, s.found) for s in proof.searched]
        rest = _pairs(
            ("pictures with equal bytes that stay", proof.copies),
            ("faces that are unknown", proof.unknown_faces),
            ("proof", done.proof_address),
        )
        return f"{tabulate(rows, headers=heads)}\n\n{rest}"
    kept = [(k.name, k.files_before, k.files_after, round(k.bytes_after / 1e6, 1), k.deleted) for k in done.tables]
    return tabulate(kept, headers=["", "files before", "files", "MB", "deleted"])


def _pairs(*rows: tuple[str, object]) -> str:
    return tabulate([(name, value) for name, value in rows], tablefmt="plain")
