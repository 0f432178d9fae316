"""Curves as inline SVG, in the style of faceray.results.charts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from faceray.results.charts import signed

Floats = NDArray[np.floating]
_WIDTH, _HEIGHT = 480, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 470, 12, 238

_SVG = Markup('<svg class="histogram curves" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
_ACROSS = Markup(
    '<line class="grid" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/><text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
)
_TICK = Markup(
    '<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/>'
    '<text x="{x:.1f}" y="{}" text-anchor="middle">{}</text>'
)
_AXIS = Markup(
    '<line class="axis" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text x="{}" y="{}" text-anchor="middle">{}</text>'
)
_CURVE = Markup('<polyline class="curve {}" points="{}"><title>{}</title></polyline>')
_MARK = Markup('<g><title>{}</title><line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/></g>')


@dataclass(frozen=True)
class Curve:
    """A line through points, (n,) each, and its name; `look` is its colour, `one` or `two`, and perhaps `dashed`."""

    name: str
    x: Floats
    y: Floats
    look: str


@dataclass(frozen=True)
class Axis:
    """What is along it, where it begins and ends, and at which values it is labelled; logarithmic if asked for."""

    name: str
    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def place(self, values: Floats) -> Floats:
        """From 0 to 1 along the axis; what is beyond its ends is put on them."""
        inside = np.clip(values, self.low, self.high)
        if self.log:
            return np.asarray(np.log(inside / self.low) / np.log(self.high / self.low))
        return (inside - self.low) / (self.high - self.low)


def rates(low: float, name: str) -> Axis:
    """A logarithmic axis from a power of ten to 1, labelled at every power."""
    powers = range(round(np.log10(low)), 1)
    return Axis(name, low, 1.0, tuple(10.0**power for power in powers), log=True)


def scores(name: str, low: float, high: float) -> Axis:
    """An axis for cosine similarities, labelled at every tenth or fifth."""
    low, high = np.floor(10 * low) / 10, np.ceil(10 * high) / 10
    step = 0.1 if high - low <= 0.8 else 0.2
    return Axis(name, float(low), float(high), tuple(np.arange(low, high + 1e-9, step).round(2).tolist()))


def plot(
    title: str, curves: Sequence[Curve], x: Axis, y: Axis, mark: float | None = None, mark_name: str = ""
) -> Markup:
    """Curves over two axes as an SVG element, with a vertical line at `mark`. Each tells its name when pointed at."""
    across = [
        _ACROSS.format(_LEFT, _RIGHT, _LEFT - 5, place + 3.5, signed(f"{value:g}"), y=place)
        for value, place in zip(y.ticks, _down(y, np.array(y.ticks)), strict=True)
    ]
    ticks = [
        _TICK.format(_BOTTOM, _BOTTOM + 4, _BOTTOM + 16, signed(f"{value:g}"), x=place)
        for value, place in zip(x.ticks, _along(x, np.array(x.ticks)), strict=True)
    ]
    lines = [_CURVE.format(curve.look, _points(curve, x, y), curve.name) for curve in curves]
    marks = [] if mark is None else [_MARK.format(mark_name, _TOP, _BOTTOM, x=float(_along(x, np.array([mark]))[0]))]
    axis = _AXIS.format(_LEFT, _RIGHT, (_LEFT + _RIGHT) / 2, _BOTTOM + 34, x.name, y=_BOTTOM)
    spoken = f"{title}: {y.name} over {x.name}; {', '.join(curve.name for curve in curves)}"
    return _SVG.format(_WIDTH, _HEIGHT, spoken, Markup("").join([*across, axis, *ticks, *marks, *lines]))


def _along(axis: Axis, values: Floats) -> Floats:
    return _LEFT + axis.place(values) * (_RIGHT - _LEFT)


def _down(axis: Axis, values: Floats) -> Floats:
    return _BOTTOM - axis.place(values) * (_BOTTOM - _TOP)


def _points(curve: Curve, x: Axis, y: Axis) -> str:
    """The places that differ by half a pixel or more: curves may have millions of points."""
    known = np.isfinite(curve.x) & np.isfinite(curve.y)
    places = np.stack([_along(x, curve.x[known]), _down(y, curve.y[known])], axis=1)
    halves = np.round(2 * places)
    kept = np.append(True, (np.diff(halves, axis=0) != 0).any(axis=1))[: len(halves)]
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in halves[kept] / 2)
