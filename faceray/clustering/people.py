"""The people table: what is known of each number, those that are not used any more included."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceray.clustering.belonging import NONE
from faceray.clustering.names import Name
from faceray.clustering.partition import Partition
from faceray.clustering.stable import Numbered, number
from faceray.clustering.tables import IDENTITIES, PEOPLE
from faceray.results.table import Table

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Before:
    """What the last run left.

    faces, numbers: (n,) its faces and their identities.
    people: rows of PEOPLE.
    """

    faces: Ids
    numbers: Ids
    people: pa.Table

    @classmethod
    def read(cls, identities: Table, people: Table) -> "Before":
        """Nothing before the first run."""
        rows = identities.dataset().to_table(columns=["face_id", "identity"], filter=pc.field("identity").is_valid())
        faces, numbers = (np.asarray(rows[name], np.int64) for name in ("face_id", "identity"))
        return cls(faces, numbers, people.dataset().to_table())

    @property
    def unused(self) -> int:
        """The smallest number never given; 1 at first."""
        known = [int(values.max()) for values in (self.numbers, np.asarray(self.people["identity"])) if len(values)]
        return 1 + max(known, default=0)

    def number(self, faces: Ids, labels: Ids) -> Numbered:
        """Numbers for the clusters of these faces; NONE is no cluster."""
        placed = labels != NONE
        return number(labels[placed], faces[placed], self.faces, self.numbers, self.unused)

    def names(self) -> dict[int, str]:
        """Of the numbers that have one."""
        named = self.people.filter(pc.is_valid(self.people["name"]))
        return dict(zip(named["identity"].to_pylist(), named["name"].to_pylist(), strict=True))


def people_rows(
    partition: Partition, numbered: Numbered, everyone: pa.Table, names: dict[int, Name], before: Before, run_id: str
) -> pa.Table:
    """The rows of PEOPLE, by number.

    Args:
        everyone: columns face_id, image_id and quality, in the order of the partition.
        names: by number.
    """
    placed = np.flatnonzero(partition.labels != NONE)
    labels, count = partition.labels[placed], len(numbered.numbers)
    quality = np.asarray(everyone["quality"])[placed]
    order = np.lexsort((placed, -quality, ~partition.core[placed], labels))
    cover = placed[order[np.searchsorted(labels[order], np.arange(count))]]
    images = np.unique(np.stack([labels, np.asarray(everyone["image_id"])[placed]]), axis=1)[0]
    known = [names.get(n) for n in numbered.numbers.tolist()]
    present = pa.table(
        [
            numbered.numbers,
            pa.array([name and name.name for name in known], pa.string()),
            pa.array([name and name.named_by for name in known], pa.string()),
            np.bincount(labels, minlength=count),
            np.bincount(labels[partition.core[placed]], minlength=count),
            np.bincount(images, minlength=count),
            _means(labels, partition.belonging.similarity[placed], count),
            np.asarray(everyone["face_id"])[cover],
            pa.nulls(count, pa.int64()),
            pa.repeat(run_id, count),
        ],
        schema=PEOPLE,
    )
    return pa.concat_tables([present, _retired(before, numbered)]).sort_by("identity")


def _means(labels: Ids, values: NDArray[np.float32], count: int) -> pa.Array:
    """Mean of the values that are numbers, float32, null where there is none."""
    known = np.isfinite(values)
    counts = np.bincount(labels[known], minlength=count)
    means = np.bincount(labels[known], values[known], count) / np.maximum(counts, 1)
    return pa.array(means, pa.float32(), mask=counts == 0)


def _retired(before: Before, numbered: Numbered) -> pa.Table:
    """Rows of the numbers that nobody has any more. Their names go: the person may have asked to be forgotten."""
    gone = before.people.filter(pc.invert(pc.is_in(before.people["identity"], pa.array(numbered.numbers))))
    rows = [
        {**dict.fromkeys(PEOPLE.names), **row, "became": numbered.became.get(row["identity"], row["became"])}
        for row in gone.select(["identity", "became", "run_id"]).to_pylist()
    ]
    return pa.Table.from_pylist([row | {"faces": 0, "core_faces": 0, "images": 0} for row in rows], schema=PEOPLE)


def identity_rows(
    faces: pa.Table, everyone: Ids, partition: Partition, numbered: Numbered, names: dict[int, Name], run_id: str
) -> pa.Table:
    """Rows of IDENTITIES for some faces.

    Args:
        faces: columns face_id, image_id and uri.
        everyone: (faces,) face ids in the order of the partition, ascending.
    """
    rows = np.searchsorted(everyone, np.asarray(faces["face_id"]))
    labels = partition.labels[rows]
    nowhere = labels == NONE
    numbers = np.append(numbered.numbers, NONE)[labels]
    columns = {
        "identity": pa.array(numbers, mask=nowhere),
        "name": pa.array([(name := names.get(n)) and name.name for n in numbers.tolist()], pa.string()),
        "confidence": _known(partition.belonging.confidence[rows]),
        "similarity": _known(partition.belonging.similarity[rows]),
        "is_core": pa.array(partition.core[rows]),
        "run_id": pa.repeat(run_id, len(rows)),
    }
    return pa.table([columns[f.name] if f.name in columns else faces[f.name] for f in IDENTITIES], schema=IDENTITIES)


def _known(values: NDArray[np.float32]) -> pa.Array:
    return pa.array(values, pa.float32(), mask=~np.isfinite(values))
