"""Parts of a training's report that tell how answers turned out: confusions, ages, yes or no, groups, worst faces."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from faceray.evaluation.verification import roc
from faceray.results.contact_sheet import Tile
from faceray.training.held_out_faces import Place, read_groups, read_pictures
from faceray.training.metrics import confusion_matrix, mean
from faceray.training.outcomes import Outcome, Share, share
from faceray.training.training_figures import curves, heat, word

WORST, TILE = 24, 112  # faces on a sheet, pixels of each
_OLDEST, _BIN = 120, 5  # years, of the figure of ages
_LAST = 9  # decade, that holds all older people as well
_BARS = 20  # of the figure of probabilities


@dataclass(frozen=True)
class Confusion:
    """Class i (row) was called j (column) `counts[i][j]` times."""

    name: str
    labels: tuple[str, ...]
    counts: list[list[int]]


@dataclass(frozen=True)
class Decade:
    """Ages of ten years: how many faces, their mean absolute error and mean error, years."""

    name: str
    count: int
    error: float
    bias: float


@dataclass(frozen=True)
class Ages:
    """Of an age task: answers against truth, and the error by age."""

    name: str
    picture: Markup
    decades: list[Decade]


@dataclass(frozen=True)
class YesNo:
    """Of a yes-or-no task: how many of each, the ROC curve where there are both, and the probabilities of each."""

    name: str
    yes: int
    no: int
    curve: Markup | None
    probabilities: Markup


@dataclass(frozen=True)
class Grouping:
    """Every task's figure (rows) for all faces and for each group (columns)."""

    name: str
    groups: list[str]
    rows: list[tuple[str, list[Share]]]


@dataclass(frozen=True)
class Sheet:
    """The faces with a task's worst answers."""

    name: str
    text: str
    tiles: list[Tile]


def confusions(outcomes: Sequence[Outcome]) -> list[Confusion]:
    """Of every task with classes."""
    return [
        Confusion(o.task.name, o.labels, _confusion(o).tolist())
        for o in outcomes
        if o.task.kind == "softmax" and o.known.any()
    ]


def _confusion(outcome: Outcome) -> NDArray[np.int64]:
    called, truth = outcome.answers[outcome.known].argmax(1), outcome.truth[outcome.known, 0]
    return confusion_matrix(called, truth, len(outcome.labels))


def ages(outcomes: Sequence[Outcome]) -> list[Ages]:
    """Of every task whose answers are years."""
    return [_ages(o) for o in outcomes if o.unit == "years" and o.known.any()]


def _ages(outcome: Outcome) -> Ages:
    truth, answer = outcome.truth[outcome.known, 0], outcome.answers[outcome.known, 0]
    inside = np.clip([truth, answer], 0, _OLDEST - 1e-6)
    last = math.floor(inside.max() / _BIN) + 1
    edges = _BIN * np.arange(last + 1)
    counts = np.histogram2d(inside[1], inside[0], [edges, edges])[0].astype(np.int64)
    decade = np.minimum(truth // 10, _LAST).astype(int)
    decades = [
        Decade(
            f"{10 * d} to {10 * d + 9}" if d < _LAST else f"{10 * d} up",
            int((decade == d).sum()),
            mean(np.abs(answer - truth)[decade == d]),
            mean((answer - truth)[decade == d]),
        )
        for d in np.unique(decade).tolist()
    ]
    return Ages(outcome.task.name, heat(f"{outcome.task.name}: answers against truth", counts, edges), decades)


def yes_or_no(outcomes: Sequence[Outcome]) -> list[YesNo]:
    """Of every task with a yes or a no."""
    return [_yes_or_no(o) for o in outcomes if o.task.kind == "sigmoid" and o.known.any()]


def _yes_or_no(outcome: Outcome) -> YesNo:
    name, probability = outcome.task.name, outcome.answers[outcome.known, 1]
    is_yes = outcome.truth[outcome.known, 0] > 0.5
    curve = None
    if is_yes.any() and not is_yes.all():
        found = roc(probability, is_yes)
        far, tar = np.unique(np.round([found.far, found.tar], 3), axis=1)  # a thousandth cannot be seen
        lines = {"found": tar, "chance": far}
        curve = curves(f"{name}: share of yes that are found, by share of no that are not", far, lines, along="no")
    edges = np.linspace(0, 1, _BARS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    lines = {
        label: np.histogram(probability[chosen], edges)[0] / max(chosen.sum(), 1)
        for label, chosen in (("yes", is_yes), ("no", ~is_yes))
    }
    shown = curves(f"{name}: probabilities", middles, lines, along="probability", from_zero=True)
    return YesNo(name, int(is_yes.sum()), int((~is_yes).sum()), curve, shown)


def groupings(outcomes: Sequence[Outcome], places: Sequence[Place]) -> list[Grouping]:
    """Figures by gender and race, where the packs label them and there are two groups or more."""
    found = []
    for name, members in read_groups(places).items():
        groups = sorted({member for member in members if member})
        chosen = [np.array([member == group for member in members]) for group in groups]
        everybody = np.ones(len(places), bool)
        rows = [
            (f"{o.task.name}, {word(o.figure)}", [share(o, c) for c in (everybody, *chosen)])
            for o in outcomes
            if any(bool((o.known & c).any()) for c in chosen)
        ]
        if rows and len(groups) > 1:
            found.append(Grouping(name, groups, rows))
    return found


def sheets(outcomes: Sequence[Outcome], places: Sequence[Place], images: Sequence[str]) -> list[Sheet]:
    """The worst answers of every task, with pictures from the packs.

    Args:
        places, images: where each face is, and what it is called.
    """
    worst = {o.task.name: o.worst(WORST) for o in outcomes}
    pictures = read_pictures([places[i] for rows in worst.values() for i in rows], TILE)
    return [
        Sheet(
            o.task.name,
            "wrong answers, the surest first" if o.labels else "the largest errors",
            [Tile(images[i], o.words(i), *pictures[places[i]]) for i in worst[o.task.name]],
        )
        for o in outcomes
        if worst[o.task.name]
    ]
