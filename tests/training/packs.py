"""Packs made on the spot: the brightness of a picture says what its labels are: there is something to learn."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from faceray.datasets.pack import PACK, SHARDS, PackCard, write_card
from faceray.results.schema import RACES
from faceray.storage import Folder
from faceray.vision.align import Crop


def make_pack(
    folder: Path, count: int = 48, crop: Crop | None = None, name: str = "made", seed: int = 0, **labels: Any
) -> str:
    """A complete pack. `labels`: column -> function of the sample's number, in place of age, gender and race."""
    crop = crop or Crop("similarity", 64)
    random = np.random.default_rng(seed)
    columns = labels or {
        "age": lambda i: float(10 + 60 * (i % 2)),
        "gender": lambda i: i % 2,
        "race": lambda i: RACES[i % 2],
    }
    rows = []
    for i in range(count):
        values = {column: value(i) for column, value in columns.items()}
        level = 40 + 170 * (i % 2)
        pictures = [
            np.clip(random.normal(level, 25, (crop.size, crop.size, 3)), 0, 255).astype(np.uint8)
            for _ in range(crop.count)
        ]
        encoded = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]
        part = "test" if i % 8 == 7 else "val" if i % 8 == 6 else "train"
        rows.append(
            dict.fromkeys(PACK.names)
            | {"sample_id": i, "image": f"{i}.jpg", "pictures": encoded, "part": part, "subject": f"s{i}", **values}
        )
    half = count // 2
    for number, part_rows in enumerate((rows[:half], rows[half:])):
        target = folder / SHARDS
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(part_rows, schema=PACK), target / f"shard-{number}.parquet")
    card = PackCard(name, "made", count, {}, {}, {}, vars(crop), {}, "test")
    write_card(Folder.at(str(folder)), card)
    return str(folder)
