"""Charts as inline SVG and HTML: sharp at any size, readable aloud and on paper, no scripts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

NOTHING = "\N{EN DASH}"  # where there is no number
_WIDTH, _HEIGHT = 320, 136
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 310, 12, 114  # the plot area; the rest is for axis labels

_SVG = Markup('<svg class="histogram" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
_GRID = Markup('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text x="{}" y="{}" text-anchor="end">{}</text>')
_BIN = Markup(
    '<g class="bin"><title>{}</title><rect class="hit" x="{:.2f}" y="{}" width="{:.2f}" height="{}"/>'
    '<rect class="bar" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/></g>'
)
_TICK = Markup('<line class="tick" x1="{x:.2f}" x2="{x:.2f}" y1="{}" y2="{}"/><text x="{x:.2f}" y="{}" {}>{}</text>')
_AXIS = Markup('<line class="axis" x1="{}" x2="{}" y1="{y}" y2="{y}"/>')
_BAR_ROW = Markup(
    '<tr><th scope="row">{}</th><td class="track"><div><span style="width:{:.2f}%"></span></div></td>'
    '<td class="number">{:,}</td><td class="number share">{}</td></tr>'
)


@dataclass(frozen=True)
class Bins:
    """Bins of a histogram: bin i is for values in (edges[i], edges[i + 1]], the outer two also for all beyond."""

    edges: tuple[float, ...]
    ticks: tuple[float, ...]
    unit: str = ""

    def name(self, i: int) -> str:
        """What bin `i` holds, in words."""
        low, high = signed(f"{self.edges[i]:.4g}"), signed(f"{self.edges[i + 1]:.4g}")
        first, last = i == 0, i == len(self.edges) - 2
        return f"{f'up to {high}' if first else f'over {low}' if last else f'{low} to {high}'} {self.unit}".rstrip()


def uniform(low: float, high: float, count: int, ticks: int, unit: str = "") -> Bins:
    """`count` bins of equal width over [low, high], the axis labelled at `ticks` + 1 places."""
    edges, places = np.linspace(low, high, count + 1), np.linspace(low, high, ticks + 1)
    return Bins(tuple(edges.round(6).tolist()), tuple(places.round(6).tolist()), unit)


def octaves(low: int, high: int, unit: str = "") -> Bins:
    """Two bins per doubling from `low` to `high` (powers of two), and one for what is smaller and one for larger."""
    exponents = np.arange(np.log2(low) - 0.5, np.log2(high) + 1, 0.5)
    return Bins(
        tuple((2**exponents).tolist()), tuple((2.0 ** np.arange(np.log2(low), np.log2(high) + 1)).tolist()), unit
    )


def compact(count: float) -> str:
    """A count in at most five characters: 950, 1.2k, 35M."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g}{suffix}"
    return f"{count:.3g}"


def signed(number: str) -> str:
    """A formatted number with a true minus sign."""
    return number.replace("-", "\N{MINUS SIGN}")


def percent(part: float, whole: float) -> str:
    """A share for people; something that exists is never shown as 0, and a part never as everything."""
    if not whole:
        return NOTHING
    if not part:
        return "0 %"
    share = 100 * part / whole
    if share < 0.1:
        return "< 0.1 %"
    if 99.9 < share < 100:
        return "> 99.9 %"
    return f"{share:.1f} %"


def histogram(title: str, counts: Sequence[int], bins: Bins) -> Markup:
    """A histogram as an SVG element; every bar tells its range and count when pointed at.

    Args:
        title: what is counted, for screen readers.
        counts: one per bin, not negative.
        bins: their edges, in the unit of the quantity.
    """
    step = _grid_step(max(counts, default=0))
    top = max(step, *counts)
    width = (_RIGHT - _LEFT) / len(counts)
    scale = (_BOTTOM - _TOP) / top
    grid = [
        _GRID.format(
            _LEFT, _RIGHT, _LEFT - 5, round(_BOTTOM - v * scale + 3.5, 2), compact(v), y=round(_BOTTOM - v * scale, 2)
        )
        for v in range(step, top + 1, step)
    ]
    columns = []
    for i, count in enumerate(counts):
        x, height = _LEFT + i * width, max(count * scale, 1.5 if count else 0)
        words = f"{bins.name(i)}: {count:,} ({percent(count, sum(counts))})"
        hit = (x, _TOP, width, _BOTTOM - _TOP)
        columns.append(_BIN.format(words, *hit, x + 0.75, _BOTTOM - height, width - 1.5, height))
    ticks = [
        _TICK.format(_BOTTOM, _BOTTOM + 4, _BOTTOM + 16, _anchor(x), signed(f"{value:g}"), x=x)
        for value, x in zip(bins.ticks, _places(bins), strict=True)
    ]
    parts = Markup("").join([*grid, *columns, _AXIS.format(_LEFT, _RIGHT, y=_BOTTOM), *ticks])
    return _SVG.format(_WIDTH, _HEIGHT, _spoken(title, counts, bins), parts)


def bars(rows: Sequence[tuple[str, int, int]]) -> Markup:
    """Horizontal bars, a row for each (name, part, whole): name, bar, part, share of the whole.

    They are the rows of an HTML table, so that they read aloud and copy into a spreadsheet.
    """
    html = [
        _BAR_ROW.format(name, max(100 * part / whole, 0.5) if part else 0, part, percent(part, whole))
        for name, part, whole in rows
    ]
    return Markup('<table class="bars"><tbody>{}</tbody></table>').format(Markup("").join(html))


def _grid_step(top: int) -> int:
    """1, 2 or 5 times a power of ten, so that at most four lines fit under `top`."""
    power = 10 ** (len(str(max(top, 1))) - 1)
    return next(step for step in (power // 2 or 1, power, 2 * power) if top // step <= 4)


def _places(bins: Bins) -> list[float]:
    places = np.linspace(_LEFT, _RIGHT, len(bins.edges))
    return [float(x) for x in np.interp(bins.ticks, bins.edges, places)]


def _anchor(x: float) -> Markup:
    return Markup('text-anchor="{}"').format("end" if x > _RIGHT - 8 else "middle")


def _spoken(title: str, counts: Sequence[int], bins: Bins) -> str:
    if not sum(counts):
        return f"{title}: no values"
    return f"{title}: histogram of {sum(counts):,} values, most often {bins.name(int(np.argmax(counts)))}"
