"""Forgetting pictures in galleries: a generation without their vectors, and no other one left."""

import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from faceray.build_gallery import build_gallery
from faceray.forget_proof import Searched
from faceray.forgotten import IS_FORGOTTEN
from faceray.gallery.gallery import Gallery
from faceray.gallery.store import Store
from faceray.gallery_options import GalleryOptions

_PROBES = 1000  # removed vectors that the new generation is searched with


def forget_in_gallery(uri: str, forgotten: pa.Table) -> Searched:
    """Take every vector of forgotten pictures out of a gallery, and delete the generations that had them.

    Readers that have opened an older generation must open the gallery again.

    Args:
        forgotten: rows of faceray.forgotten.FORGOTTEN.

    Raises:
        UserError: there is no gallery, or somebody else builds in it.
    """
    gallery = Gallery.open(uri)
    before = gallery.card.faces
    images, rows = _in_shards(gallery, forgotten)
    probes = gallery.vectors(rows[:: max(1, -(-len(rows) // _PROBES))])
    if images:
        _remove(uri, images)
    elif _in_files(gallery.store, forgotten)[1]:  # only in generations before this one
        gallery.store.begin(gallery.card.generation)
        gallery.store.publish(gallery.card, keep=1)
    gallery = Gallery.open(uri)
    files, left = _in_files(gallery.store, forgotten)
    return Searched(
        gallery.store.folder.uri, before, gallery.card.faces, files, left + _met(gallery, probes, forgotten)
    )


def _in_shards(gallery: Gallery, forgotten: pa.Table) -> tuple[list[int], NDArray[np.int64]]:
    """Forgotten images of this generation, and the rows of their faces."""
    images: set[int] = set()
    rows = [np.zeros(0, np.int64)]
    for shard in gallery.shards:
        found = _matching(shard.ids.read(columns=["image_id", "uri"]), forgotten)
        images.update(found["image_id"].to_pylist())
        rows.append(np.asarray(found["row"], np.int64) + shard.first)
    return sorted(images), np.concatenate(rows)


def _remove(uri: str, images: list[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="faceray-") as folder:
        path = Path(folder) / "images.csv"
        pa.csv.write_csv(pa.table({"image_id": pa.array(images, pa.int64())}), path)
        build_gallery(GalleryOptions(output=uri, remove=str(path), keep=1))


def _in_files(store: Store, forgotten: pa.Table) -> tuple[int, int]:
    """How many id maps there are, of whichever generation, and forgotten faces in them."""
    files, found = 0, 0
    for name in store.shards.names():
        if not name.endswith(".parquet"):
            continue
        with store.shards.files.open(f"{store.shards.path}/{name}", "rb") as file:
            parquet = pa.parquet.ParquetFile(file)
            if "image_id" in parquet.schema_arrow.names:
                files += 1
                found += _matching(parquet.read(columns=["image_id", "uri"]), forgotten).num_rows
    return files, found


def _met(gallery: Gallery, probes: NDArray[np.float32], forgotten: pa.Table) -> int:
    """Forgotten faces among the ten that are most like each removed one."""
    if not len(probes) or not gallery.card.faces:
        return 0
    _, rows = gallery.search(probes, min(10, gallery.card.faces))
    met = np.unique(rows[rows >= 0])
    return int(_matching(gallery.entries(met).select(["image_id", "uri"]), forgotten).num_rows)


def _matching(entries: pa.Table, forgotten: pa.Table) -> pa.Table:
    """Rows `image_id`, `row` (their position) of those that are on the list."""
    numbered = entries.append_column("row", pa.array(np.arange(entries.num_rows)))
    with duckdb.connect() as db:
        db.register("forgotten", forgotten)
        db.register("entries", numbered)
        query = f"SELECT image_id, row FROM entries WHERE {IS_FORGOTTEN} ORDER BY row"
        return db.execute(query).to_arrow_table()
