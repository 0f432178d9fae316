"""Figures of a training as inline SVG: curves, and counts in two dimensions. Drawn in the style of `charts`."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from faceray.results.charts import NOTHING, percent, signed

Floats = NDArray[np.floating]

_WIDTH, _HEIGHT, _SQUARE = 320, 160, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 312, 10, 138  # the plot area; the rest is for axis labels
_STEEP = 30  # values that differ by this factor are drawn on a logarithmic axis
_BANDS = 80  # places that tell their values when pointed at

_SVG = Markup('<svg class="histogram {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
_ROW = Markup(
    '<line class="grid" x1="{x1}" x2="{x2}" y1="{y:.2f}" y2="{y:.2f}"/>'
    '<text x="{}" y="{:.2f}" text-anchor="end">{}</text>'
)
_COLUMN = Markup(
    '<line class="tick" x1="{x:.2f}" x2="{x:.2f}" y1="{y1}" y2="{y2}"/>'
    '<text x="{x:.2f}" y="{}" text-anchor="{}">{}</text>'
)
_MARK = Markup('<line class="mark" x1="{x:.2f}" x2="{x:.2f}" y1="{}" y2="{}"/>')
_PATH = Markup('<path class="line k{}" d="{}"/>')
_POINT = Markup('<circle class="point k{}" cx="{:.2f}" cy="{:.2f}" r="3"/>')
_BAND = Markup('<g class="bin"><title>{}</title><rect class="hit" x="{:.2f}" y="{}" width="{:.2f}" height="{}"/></g>')
_KEY = Markup('<span class="key"><i class="k{}"></i>{} <b>{}</b></span>')
_CELL = Markup(
    '<g><title>{}</title><rect class="bar" x="{:.2f}" y="{:.2f}" width="{s:.2f}" height="{s:.2f}" '
    'fill-opacity="{:.3f}"/></g>'
)
_DIAGONAL = Markup('<line class="mark" x1="{:.2f}" y1="{:.2f}" x2="{:.2f}" y2="{:.2f}"/>')


@dataclass(frozen=True)
class Scale:
    """An axis: its range, the values that are labelled, and whether it is logarithmic."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, values: Floats) -> NDArray[np.float64]:
        """How far along the axis values lie: 0 at `low`, 1 at `high`; NaN stays NaN. Any shape."""
        if self.logarithmic:
            values, low, high = np.log10(values), math.log10(self.low), math.log10(self.high)
        else:
            low, high = self.low, self.high
        return (np.asarray(values, np.float64) - low) / (high - low)


