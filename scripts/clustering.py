"""The README's figures on clustering: algorithms side by side on faces whose people are known.

python scripts/clustering.py LABELS [--threshold T] [--min-quality Q] [--min-score S]

LABELS is the output of annotate over a set with a folder for each person, such as LFW. All faces are clustered; those
nearest to the middle of their picture count, as the folder says who these are.
"""

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from hdbscan import hdbscan
from tabulate import tabulate

from faceray.cluster_options import ClusterOptions
from faceray.clustering.algorithms import ALGORITHMS
from faceray.clustering.belonging import NONE
from faceray.clustering.faces import FaceShards, is_good
from faceray.clustering.linking import Link
from faceray.clustering.partition import Partition, contradictions, partition, read_links
from faceray.clustering.surroundings import SAMPLE, choose_threshold
from faceray.errors import UserError
from faceray.evaluation.clustering import agreement
from faceray.results import read_faces, read_images

_NAMES = {
    "whispers": "Chinese whispers",
    "components": "connected components",
    "density": "components of dense places",
    "hdbscan": "HDBSCAN",
}


def known(labels: str) -> tuple[np.ndarray, np.ndarray]:
    """The faces whose people are known: their ids, ascending, and the numbers of their folders."""
    images = {row["image_id"]: row for row in read_images(labels, ["image_id", "width", "height"]).to_pylist()}
    chosen: dict[int, tuple[float, int, str]] = {}
    for face in read_faces(labels, ["face_id", "image_id", "uri", "x1", "y1", "x2", "y2"]).to_pylist():
        image = images[face["image_id"]]
        x, y = (face["x1"] + face["x2"] - image["width"]) / 2, (face["y1"] + face["y2"] - image["height"]) / 2
        entry = (x * x + y * y, face["face_id"], face["uri"].split("/")[-2])
        chosen[face["image_id"]] = min(entry, chosen.get(face["image_id"], entry))
    ids = np.array([face for _, face, _ in chosen.values()])
    folders = np.unique([folder for _, _, folder in chosen.values()], return_inverse=True)[1]
    order = np.argsort(ids)
    return ids[order], folders[order]


def rows(faces: FaceShards, options: ClusterOptions) -> Iterator[tuple[str, ...]]:
    """A row of the table for each algorithm."""
    everyone = faces.everyone()
    ids, images = (np.asarray(everyone[name]) for name in ("face_id", "image_id"))
    good = is_good(everyone, faces.min_quality, faces.min_score)
    marked, truth = known(options.faces)
    places = np.searchsorted(ids, marked)
    print(f"{len(truth):,} known faces of {truth.max() + 1:,} people, {(~good[places]).sum()} of them poor; ", end="")
    print(f"{len(ids) - len(truth):,} other faces, {(~good).sum() - (~good[places]).sum():,} of them poor")
    start, threshold = time.process_time(), options.threshold
    if threshold is None:
        sample = faces.sample(SAMPLE)
        chosen = choose_threshold(faces, sample, int(good.sum()), None, lambda i: images[np.searchsorted(ids, i)])
        threshold = chosen.value
        print(f"threshold {threshold:.3f}: {chosen.reason}; {time.process_time() - start:.1f} s of CPU")
    start = time.process_time()
    link = Link(faces, options.neighbours, threshold)
    tables = [link(pa.table({"shard": [i]})) for i in range(len(faces.shards))]
    links, present = read_links(tables, ids, images)
    print(f"links: {time.process_time() - start:.1f} s of CPU")
    for name, algorithm in (ALGORITHMS | {"hdbscan": hdbscan}).items():
        start = time.process_time()
        found = partition(links, present, good, algorithm, options.attach)
        seconds = time.process_time() - start
        yield (_NAMES[name], *_figures(found, places, truth, images), f"{seconds:.2f}")


def _figures(found: Partition, places: np.ndarray, truth: np.ndarray, images: np.ndarray) -> list[str]:
    labels = found.labels[places]
    alone = np.where(labels == NONE, len(images) + np.arange(len(labels)), labels)
    result = agreement(alone, truth)
    scores = [(score.precision, score.recall, score.f) for score in (result.pairwise, result.bcubed)]
    figures = [f"{value:.4f}" for value in (*scores[0], *scores[1], result.nmi)]
    return [*figures, f"{len(np.unique(alone)):,}", f"{contradictions(found.labels, images):,}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels")
    for name in ("threshold", "min_quality", "min_score"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(ClusterOptions, name))
    given = vars(parser.parse_args())
    options = ClusterOptions(given.pop("labels"), "nowhere", **given)
    faces = FaceShards.of(options.faces, None, options.min_quality, options.min_score)
    table = list(rows(faces, options))
    scores = [f"{kind} {part}" for kind in ("pairs", "BCubed") for part in ("P", "R", "F")]
    header = ["algorithm", *scores, "NMI", "people", "twice in an image", "CPU seconds"]
    print(tabulate(table, headers=header, disable_numparse=True))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
