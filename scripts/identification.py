"""Identification figures of the README, from the tables of an annotate run over LFW; no mirroring, one face a picture.

python scripts/identification.py search LABELS     one photo of each person with two or more is the gallery, all other
                                                   photos are the probes; exact and approximate search
python scripts/identification.py threshold LABELS  thresholds made with one half of the people, tried on the other half
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from faceray.errors import UserError
from faceray.evaluation.identification import Identification, judge
from faceray.gallery.calibration import calibrate
from faceray.gallery.comparisons import Comparisons
from faceray.gallery.index import Index
from faceray.gallery.probability import probabilities
from faceray.gallery.selftest import self_test
from faceray.results import embeddings, read_faces, read_images

FPIR = 0.01
SEEDS = 20
Rows = NDArray[np.int64]
Search = Callable[[NDArray[np.float32], int], tuple[NDArray[np.float32], Rows]]


@dataclass(frozen=True)
class Faces:
    """vectors: (n, d) of unit length. people: (n,) numbers. photos: (people,) how many each has."""

    vectors: NDArray[np.float32]
    people: Rows
    photos: Rows

    def gallery(self, random: np.random.Generator, among: Rows) -> Rows:
        """A photo of each of these people who have two or more."""
        several = [person for person in among if self.photos[person] > 1]
        return np.array([random.choice(np.flatnonzero(self.people == person)) for person in several])


def read(labels: str) -> Faces:
    """The face nearest to the middle of each picture stands for the person whom the folder names."""
    images = {row["image_id"]: row for row in read_images(labels, ["image_id", "uri", "width", "height"]).to_pylist()}
    faces = read_faces(labels, ["image_id", "x1", "y1", "x2", "y2", "embedding"])
    chosen: dict[int, tuple[float, int]] = {}
    for row, face in enumerate(faces.drop_columns("embedding").to_pylist()):
        image = images[face["image_id"]]
        x, y = (face["x1"] + face["x2"] - image["width"]) / 2, (face["y1"] + face["y2"] - image["height"]) / 2
        chosen[face["image_id"]] = min(chosen.get(face["image_id"], (np.inf, row)), (x * x + y * y, row))
    order = sorted(chosen, key=lambda image: images[image]["uri"])
    names = [images[image]["uri"].split("/")[-2] for image in order]
    if len(names) == len(set(names)):
        raise UserError(f"{labels} has nobody with two photos: annotate a set with a folder for each person")
    _, people, photos = np.unique(names, return_inverse=True, return_counts=True)
    return Faces(embeddings(faces)[[chosen[image][1] for image in order]], people, photos)


def exact(vectors: NDArray[np.float32]) -> Search:
    """Every vector is compared."""
    index = Index.make("Flat", vectors.shape[1])
    index.add(vectors)
    return lambda probes, k: index.search(probes, min(k, len(vectors)))


def approximate(vectors: NDArray[np.float32], key: str) -> Search:
    """As a gallery of this key is built: trained on its own faces, its search chosen by the self-test."""
    index = Index.make(key, vectors.shape[1])
    index.train(vectors)
    index.add(vectors)
    tested = self_test(index, 0.99)
    return lambda probes, k: index.search(probes, k, tested.lists, tested.candidates)


def identify(faces: Faces, search: Search, gallery: Rows, probes: Rows, k: int = 20) -> Identification:
    """Search for the probes, and judge the candidates by what is known."""
    scores, rows = search(faces.vectors[probes], k)
    found = np.where(rows >= 0, faces.people[gallery][rows], -1).astype(object)
    truth = faces.people[probes].astype(object)
    return judge(
        np.where(rows >= 0, scores, -np.inf), found, truth, np.isin(faces.people[probes], faces.people[gallery])
    )


def search_table(labels: str) -> str:
    """Rank 1 and errors, mean and standard deviation over random choices of the photo that is in the gallery."""
    faces = read(labels)
    everybody = np.arange(len(faces.photos))
    key = f"IVF32,PQ{faces.vectors.shape[1] // 4}x4fs,Refine(SQfp16)"
    results: dict[str, list[tuple[float, ...]]] = {}
    for seed in range(SEEDS):
        gallery = faces.gallery(np.random.default_rng(seed), everybody)
        probes = np.setdiff1d(np.arange(len(faces.people)), gallery)
        vectors = faces.vectors[gallery]
        for name, search in (("exact", exact(vectors)), (key, approximate(vectors, key))):
            found = identify(faces, search, gallery, probes)
            figures = (found.rank1, *(found.fnir_at(rate) for rate in (0.1, FPIR)), found.threshold_at(FPIR))
            results.setdefault(name, []).append(figures)
    mates, strangers = len(found.mate_scores), len(found.impostor_scores)
    counts = f"{len(gallery)} in the gallery, {mates} probes of them, {strangers} strangers"
    headers = ("search", "rank 1", "FNIR at FPIR 10 %", "FNIR at FPIR 1 %", "threshold")
    rows = [(name, *map(_spread, zip(*values, strict=True))) for name, values in results.items()]
    return f"{counts}; {SEEDS} seeds\n{tabulate(rows, headers, tablefmt='github', disable_numparse=True)}"


def threshold_table(labels: str) -> str:
    """Rates measured in the other half at thresholds that were made for 1 %, over random halves."""
    faces = read(labels)
    strangers: dict[str, list[float]] = {}
    everybody: dict[str, list[float]] = {}
    said: list[NDArray[np.float32]] = []
    true: list[NDArray[np.bool_]] = []
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        people = random.permutation(len(faces.photos))
        ours, theirs = (_split(faces, random, half) for half in np.array_split(people, 2))
        searched = _compare(faces, *theirs)
        absent = ~np.isin(faces.people[theirs[1]], faces.people[theirs[0]])
        highest = searched.impostors().max(axis=1)
        ways = {
            "all photos of the half, named": calibrate(_compare(faces, *ours), len(ours[0])),
            "the half's gallery alone, named": calibrate(_compare(faces, ours[0], ours[0]), len(ours[0])),
            "all photos of the half, nobody named": calibrate(_compare(faces, *ours, named=False), len(ours[0])),
        }
        for name, calibration in ways.items():
            threshold = calibration.threshold(len(theirs[0]), FPIR)
            strangers.setdefault(name, []).append(float((highest[absent] >= threshold).mean()))
            everybody.setdefault(name, []).append(float((highest >= threshold).mean()))
        best, first = searched.scores[:, :20], next(iter(ways.values()))
        said.append(
            probabilities(best, searched.people[:, :20], first, len(theirs[0]), float(1 - absent.mean()))[:, 0]
        )
        true.append(searched.people[:, 0] == searched.probe_people)
    headers = (
        "calibrated with",
        "strangers accepted",
        "least",
        "most",
        "0.5 to 2 %",
        "all photos, own person left out",
    )
    rows = [(name, *_told(rates), _spread(everybody[name])) for name, rates in strangers.items()]
    counts = (
        f"{len(theirs[0])} in the gallery of a half, {absent.sum()} strangers, {len(absent)} photos; {SEEDS} seeds"
    )
    table = tabulate(rows, headers, tablefmt="github", disable_numparse=True)
    return f"{counts}\n{table}\n\n{_reliability(np.concatenate(said), np.concatenate(true))}"


def _told(rates: list[float]) -> tuple[str, ...]:
    held = np.mean([0.005 <= rate <= 0.02 for rate in rates])
    return _spread(rates), f"{min(rates):.4f}", f"{max(rates):.4f}", f"{held:.0%} of seeds"


def _split(faces: Faces, random: np.random.Generator, people: Rows) -> tuple[Rows, Rows]:
    """The gallery of these people, and their other photos."""
    gallery = faces.gallery(random, people)
    return gallery, np.setdiff1d(np.flatnonzero(np.isin(faces.people, people)), gallery)


def _compare(faces: Faces, gallery: Rows, probes: Rows, named: bool = True) -> Comparisons:
    scores, rows = exact(faces.vectors[gallery])(faces.vectors[probes], 257)
    itself = gallery[rows] == probes[:, None]
    if named:
        people, own = faces.people[gallery][rows], faces.people[probes]
    else:
        people, own = -1 - gallery[rows], -1 - probes
    return Comparisons.of(scores, people, itself, own, len(gallery), len(gallery))


def _reliability(said: NDArray[np.float32], true: NDArray[np.bool_]) -> str:
    """How often first candidates were right, by the probability that was given."""
    edges = (0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.000001)
    rows = []
    for low, high in pairwise(edges):
        some = (said >= low) & (said < high)
        rows.append(
            (
                f"{low:.0%} to {min(high, 1):.0%}",
                int(some.sum()),
                f"{said[some].mean():.1%}",
                f"{true[some].mean():.1%}",
            )
        )
    return tabulate(
        rows, ("probability", "first candidates", "mean of them", "right"), tablefmt="github", disable_numparse=True
    )


def _spread(values: Iterable[float]) -> str:
    array = np.array(list(values))
    return f"{array.mean():.4f} ± {array.std():.4f}"


def main() -> None:
    match sys.argv[1:]:
        case ["search", labels]:
            print(search_table(labels))
        case ["threshold", labels]:
            print(threshold_table(labels))
        case _:
            raise UserError(str(__doc__))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
