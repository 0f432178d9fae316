"""The gallery job: a generation that is built anew, or made from the last one by adding and removing faces."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet
from tabulate import tabulate

from faceray import __version__
from faceray.errors import UserError
from faceray.gallery.building import Builder
from faceray.gallery.card import Contract, File, GalleryCard, ShardCard
from faceray.gallery.choice import Choice, choose, estimate
from faceray.gallery.files import LocalFile, write_file
from faceray.gallery.gallery import Gallery
from faceray.gallery.index import Index
from faceray.gallery.labels import FOLDER, MISSING, read_labels, read_removal
from faceray.gallery.plan import Vectors, split, write_plan
from faceray.gallery.selection import Selection, Wanted, selecting
from faceray.gallery.store import Store
from faceray.gallery.tables import FaceTables
from faceray.gallery_options import GalleryOptions
from faceray.progress import say
from faceray.results.manifest import new_run_id
from faceray.units import in_units

_IN_PROCESS = 4  # shards at most; more are worth the seconds that Ray takes to start


@dataclass(frozen=True)
class _Build:
    """What is to be done.

    Attributes:
        before: the gallery that is changed; None where one is built anew.
        kept: its shards that stay as they are. placed: faces to be put into new ones.
    """

    options: GalleryOptions
    store: Store
    before: Gallery | None
    selection: Selection
    network: Contract
    kept: tuple[ShardCard, ...]
    placed: int
    choice: Choice

    @property
    def faces(self) -> int:
        return self.placed + sum(shard.faces for shard in self.kept)

    @property
    def sizes(self) -> list[int]:
        """Faces of each new shard."""
        return split(self.placed, self.before.card.shard_faces if self.before else self.choice.shard_faces)


def build_gallery(options: GalleryOptions) -> GalleryCard:
    """Make a new generation and let readers have it. Returns its card; the current one's where there is nothing to do.

    A build that is stopped, or dies, leaves the gallery as it was; the next one takes away what it had begun.

    Raises:
        UserError: tables, gallery, labels or bounds are not what they should be, or the cluster is not there.
    """
    start, store, generation = time.monotonic(), Store.at(options.output, options.storage), new_run_id()
    with _prepare(options, store) as build:
        if build.before and not (selection := build.selection).added + selection.replaced + selection.removed:
            say("nothing to do: the gallery has it all")
            return build.before.card
        say(_summary(build))
        store.begin(generation)
        try:
            trained, shards = _build_shards(build, generation)
            if build.placed and not build.kept and not shards:
                raise UserError("none of the faces has an embedding")
            card = _card(build, generation, trained, (*build.kept, *shards), time.monotonic() - start)
            store.publish(card, options.keep)
        finally:
            store.plans.remove(generation)
    if card.recall_at_1 < options.recall:
        say(f"recall is {card.recall_at_1:.4f}, not the {options.recall:g} asked for: --recall 1 searches exactly")
    return card


def estimate_gallery(options: GalleryOptions) -> str:
    """What a build would do and take, as a table in words. Nothing is written.

    Raises:
        UserError: as `build_gallery` would.
    """
    with _prepare(options, Store.at(options.output, options.storage)) as build:
        selection, choice = build.selection, build.choice
        rows = [
            ("faces added", f"{selection.added:,}"),
            ("faces annotated again", f"{selection.replaced:,}"),
            ("faces removed", f"{selection.removed:,}"),
            ("faces in the end", f"{build.faces:,}"),
            ("identities", f"{selection.identities:,}"),
            ("network", f"{build.network.name}, {build.network.dimension} dimensions"),
            ("index", choice.key),
            ("shards that stay", f"{len(build.kept):,}"),
            ("shards to build", f"{len(build.sizes):,} with {build.placed:,} faces"),
            ("memory, about", in_units(choice.memory)),
            ("disk, about", in_units(choice.disk)),
            ("time to build it all, about", f"{choice.build_seconds:.0f} s"),
            ("one probe alone, about", f"{choice.latency_ms:.3g} ms"),
            ("probes per second, many at once", f"{choice.probes_per_second:.3g}"),
        ]
        return tabulate(rows, tablefmt="plain", disable_numparse=True)


@contextmanager
def _prepare(options: GalleryOptions, store: Store) -> Iterator[_Build]:
    """Check everything that can be checked, and choose."""
    last = Gallery(store, store.card()) if options.updates or store.current else None
    before = last if options.updates else None
    tables = FaceTables(options.tables, options.storage) if options.tables else None
    missing = options.remove == MISSING
    labels = (
        options.identities if options.identities in ("", FOLDER) else read_labels(options.identities, options.storage)
    )
    wanted = Wanted(
        tables=tables,
        filter=options.filter,
        labels=labels,
        add=options.add or not options.updates,
        shards=before.shards if before else (),
        removal=read_removal(options.remove, options.storage) if options.remove and not missing else None,
        missing=missing,
        banned=_banned(last),
    )
    with selecting(wanted) as selection:
        network = _network(tables, selection, before)
        touched, placed = selection.place(before.card.shard_faces // 2 if before else 0)
        kept = tuple(s for n, s in enumerate(before.card.shards) if n not in touched) if before else ()
        faces = placed + sum(shard.faces for shard in kept)
        if options.remove and not missing and not options.add and not selection.removed:
            raise UserError(f"no face of the gallery is meant by --remove {options.remove}")
        least, key = max(1, faces), before.card.index if before else options.key
        if options.key:
            Index.make(key, network.dimension).check_sample(least)
        fit = choose if wanted.add else estimate  # whoever takes faces out need not be able to hold the rest
        choice = fit(least, network.dimension, options.bounds, key)
        yield _Build(options, store, before, selection, network, kept, placed, choice)


def _network(tables: FaceTables | None, selection: Selection, before: Gallery | None) -> Contract:
    """Of the faces that are added and those that are there, which must be the same."""
    if tables is None or not selection.added + selection.replaced:
        if before is None:
            raise UserError("no face of the tables passes the filters")
        return before.card.network
    network = tables.contract(selection.runs, selection.dimension())
    if before and network != before.card.network:
        raise UserError(
            f"the faces are of {network.name}, the gallery of {before.card.network.name}, or their settings differ: "
            f"build it anew, without --add"
        )
    return network


def _banned(last: Gallery | None) -> pa.Array | None:
    if last is None or last.card.banned is None:
        return None
    file = LocalFile(last.store.shards, last.card.banned)
    return pa.parquet.read_table(file.path)["face_id"].combine_chunks()


def _build_shards(build: _Build, generation: str) -> tuple[File | None, list[ShardCard]]:
    """The trained index and the new shards."""
    options, store, sizes = build.options, build.store, build.sizes
    before, tables, plan = build.before, build.selection.wanted.tables, store.plans / generation
    write_plan(build.selection.placed(), plan, sizes)
    vectors = Vectors(tables.folders if tables else [], before.shards if before else (), build.network.dimension)
    builder = Builder(store, plan, vectors, generation, build.choice.key, options.recall, options.threads)
    if options.address or os.environ.get("RAY_ADDRESS") or len(sizes) > _IN_PROCESS:
        from faceray.gallery_graph import build_shards  # Ray takes seconds to import

        return build_shards(builder, sizes, build.choice.train_faces, before.card.trained if before else None, options)
    trained = before.card.trained if before else builder.train(sizes, build.choice.train_faces)
    built = []
    for number in range(len(sizes)):
        built.append(builder.build(number, trained))
        say(f"{number + 1} of {len(sizes)} shards built")
    return trained, [shard for shard in built if shard]


def _card(
    build: _Build, generation: str, trained: File | None, shards: tuple[ShardCard, ...], seconds: float
) -> GalleryCard:
    ids = pa.table({"face_id": build.selection.banned})
    banned = None
    if ids.num_rows:
        name = f"{generation}-banned.parquet"
        banned = write_file(build.store.shards, name, lambda sink: pa.parquet.write_table(ids, sink))
    return GalleryCard(
        generation=generation,
        network=build.network,
        faces=sum(shard.faces for shard in shards),
        identities=build.selection.identities,
        index=build.choice.key,
        shards=shards,
        shard_faces=build.before.card.shard_faces if build.before else build.choice.shard_faces,
        trained=trained,
        banned=banned,
        target=build.options.recall,
        seconds=round(seconds, 3),
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        faceray=__version__,
        options=asdict(build.options),
        calibration=build.before.card.calibration if build.before else None,  # it is for any size
    )


def _summary(build: _Build) -> str:
    choice, selection = build.choice, build.selection
    return (
        f"{build.faces:,} faces of {build.network.dimension} dimensions ({selection.added:,} new, "
        f"{selection.replaced:,} annotated again, {selection.removed:,} removed) in {len(build.kept)} shards that "
        f"stay and {len(build.sizes)} to build, index {choice.key}: about {in_units(choice.memory)} of memory, "
        f"{in_units(choice.disk)} on disk, {choice.build_seconds:.0f} s to build all"
    )
