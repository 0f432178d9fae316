"""Names for numbers: what labels say, else a gallery, else what the number was called before."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceray.cluster_options import ClusterOptions
from faceray.clustering.belonging import NONE
from faceray.clustering.faces import FaceShards, Shard
from faceray.clustering.names import Name, Source, labelled, majority, recognised
from faceray.clustering.partition import Partition
from faceray.errors import UserError
from faceray.gallery.gallery import Gallery
from faceray.gallery.labels import read_labels
from faceray.gallery.tables import FaceTables
from faceray.results.schema import FACES
from faceray.results.table import Table

Ids = NDArray[np.int64]
_ASKED = 5  # faces of each person that a gallery is searched for


@dataclass(frozen=True)
class Namers:
    """Who knows names: labels, and a gallery."""

    labels: pa.Table | None
    gallery: Gallery | None

    @classmethod
    def open(cls, options: ClusterOptions) -> "Namers":
        """Before the long work.

        Raises:
            UserError: labels or gallery cannot be read, or the gallery is of another embedding network.
        """
        labels = read_labels(options.names, options.storage) if options.names else None
        gallery = Gallery.open(options.gallery, storage=options.storage) if options.gallery else None
        if gallery:
            _check_network(options, gallery)
        return cls(labels, gallery)


def names_of(
    namers: Namers,
    faces: FaceShards,
    ids: Ids,
    partition: Partition,
    numbers: Ids,
    threshold: float,
    before: dict[int, str],
) -> dict[int, Name]:
    """The names of those numbers that have one.

    Args:
        ids: (faces,) ascending, in the order of the partition.
        numbers: (clusters,) identities.
        threshold: cosine similarity from which on two faces are alike.
        before: names of numbers, from the last run.
    """
    names = {number: Name(name, "before") for number, name in before.items()}

    def vote(voters: Ids, said: list[str], source: Source) -> None:
        clusters = partition.labels[np.searchsorted(ids, voters)]
        placed = clusters != NONE
        some = [name for name, known in zip(said, placed, strict=True) if known]
        won = majority(clusters[placed], some)
        names.update({int(numbers[cluster]): Name(name, source) for cluster, name in won.items()})

    if namers.gallery:
        vote(*recognised(namers.gallery, _asked(faces, ids, partition), threshold), "gallery")
    if namers.labels is not None:
        vote(*labelled(Table(faces.folder, FACES).dataset(), namers.labels), "labels")
    return names


def _asked(faces: FaceShards, ids: Ids, partition: Partition) -> Iterator[Shard]:
    """A few faces of every cluster, of those that made it."""
    core = np.flatnonzero(partition.core)
    order = core[np.argsort(partition.labels[core], kind="stable")]
    labels = partition.labels[order]
    place = np.arange(len(order)) - np.searchsorted(labels, labels)
    wanted = np.sort(ids[order[place < _ASKED]])
    for number in range(len(faces.shards)):
        shard = faces.read(number)
        some = np.flatnonzero(np.isin(shard.ids, wanted))
        yield Shard(shard.ids[some], shard.vectors[some], shard.good[some])


def _check_network(options: ClusterOptions, gallery: Gallery) -> None:
    tables = FaceTables([options.faces], options.storage)
    rows = Table(tables.folders[0], FACES).dataset().scanner(columns=["run_id"]).to_batches()
    runs = sorted({value for batch in rows for value in pc.unique(batch["run_id"]).to_pylist()})
    network = gallery.card.network
    found = tables.contract([(0, run) for run in runs], network.dimension)
    if found != network:
        same = "; their weights or settings differ" if found.name == network.name else ""
        raise UserError(f"the faces are of the embedding network {found.name}, the gallery of {network.name}{same}")
