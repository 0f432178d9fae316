"""The prepare job: from a labelled set in its official layout to a pack."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from faceray import __version__
from faceray.corpus.plan import FILE_ROWS, write_pieces
from faceray.corpus.source import LISTING, image_ids
from faceray.datasets.pack import CARD, LABELS, SHARDS, PackCard, label_row, samples, write_card
from faceray.datasets.readers import DATASETS, read_dataset
from faceray.datasets.regions import OTHERS
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError
from faceray.prepare_options import PrepareOptions
from faceray.progress import Progress, say
from faceray.results.manifest import new_run_id
from faceray.storage import Folder

_PLANNED = pa.schema(
    [*LISTING, ("replaces", pa.bool_()), ("data", pa.binary()), ("image", pa.string()), OTHERS, *LABELS]
)
Box = tuple[float, float, float, float]
_HISTOGRAMS = ("age", "gender", "race", "emotion", "smile", "eyeglasses", "beard", "mustache", "hat")


def prepare(options: PrepareOptions) -> PackCard:
    """Read, detect and align, clean, split and write. Returns the pack's card.

    Raises:
        UserError: set, source, output or cluster is not what it should be.
    """
    from faceray.cluster import cluster  # Ray takes seconds to import
    from faceray.pipeline import prepare as pipeline
    from faceray.pools import share_out

    pack, root = Folder.at(options.output), Path(options.source).absolute()
    dropped: Counter[str] = Counter()
    entries = read_dataset(options.dataset, root, **options.set)
    regions = options.faces == "regions"
    boxes = _boxes(read_dataset(options.dataset, root, **options.set)) if regions else {}
    _clear(pack)
    written = read = 0
    try:
        pieces = write_pieces(_plan(entries, boxes, root, options, dropped), pack / "plan")
        if not pieces:
            raise UserError(f"no samples of {options.dataset} in {options.source}")
        planned = int(pa.dataset.dataset((pack / "plan").path, filesystem=pack.files, format="parquet").count_rows())
        say(f"{planned:,} samples to do; starting workers")
        if regions:
            planned *= options.regions.near + options.regions.far
        with cluster(options.address), Progress(planned, "prepare") as progress:
            pools = share_out(options.workers, options.device)
            for report in pipeline(pieces, pack / "plan", pack, new_run_id(), options, pools):
                reasons = {entry["reason"]: entry["count"] for entry in report["dropped"]}
                dropped.update(reasons)
                written += report["written"]
                read += report["written"] + sum(reasons.values())
                progress.show(read, written=written, dropped=sum(dropped.values()))
    finally:
        pack.remove("plan")
    card = _card(options, pack, written, dropped)
    write_card(pack, card)
    return card


def _plan(
    entries: Iterator[Sample | Dropped],
    boxes: dict[str, list[Box]],
    root: Path,
    options: PrepareOptions,
    dropped: Counter[str],
) -> Iterator[pa.RecordBatch]:
    """Batches of _PLANNED; what the reader drops is counted on the way."""
    entries = islice(entries, options.limit)
    while chunk := list(islice(entries, FILE_ROWS)):
        samples = [entry for entry in chunk if isinstance(entry, Sample)]
        dropped.update(entry.reason for entry in chunk if isinstance(entry, Dropped))
        ids = image_ids(_key(sample, options) for sample in samples)
        rows = [
            _row(sample, int(i), root, options) | {"others": _others(sample, boxes)}
            for sample, i in zip(samples, ids, strict=True)
        ]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema=_PLANNED)


def _boxes(entries: Iterator[Sample | Dropped]) -> dict[str, list[Box]]:
    """All faces of each image."""
    boxes: dict[str, list[Box]] = {}
    for sample in entries:
        if isinstance(sample, Sample) and sample.box and sample.is_face:
            boxes.setdefault(sample.image, []).append(sample.box)
    return boxes


def _others(sample: Sample, boxes: dict[str, list[Box]]) -> list[float] | None:
    return [edge for box in boxes.get(sample.image, ()) if box != sample.box for edge in box] or None


def _key(sample: Sample, options: PrepareOptions) -> str:
    """A photo may show several faces, which are several samples."""
    where = sample.box or sample.landmarks
    return " ".join([options.dataset, sample.image, *([str(where)] if where else [])])


def _row(sample: Sample, sample_id: int, root: Path, options: PrepareOptions) -> dict[str, Any]:
    path = Path(sample.image)
    uri = sample.image if sample.data is not None else (path if path.is_absolute() else root / path).as_uri()
    return {
        "image_id": sample_id,
        "uri": uri,
        "version": "",
        "replaces": False,
        "data": sample.data,
        "image": sample.image,
        **label_row(sample, options.split.part(sample)),
    }


def _clear(pack: Folder) -> None:
    """Make room for a new pack, but never in a folder of something else."""
    names = set(pack.names())
    if names - {CARD, SHARDS, "plan"}:
        raise UserError(f"{pack.uri} holds files that are not of a pack: choose another output")
    for name in names:
        pack.remove(name)


def _card(options: PrepareOptions, pack: Folder, written: int, dropped: Counter[str]) -> PackCard:
    if not written:
        raise UserError(f"every sample was dropped: {', '.join(f'{n} {reason}' for reason, n in dropped.items())}")
    labels = samples(pack).to_table(columns=["part", *_HISTOGRAMS])
    return PackCard(
        dataset=options.dataset,
        licence=DATASETS[options.dataset].licence,
        samples=written,
        parts=_values(labels["part"]),
        dropped=dict(sorted(dropped.items())),
        histograms={name: _by_part(labels, name) for name in _HISTOGRAMS},
        crop=asdict(options.crop),
        options=asdict(options),
        faceray=__version__,
    )


def _values(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each value occurs, in order; ages by whole years."""
    if pa.types.is_floating(column.type):
        column = pc.floor(column).cast(pa.int32())
    counted = pc.value_counts(column.drop_null()).to_pylist()
    return {str(entry["values"]): entry["counts"] for entry in sorted(counted, key=lambda entry: entry["values"])}


def _by_part(labels: pa.Table, name: str) -> dict[str, dict[str, int]]:
    parts = sorted(set(labels["part"].to_pylist()))
    return {part: _values(labels.filter(pc.equal(labels["part"], part))[name]) for part in parts}
