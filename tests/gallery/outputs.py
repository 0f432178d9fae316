"""Outputs of annotate with made-up embeddings: what a gallery is built from, without running a network."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.corpus.source import image_ids
from faceray.results.parts import face_ids, write_part
from faceray.results.schema import FACES
from faceray.results.table import Table
from faceray.storage import Folder

Floats = NDArray[np.float32]
RUN = "20261101T120000000Z"
_CONSTANT: dict[str, Any] = {"x1": 10, "y1": 20, "x2": 60, "y2": 90, "score": 0.9, "yaw": 0, "pitch": 0, "roll": 0}
_CONSTANT |= dict.fromkeys(("quality_size", "quality_sharpness", "quality_exposure", "quality_frontality"), 0.5)


def people(count: int, photos: int = 1, dimension: int = 32, cosine: float = 0.8, seed: int = 0) -> Floats:
    """Embeddings of so many people with so many photos each, one person after the other: float32 (n, dimension).

    Two photos of a person have about this cosine similarity; two people about none.
    """
    dice = np.random.default_rng(seed)
    centres = _unit(dice.standard_normal((count, 1, dimension)))
    noise = _unit(dice.standard_normal((count, photos, dimension)))
    return _unit(np.sqrt(cosine) * centres + np.sqrt(1 - cosine) * noise).reshape(-1, dimension).astype(np.float32)


def uris(count: int, photos: int = 1, first: int = 0) -> list[str]:
    """`file:///photos/person 3/2.jpg`, in the order of `people`."""
    return [f"file:///photos/person {p}/{i}.jpg" for p in range(first, first + count) for i in range(photos)]


def write_output(
    output: Path | str | Folder,
    vectors: Sequence[Floats | None] | Floats,
    addresses: list[str],
    run_id: str = RUN,
    network: str = "sface",
    files: int = 3,
    **columns: Sequence[Any],
) -> NDArray[np.int64]:
    """Append faces, one for each address; a repeated address is another face of that picture. Returns the face ids."""
    folder = output if isinstance(output, Folder) else Folder.at(str(output))
    images = image_ids(addresses)
    indices = np.array([addresses[:i].count(address) for i, address in enumerate(addresses)])
    ids = face_ids(images, indices)
    rows = [
        {
            **_CONSTANT,
            "face_id": ids[i],
            "image_id": images[i],
            "uri": address,
            "face_index": indices[i],
            "landmarks": [30.0] * 10,
            "quality": 0.5,
            "embedding": vectors[i],
            "run_id": run_id,
            **{name: values[i] for name, values in columns.items()},
        }
        for i, address in enumerate(addresses)
    ]
    table = Table(folder / "faces", FACES)
    table.create()
    faces = pa.Table.from_pylist(rows, schema=FACES)
    step = -(-len(rows) // files)
    parts = [
        write_part(table.folder, f"part-{run_id}-{start}.parquet", faces.slice(start, step))
        for start in range(0, len(rows), step)
    ]
    table.commit(table.serial + 1, parts)
    crop = {"kind": "similarity", "size": 112, "template": "arcface", "margin": 0.0, "share": 1.0}
    settings = {"crops": [crop], "precision": "fp32"}
    models = [{"role": "embedding", "name": network, "sha256": ["ab" * 32], "settings": settings}]
    (folder / "runs").write(f"{run_id}.json", json.dumps({"run_id": run_id, "models": models}).encode())
    return ids


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    unit: NDArray[np.floating] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
