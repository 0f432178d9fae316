"""Indexes for a gallery side by side: building, memory, probes per second and recall, with numpy's matrix product.

python scripts/bench_gallery.py [--faces 100000] [--dimension 512] [--probes 1024] [--threads 1] [--rounds 3]
    [--recall 0.99] [--keys KEY ...]

Embeddings are synthetic: ten photos of each person, two of them alike by a cosine of 0.7; probes are further photos.
Some probes decide how many lists are visited, others are measured. Recall is agreement with exact search in fp32.
numpy and all indexes answer in turn; figures are medians over the rounds. With one thread they are CPU time. Sizes are
of what is written: what every search reads, and with the vectors that are read for the best candidates only.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import faiss
import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from faceray.gallery.choice import Bounds, compressed, estimate
from faceray.gallery.index import Index
from faceray.gallery.selftest import SelfTest, self_test

Floats = NDArray[np.float32]
_HEADERS = (
    "index",
    "train s",
    "add s",
    "read B/face",
    "file B/face",
    "recall@1",
    "@10",
    "alone ms",
    "probes/s",
    "x numpy",
)
_PHOTOS, _COSINE, _BLOCK, _PRODUCT = 10, 0.7, 10_000, 128


def photos(people: int, each: int, dimension: int, seed: int) -> Floats:
    """Unit vectors, float32 (people * each, dimension): the same people whatever the seed, other photos of them."""
    faces = np.empty((people, each, dimension), np.float32)
    who, noise = np.random.default_rng(0), np.random.default_rng(seed)
    for start in range(0, people, _BLOCK):
        part = faces[start : start + _BLOCK]
        centres = who.standard_normal((len(part), 1, dimension), np.float32)
        part[:] = noise.standard_normal(part.shape, np.float32)
        part *= np.sqrt(1 - _COSINE)
        part += np.sqrt(_COSINE) * centres
        part /= np.linalg.norm(part, axis=2, keepdims=True)
    return faces.reshape(-1, dimension)


def build(key: str, faces: Floats, train: int) -> tuple[Index, float, float]:
    """The index, and the seconds of training and of adding."""
    index, sample = Index.make(key, faces.shape[1]), np.random.default_rng(1).permutation(len(faces))[:train]
    trained = 0.0 if index.is_trained else seconds(lambda: index.train(faces[sample]))

    def add() -> None:
        for row in range(0, len(faces), _BLOCK):
            index.add(faces[row : row + _BLOCK])

    return index, trained, seconds(add)


def by_numpy(probes: Floats, faces: Floats) -> NDArray[np.int64]:
    """The nearest face of each probe, the plain way."""
    parts = [(probes[i : i + _PRODUCT] @ faces.T).argmax(axis=1) for i in range(0, len(probes), _PRODUCT)]
    return np.concatenate(parts)


def sizes(index: Index) -> tuple[int, int]:
    """Bytes of what every search reads, and of all."""
    counted = [0, 0]
    base = faiss.downcast_index(index.native.base_index) if index.reranks else index.native
    for place, part in enumerate((base, index.native)):

        def count(data: bytes, place: int = place) -> None:
            counted[place] += len(data)

        faiss.write_index(part, faiss.PyCallbackIOWriter(count))  # type: ignore[attr-defined]  # not in its stubs
    return counted[0], counted[1]


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call on one thread, else the time that passes."""
    clock = time.process_time if faiss.omp_get_max_threads() == 1 else time.perf_counter
    start = clock()
    work()
    return clock() - start


def figures(key: str, index: Index, test: SelfTest, probes: Floats, truth: NDArray[np.int64]) -> list[str]:
    """Of one index: how it is searched, recall at 1 and 10, milliseconds for one probe alone."""
    found = index.search(probes, 10, test.lists, test.candidates)[1]
    at_10 = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(found, truth, strict=True)])
    alone = median(seconds(partial(index.search, p[None], 10, test.lists, test.candidates)) for p in probes[:50])
    lists = f", {test.lists} lists, {test.candidates} candidates" if index.lists else ""
    return [key + lists, f"{np.mean(found[:, 0] == truth[:, 0]):.4f}", f"{at_10:.4f}", f"{1000 * alone:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("faces", 100_000), ("dimension", 512), ("probes", 1024), ("threads", 1), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--keys", nargs="*")
    options = parser.parse_args()
    faiss.omp_set_num_threads(options.threads)
    people = options.faces // _PHOTOS
    faces = photos(people, _PHOTOS, options.dimension, seed=1)
    probes = photos(people, 1, options.dimension, seed=2)[np.linspace(0, people - 1, 2 * options.probes, dtype=int)]
    tuned, probes = np.ascontiguousarray(probes[::2]), np.ascontiguousarray(probes[1::2])
    bounds = Bounds(options.recall, 1 << 40, cores=options.threads)
    keys = options.keys or ["Flat", "SQfp16", compressed(len(faces), options.dimension, bounds)]
    choices = {key: estimate(len(faces), options.dimension, bounds, key) for key in keys}
    built, tests = {}, {}
    for key in keys:
        built[key] = build(key, faces, choices[key].train_faces)
        tests[key] = self_test(built[key][0], options.recall, tuned)
        print(f"built {key}", file=sys.stderr, flush=True)
    works: dict[str, Callable[[], object]] = {"numpy": partial(by_numpy, probes, faces)}
    for key, (index, *_) in built.items():
        works[key] = partial(index.search, probes, 10, tests[key].lists, tests[key].candidates)
    rounds = [{name: seconds(work) for name, work in works.items()} for _ in range(options.rounds)]
    truth = faiss.knn(probes, faces, 10, faiss.METRIC_INNER_PRODUCT)[1]
    rows = [["numpy: product, argmax", *[""] * 7, f"{len(probes) / median(r['numpy'] for r in rounds):.0f}", "1"]]
    for key, (index, trained, added) in built.items():
        how, at_1, at_10, alone = figures(key, index, tests[key], probes, truth)
        rate, faster = len(probes) / median(r[key] for r in rounds), median(r["numpy"] / r[key] for r in rounds)
        numbers = [f"{size / len(faces):.0f}" for size in sizes(index)]
        times = [f"{trained:.1f}", f"{added:.1f}"]
        rows.append([how, *times, *numbers, at_1, at_10, alone, f"{rate:.0f}", f"{faster:.1f}"])
    print(f"{len(faces):,} faces of {options.dimension} dimensions, {len(probes)} probes, {options.threads} threads")
    print(tabulate(rows, headers=_HEADERS, disable_numparse=True))


if __name__ == "__main__":
    main()
