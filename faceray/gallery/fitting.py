"""From comparisons to the numbers of a calibration."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faceray.gallery.comparisons import Comparisons, Integers
from faceray.gallery.tail import Tail, extremal_index, fit_tail

Floats = NDArray[np.floating]

SCORES = np.linspace(-1, 1, 201)  # where densities are kept
LEAST_PROBES = 50
_LEAST_SCORES = 20
_DEEP = 0.1  # part of the probes that tells how much comparisons hang together
_ROUNDS = 30
_SIGNIFICANT = 4.0  # standard deviations by which a second peak must rise over the valley before it


@dataclass(frozen=True)
class Exceedances:
    """Impostor scores above a level, in a form that can be fitted with other weights.

    scores, first, second: (n,) each with the numbers of the probe's and of the candidate's person, from 0 on.
    weights: (n,) probability that they are two people.
    probes: (p,) numbers of the probes' people. highest: (p,) their highest scores. compared: (p,) with so many.
    people: how many numbers there are.
    genuine: density of one person's scores, where it had to be found on the way.
    """

    level: float
    scores: Floats
    first: Integers
    second: Integers
    weights: Floats
    probes: Integers
    highest: Floats
    compared: Floats
    people: int
    named: bool
    genuine: tuple[float, ...] = ()

    def tail(self, times: Floats | None = None) -> Tail:
        """The best fit where person i counts `times[i]` times; once if not given.

        Raises:
            ValueError: there are not two different scores.
        """
        times = np.ones(self.people) if times is None else times
        of_probes, pairs = times[self.probes], self.weights * times[self.first] * times[self.second]
        tail = fit_tail(self.scores, pairs, self.level, float((of_probes * self.compared).sum()))
        if not self.named:  # a probe's highest score may be its mate's
            return tail
        part = min(1.0, max(_DEEP, LEAST_PROBES / len(self.probes)))
        return replace(tail, together=extremal_index(self.highest, of_probes, self.compared, tail, part))

    def resampled(self, count: int, random: np.random.Generator) -> tuple[Tail, ...]:
        """Fits to people drawn again with replacement: what chance has to do with the one fit."""
        return tuple(self.tail(random.poisson(1.0, self.people).astype(float)) for _ in range(count))


def exceedances(comparisons: Comparisons) -> Exceedances:
    """The tail begins where a search meets one impostor on average: higher for more faces, as the theory wants it.
    Where nobody is named it begins where a search meets three, so that scores of one person do not prevail.

    Raises:
        ValueError: too few probes, scores, or candidates that are not the probe's person.
    """
    named = comparisons.named
    impostors = comparisons.impostors()
    cut = float("inf") if named else valley(comparisons)
    usable = np.sort(impostors[np.isfinite(impostors) & (impostors <= cut)])[::-1]
    if len(impostors) < LEAST_PROBES or len(usable) <= _LEAST_SCORES:
        raise ValueError(
            f"{len(impostors)} faces with {len(usable)} scores of other people are too few to calibrate with"
        )
    met = usable[min(len(impostors) * (1 if named else 3), len(usable) - 1)]
    level = float(max(met, np.median(comparisons.floor)))
    complete = np.flatnonzero(comparisons.floor <= level)
    impostors, some = impostors[complete], comparisons.take(complete)
    probe, place = np.nonzero(impostors > level)
    if len(probe) <= _LEAST_SCORES:
        raise ValueError("most candidates are faces of the probe's own person: nobody else's scores are known")
    everybody = np.concatenate([some.probe_people, some.people[probe, place]])
    people, numbers = np.unique(everybody, return_inverse=True)
    probes, second = numbers[: len(complete)], numbers[len(complete) :]
    found = Exceedances(
        level=level,
        scores=impostors[probe, place].astype(np.float64),
        first=probes[probe],
        second=second,
        weights=np.ones(len(probe)),
        probes=probes,
        highest=impostors.max(axis=1),
        compared=some.compared,
        people=len(people),
        named=named,
    )
    return _separated(found, cut) if np.isfinite(cut) else found


def valley(comparisons: Comparisons) -> float:
    """Where scores of one person's faces begin to prevail among scores of anybody's: the valley between two peaks of
    their histogram; inf where there is only one peak.
    """
    scores = comparisons.scores[comparisons.scores > max(-1.0, float(np.median(comparisons.floor)))]
    counts, edges = np.histogram(scores, bins=SCORES[::2])
    peak = int(counts.argmax())
    counts, middles = counts[peak:], (edges[1:] + edges[:-1])[peak:] / 2
    later = np.maximum.accumulate(counts[::-1])[::-1]
    rise = (later - counts) / np.sqrt(later + counts + 1)
    return float(middles[rise.argmax()]) if rise.max() > _SIGNIFICANT else float("inf")


def _separated(found: Exceedances, cut: float) -> Exceedances:
    """Two people or one, by expectation maximisation: the tail for two, a density without a model for one. It starts
    from calling everything above `cut` one person."""
    compared = found.compared.sum()
    genuine, shown = (found.scores > cut).astype(float), density(np.zeros(0))
    for _ in range(_ROUNDS):
        tail = fit_tail(found.scores, 1 - genuine, found.level, compared)
        shown = _one_peak(density(found.scores, genuine))
        if not shown:
            return found
        one = genuine.sum() * np.interp(found.scores, SCORES, shown)
        genuine = one / (one + compared * tail.density(found.scores))
    return replace(found, weights=1 - genuine, genuine=shown)


def _one_peak(heights: tuple[float, ...]) -> tuple[float, ...]:
    """The density without what rises again to the left of its peak: that is the other kind's."""
    peak = int(np.argmax(heights)) if heights else 0
    left = np.minimum.accumulate(np.array(heights[: peak + 1])[::-1])[::-1]
    return (*left.tolist(), *heights[peak + 1 :])


