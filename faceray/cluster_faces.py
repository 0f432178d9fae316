"""The cluster job: who is who in a whole corpus."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from faceray import __version__
from faceray.cluster_options import ClusterOptions
from faceray.clustering.algorithms import ALGORITHMS
from faceray.clustering.belonging import NONE
from faceray.clustering.faces import FaceShards, is_good
from faceray.clustering.linking import Link
from faceray.clustering.naming import Namers, names_of
from faceray.clustering.neighbours import Cells, train_cells
from faceray.clustering.partition import Partition, contradictions, partition, read_links
from faceray.clustering.people import Before, identity_rows, people_rows
from faceray.clustering.photos import planned
from faceray.clustering.report import render_report
from faceray.clustering.surroundings import SAMPLE, choose_threshold
from faceray.clustering.tables import IDENTITIES, PEOPLE, replace_rows
from faceray.clustering.threshold import Threshold, spread_of_pairs
from faceray.corpus.loading import load_picture
from faceray.errors import UserError
from faceray.neighbours_graph import Run, workers
from faceray.progress import Progress, say
from faceray.results.manifest import new_run_id
from faceray.results.schema import FACES
from faceray.results.table import Table
from faceray.storage import Folder

REPORT = "report.html"
_CELLS, _CELL_FACES = 2048, 64  # where faces are in more than one shard: cells, and faces to find the centre of each
_MANY_PHOTOS = 2000  # to hash; fewer are done in this process sooner than others have started


def cluster_faces(options: ClusterOptions) -> dict[str, Any]:
    """Find the people, number and name them, and write tables and report. Returns the summary, as saved in
    `runs/RUN_ID.json`.

    Raises:
        UserError: tables, labels, gallery, output or cluster are not what they should be.
    """
    start, run_id = time.monotonic(), new_run_id()
    output = Folder.at(options.output, options.storage)
    output.check_writable()
    tables = Table(output / "identities", IDENTITIES), Table(output / "people", PEOPLE)
    faces = FaceShards.of(options.faces, options.storage, options.min_quality, options.min_score)
    everyone = faces.everyone()
    if not everyone.num_rows:
        raise UserError(f"no faces in {options.faces}")
    namers = Namers.open(options)
    with planned(options, output) as photos:
        much = len(faces.shards) > 1 or bool(photos and photos.plan.planned > _MANY_PHOTOS)
        with workers(options.address, much) as run:
            threshold, found = _partition(options, faces, everyone, run)
            duplicates = photos.find(run) if photos else None
    counts = _write(namers, run_id, faces, everyone, threshold, found, tables)
    if duplicates is not None:
        groups = len(duplicates["best_image_id"].unique())
        counts |= {"near_duplicates": duplicates.num_rows, "duplicate_groups": groups}
    summary = {
        "run_id": run_id,
        "faceray": __version__,
        "seconds": round(time.monotonic() - start, 3),
        "threshold": asdict(threshold),
        "counts": counts,
        "options": asdict(options),
    }
    (output / "runs").write(f"{run_id}.json", json.dumps(summary, indent=2).encode())
    _report(options, output, summary, faces, tables, duplicates)
    return summary


def _partition(
    options: ClusterOptions, faces: FaceShards, everyone: pa.Table, run: Run
) -> tuple[Threshold, Partition]:
    """Choose a threshold, link what is alike, and cluster."""
    ids, images = (np.asarray(everyone[name]) for name in ("face_id", "image_id"))
    good = is_good(everyone, options.min_quality, options.min_score)
    threshold, cells = _settings(options, faces, ids, images, int(good.sum()))
    say(f"faces are linked from a similarity of {threshold.value:.3f} on: {threshold.reason}")
    link = Link(faces, options.neighbours, threshold.value, cells)
    shards = pa.table({"shard": np.arange(len(faces.shards))})
    links, present = read_links(_shown(run([link], shards), len(ids)), ids, images)
    return threshold, partition(links, present, good, ALGORITHMS[options.algorithm], options.attach)


def _settings(
    options: ClusterOptions, faces: FaceShards, ids: np.ndarray, images: np.ndarray, total: int
) -> tuple[Threshold, Cells | None]:
    """The threshold, and the cells to search in where there are many faces."""
    many = len(faces.shards) > 1 and options.recall < 1
    sample = faces.sample(_CELLS * _CELL_FACES if many else SAMPLE)
    few = sample.first(SAMPLE)
    given = None if options.threshold is None else Threshold(options.threshold, "given as --threshold")
    if len(few.ids) < 2:
        return given or Threshold(1.0, "there is nobody to compare with"), None
    lowest = given.value if given else spread_of_pairs(few.vectors).threshold(total, strangers=1)
    count = min(_CELLS, max(1, len(sample.ids) // _CELL_FACES))
    cells = train_cells(sample.vectors, count, lowest, options.recall) if many else None
    if given:
        return given, cells
    return choose_threshold(faces, few, total, cells, lambda some: images[np.searchsorted(ids, some)]), cells


def _shown(tables: Iterator[pa.Table], faces: int) -> Iterator[pa.Table]:
    done = links = 0
    with Progress(faces, "link", "faces") as progress:
        for table in tables:
            own = int((np.asarray(table["face_id"]) == np.asarray(table["neighbour_id"])).sum())
            done, links = done + own, links + table.num_rows - own
            progress.show(done, links=links)
            yield table


def _write(
    namers: Namers,
    run_id: str,
    faces: FaceShards,
    everyone: pa.Table,
    threshold: Threshold,
    found: Partition,
    tables: tuple[Table, Table],
) -> dict[str, int | None]:
    """Number and name the clusters, replace both tables, and count."""
    identities, people = tables
    ids, before = np.asarray(everyone["face_id"]), Before.read(*tables)
    numbered = before.number(ids, found.labels)
    named = names_of(namers, faces, ids, found, numbered.numbers, threshold.value, before.names())
    rows = people_rows(found, numbered, everyone, named, before, run_id)
    replace_rows(people, [rows], run_id)  # first: numbers in it are taken, whatever happens to the other table
    source = Table(faces.folder, FACES).dataset().scanner(columns=["face_id", "image_id", "uri"]).to_batches()
    batches = (pa.Table.from_batches([batch]) for batch in source if batch.num_rows)
    replace_rows(identities, (identity_rows(b, ids, found, numbered, named, run_id) for b in batches), run_id)
    sizes = np.asarray(rows["faces"])
    return {
        "faces": len(ids),
        "core_faces": int(found.core.sum()),
        "attached": int(((found.labels != NONE) & ~found.core).sum()),
        "left_out": int((found.labels == NONE).sum()),
        "links": found.links,
        "people": int((sizes > 0).sum()),
        "of_several": int((sizes > 1).sum()),
        "largest": int(sizes.max(initial=0)),
        "new": int((numbered.numbers >= before.unused).sum()),
        "retired": len(numbered.became),
        "named": len(rows) - rows["name"].null_count,
        "contradictions": contradictions(found.labels, np.asarray(everyone["image_id"])),
        "near_duplicates": None,
        "duplicate_groups": None,
    }


def _report(
    options: ClusterOptions,
    output: Folder,
    summary: dict[str, Any],
    faces: FaceShards,
    tables: tuple[Table, Table],
    duplicates: pa.Table | None,
) -> None:
    def open_image(uri: str) -> np.ndarray:
        return load_picture(uri, options.limits, options.input_storage or options.storage).pixels

    identities, people = (table.dataset() for table in tables)
    source = Table(faces.folder, FACES).dataset()
    page = render_report(summary, identities, people, source, duplicates, open_image, options.sheets)
    output.write(REPORT, page.encode())