def scale(values: Floats, tight: bool = False) -> Scale:
    """The axis for some values, those that are not finite left out.

    Args:
        tight: the axis ends at the outermost values, not at round ones, and is never logarithmic.
    """
    known = np.asarray(values, np.float64)[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if not tight and low > 0 and high / low > _STEEP:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        powers = range(first, last + 1, math.ceil((last - first) / 4))
        return Scale(10.0**first, 10.0**last, tuple(10.0**p for p in powers), logarithmic=True)
    if high - low <= 1e-9 * max(abs(high), abs(low)):
        low, high = low - (abs(low) / 2 or 1.0), high + (abs(high) / 2 or 1.0)
    step = _step(high - low, 6 if tight else 4)
    almost = 1e-9  # a value that is a tick but for rounding is that tick
    if tight:
        return Scale(low, high, _ticks(math.ceil(low / step - almost), math.floor(high / step + almost), step))
    ticks = _ticks(math.floor(low / step + almost), math.ceil(high / step - almost), step)
    return Scale(ticks[0], ticks[-1], ticks)


def curves(
    title: str,
    x: Floats,
    lines: Mapping[str, Floats],
    mark: float | None = None,
    along: str = "epoch",
    from_zero: bool = False,
) -> Markup:
    """Lines over a common axis, their names above, and their values at the mark if there is one.

    Args:
        title: what is drawn, for screen readers. along: what x is.
        x: (n,) ascending, one at least. lines: by name, (n,) each, NaN where there is no value: a gap.
        mark: place of a vertical line. from_zero: whether 0 is on the axis of the values in any case.
    """
    across, up = scale(x, tight=True), scale(np.concatenate([*lines.values(), [0.0 if from_zero else np.nan]]))
    place = _LEFT + (_RIGHT - _LEFT) * across.share(x)
    drawn: list[Markup] = [*_rows(up, _LEFT, _RIGHT, _TOP, _BOTTOM), *_columns(across, _BOTTOM)]
    if mark is not None:
        drawn.append(_MARK.format(_TOP, _BOTTOM, x=float(_LEFT + (_RIGHT - _LEFT) * across.share(np.array(mark)))))
    for i, values in enumerate(lines.values()):
        drawn += _line(i, place, _BOTTOM - (_BOTTOM - _TOP) * up.share(np.asarray(values, np.float64)))
    drawn += _bands(x, place, lines, along)
    at = None if mark is None else int(np.abs(np.asarray(x) - mark).argmin())
    told = {name: "" if at is None else number(values[at]) for name, values in lines.items()}
    keys = [_KEY.format(i, name, value) for i, (name, value) in enumerate(told.items())]
    spoken = f"{title}: {', '.join(f'{name} {value}'.rstrip() for name, value in told.items())}"
    svg = _SVG.format("curves", _WIDTH, _HEIGHT, spoken, Markup("").join(drawn))
    return Markup('<p class="keys">{}</p>{}').format(Markup(" ").join(keys), svg)


def heat(title: str, counts: NDArray[np.int64], edges: Floats) -> Markup:
    """Counts in a square of bins, which are darker the more they hold, and the diagonal.

    Args:
        title: what is counted, for screen readers.
        counts: (bins, bins): i-th bin upwards, j-th to the right. edges: (bins + 1,) of both.
    """
    bottom = _SQUARE - 24
    side = (_SQUARE - 8 - _LEFT) / len(counts)
    axis = scale(edges, tight=True)
    drawn: list[Markup] = [*_rows(axis, _LEFT, _SQUARE - 8, bottom - side * len(counts), bottom)]
    drawn += _columns(axis, bottom, _SQUARE - 8)
    for row, column in np.argwhere(counts).tolist():
        count = int(counts[row, column])
        words = f"truth {_range(edges, column)}, answer {_range(edges, row)}: {count:,} "
        words += f"({percent(count, counts[:, column].sum())} of these)"
        at = (_LEFT + column * side, bottom - (row + 1) * side)
        drawn.append(_CELL.format(words, *at, 0.08 + 0.92 * math.sqrt(count / counts.max()), s=side))
    drawn.append(_DIAGONAL.format(_LEFT, bottom, _LEFT + side * len(counts), bottom - side * len(counts)))
    return _SVG.format("heat", _SQUARE, _SQUARE, f"{title}: {counts.sum():,} values", Markup("").join(drawn))


def number(value: float) -> str:
    """A figure for people, with four digits that count."""
    return signed(f"{value:.4g}") if math.isfinite(value) else NOTHING


def word(figure: str) -> str:
    """The name of a figure as people write it."""
    return figure.upper() if figure in ("mae", "nme", "auc", "eer") else figure.replace("_", " ")


def _step(span: float, most: int) -> float:
    """1, 2 or 5 times a power of ten, the least that fits in at most so many times."""
    power: float = 10.0 ** math.floor(math.log10(span / most))
    return next((m * power for m in (1, 2, 5) if span <= most * m * power), 10 * power)


def _ticks(first: int, last: int, step: float) -> tuple[float, ...]:
    return tuple(float(f"{n * step:.12g}") for n in range(first, last + 1))


def _rows(axis: Scale, left: float, right: float, top: float, bottom: float) -> Iterator[Markup]:
    for tick, share in zip(axis.ticks, axis.share(np.array(axis.ticks)).tolist(), strict=True):
        y = bottom - (bottom - top) * share
        yield _ROW.format(left - 5, y + 3.5, signed(f"{tick:g}"), x1=left, x2=right, y=y)


def _columns(axis: Scale, bottom: float, right: float = _RIGHT) -> Iterator[Markup]:
    for tick, share in zip(axis.ticks, axis.share(np.array(axis.ticks)).tolist(), strict=True):
        x = _LEFT + (right - _LEFT) * share
        anchor = "end" if x > right - 6 else "middle"
        yield _COLUMN.format(bottom + 17, anchor, signed(f"{tick:g}"), x=x, y1=bottom, y2=bottom + 4)


def _line(colour: int, x: Floats, y: Floats) -> Iterator[Markup]:
    """A path for each stretch without gaps; a point where a stretch is one value."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    for stretch in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        if len(stretch) == 1:
            yield _POINT.format(colour, x[stretch[0]], y[stretch[0]])
        elif len(stretch):
            yield _PATH.format(colour, "M" + "L".join(f"{x[i]:.1f} {y[i]:.1f}" for i in stretch))


def _bands(x: Floats, place: Floats, lines: Mapping[str, Floats], along: str) -> Iterator[Markup]:
    """What is told when a place is pointed at."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), _BANDS)).round().astype(int)).tolist()
    edges = [_LEFT, *((place[a] + place[b]) / 2 for a, b in pairwise(chosen)), _RIGHT]
    for i, (left, right) in zip(chosen, pairwise(edges), strict=True):
        values = ", ".join(f"{name} {number(line[i])}" for name, line in lines.items())
        yield _BAND.format(f"{along} {number(x[i])}: {values}", left, _TOP, max(right - left, 0), _BOTTOM - _TOP)


def _range(edges: Floats, i: int) -> str:
    return f"{edges[i]:g} to {edges[i + 1]:g}"