def density(scores: Floats, weights: Floats | None = None) -> tuple[float, ...]:
    """The density of scores at SCORES, smoothed by a Gaussian of Scott's width (1992); empty where too few."""
    weights = np.ones(len(scores)) if weights is None else weights
    if weights.sum() < _LEAST_SCORES or np.ptp(scores) == 0:
        return ()
    step = float(SCORES[1] - SCORES[0])
    heights, _ = np.histogram(scores, bins=np.append(SCORES - step / 2, 1 + step / 2), weights=weights, density=True)
    mean = np.average(scores, weights=weights)
    deviation = np.sqrt(np.average((scores - mean) ** 2, weights=weights))
    width = max(step, float(deviation) * float(weights.sum() ** 2 / (weights**2).sum()) ** -0.2)
    kernel = np.exp(-0.5 * ((SCORES - SCORES[100]) / width) ** 2)
    return tuple(np.convolve(heights, kernel / kernel.sum(), mode="same").round(6).tolist())


def counted(comparisons: Comparisons, fpir: float) -> float | None:
    """The threshold without any model; None where fewer than ten probes would be above it."""
    highest = np.sort(comparisons.impostors().max(axis=1))[::-1]
    allowed = int(fpir * len(highest))
    return float(np.nextafter(highest[allowed], np.inf)) if allowed >= 10 else None


def hold_out(
    comparisons: Comparisons, part: float, fpir: float, splits: int, random: np.random.Generator
) -> tuple[list[float], float]:
    """Thresholds from a part of the people, tried on the others: the rates measured there, and how many times as large
    the others' gallery was. No rates where the parts are too small.
    """
    people, measured, grown = np.unique(comparisons.probe_people), [], []
    for _ in range(splits):
        order = random.permutation(people)
        size = int(part * len(people))
        ours, others = comparisons.among(order[:size]), comparisons.among(order[size:])
        try:
            tails = exceedances(ours).resampled(20, random)
        except ValueError:
            return [], 0.0
        entries = float(others.compared.mean())
        threshold = solve(tails, entries, fpir)
        measured.append(float((others.impostors().max(axis=1) >= threshold).mean()))
        grown.append(entries / float(ours.compared.mean()))
    return measured, float(np.mean(grown))


def solve(tails: tuple[Tail, ...], entries: float, fpir: float) -> float:
    """The score that the highest of so many impostors reaches with probability `fpir`, on average over the fits; at
    least their level, at most 1."""
    low, high = tails[0].level, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        rate = np.mean([tail.exceeded(middle, entries) for tail in tails])
        low, high = (middle, high) if rate > fpir else (low, middle)
    return high
