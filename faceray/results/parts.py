"""The last stage: a batch of annotated images becomes one Parquet file in each table's folder, not yet visible."""

import hashlib
import time
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from faceray.results.schema import FACES, IMAGES
from faceray.storage import Folder

_FILE = pa.struct([("path", pa.string()), ("size", pa.int64()), ("rows", pa.int64())])

# What the driver learns of a batch: where its files are, and what to count. One row.
REPORT = pa.schema(
    [
        ("images", _FILE),
        ("faces", _FILE),
        ("replaced", pa.list_(pa.int64())),
        ("statuses", pa.list_(pa.struct([("status", pa.string()), ("count", pa.int64())]))),
        ("load_seconds", pa.float64()),
        ("detect_seconds", pa.float64()),
        ("recognise_seconds", pa.float64()),
        ("write_seconds", pa.float64()),
    ]
)


class WriteParts:
    """Rows of RECOGNISED become one row of REPORT.

    Files are named by the images in them, so that a task which is tried again writes the same files again. Readers see
    them when the committer adds them to the tables' logs.
    """

    def __init__(self, output: Folder, run_id: str, models: str) -> None:
        self.output, self.run_id, self.models = output, run_id, models

    def __call__(self, batch: pa.Table) -> pa.Table:
        start = time.perf_counter()
        images, faces = self.split(batch)
        key = "\n".join(
            sorted(f"{i} {v}" for i, v in zip(*(batch[c].to_pylist() for c in ("image_id", "version")), strict=True))
        )
        name = f"part-{hashlib.sha256(f'{self.run_id} {self.models} {key}'.encode()).hexdigest()[:32]}.parquet"
        report = {
            "images": write_part(self.output / "images", name, images),
            "faces": write_part(self.output / "faces", name, faces) if faces.num_rows else None,
            "replaced": batch.filter(batch["replaces"])["image_id"].to_pylist(),
            "statuses": [{"status": s, "count": n} for s, n in Counter(batch["status"].to_pylist()).items()],
            **{c: pc.sum(batch[c]).as_py() for c in ("load_seconds", "detect_seconds", "recognise_seconds")},
            "write_seconds": time.perf_counter() - start,
        }
        return pa.Table.from_pylist([report], schema=REPORT)

    def split(self, batch: pa.Table) -> tuple[pa.Table, pa.Table]:
        """The rows of the images table and of the faces table."""
        counts = pc.list_value_length(batch["faces"]).combine_chunks().cast(pa.int32())
        shared = {"models": self.models, "run_id": self.run_id, "annotated_at": datetime.now(UTC)}
        images = pa.table(
            [
                counts
                if f.name == "face_count"
                else pa.nulls(batch.num_rows, f.type)
                if f.name == "gone_at"
                else pa.repeat(shared[f.name], batch.num_rows).cast(f.type)
                if f.name in shared
                else batch[f.name].cast(f.type)
                for f in IMAGES
            ],
            schema=IMAGES,
        )
        return images, self._faces(batch)

    def _faces(self, batch: pa.Table) -> pa.Table:
        lists = batch["faces"].combine_chunks()
        owner = pc.list_parent_indices(lists)
        values = pc.list_flatten(lists)
        columns = {f.name: pc.struct_field(values, f.name) for f in lists.type.value_type}
        columns |= {name: pc.take(batch[name], owner) for name in ("image_id", "uri")}
        columns["run_id"] = pa.repeat(self.run_id, len(values))
        columns["face_id"] = pa.array(face_ids(*(np.asarray(columns[c]) for c in ("image_id", "face_index"))))
        return pa.table([columns[f.name] for f in FACES], schema=FACES)


def face_ids(image_id: np.ndarray, face_index: np.ndarray) -> np.ndarray:
    """int64 (n,): the first 8 bytes of the BLAKE2b hash of image id and index, both as 8 little-endian bytes."""
    pairs = np.stack([image_id.astype("<i8"), face_index.astype("<i8")], axis=1)
    return np.frombuffer(b"".join(hashlib.blake2b(p.tobytes(), digest_size=8).digest() for p in pairs), "<i8")


def write_part(folder: Folder, name: str, table: pa.Table) -> dict[str, object]:
    """Write one file; what a table has to know of it: path, size, rows."""
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    folder.write(name, content)
    return {"path": name, "size": len(content), "rows": table.num_rows}
