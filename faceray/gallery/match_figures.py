"""The plots and tables of a match's report: what was expected of the decisions and, of named probes, what came."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from faceray.evaluation.identification import Identification
from faceray.evaluation.verification import Roc
from faceray.gallery.curves import Axis, Curve, plot, rates, scores
from faceray.gallery.fitting import SCORES
from faceray.gallery.matches import Decision

Floats = NDArray[np.floating]
_MATES, _STRANGERS = "one", "two"  # colours
_GROWTH = (1, 2, 5, 10, 100)
_FARS = (1e-2, 1e-3, 1e-4, 1e-5)


@dataclass(frozen=True)
class Findings:
    """What is known of the named probes; None where it was not to be known.

    searched: of the searches. pairs: of comparisons one to one.
    """

    searched: Identification | None = None
    pairs: Roc | None = None


@dataclass(frozen=True)
class Figure:
    """A plot, a line of words about it, and its legend: (look, name)."""

    title: str
    note: str
    picture: Markup
    legend: list[tuple[str, str]]


@dataclass(frozen=True)
class Expected:
    """What a calibration says of thresholds, (n,); `genuine` and `missed` are None where it knows no mates.

    stranger: density of a stranger's best score. fpir: rate of strangers accepted. far: of pairs of two people.
    genuine: density of mates' scores. missed: part of the mates below the threshold.
    """

    threshold: Floats
    stranger: Floats
    fpir: Floats
    far: Floats
    genuine: Floats | None
    missed: Floats | None


def expected(decision: Decision) -> Expected | None:
    """From the calibration, for the gallery's size."""
    calibration = decision.calibration
    if calibration is None:
        return None
    threshold = np.linspace(calibration.tail.level, 1, 400)
    fpir = calibration.fpir(threshold, decision.faces)
    known = bool(calibration.genuine)
    genuine = np.interp(threshold, SCORES, calibration.genuine) if known else None
    missed = calibration.missed(threshold) if known else None
    far = calibration.tail.above(threshold)
    return Expected(threshold, -np.gradient(fpir, threshold), fpir, far, genuine, missed)


def figures(decision: Decision, findings: Findings) -> list[Figure]:
    """Those for which anything is known."""
    known, searched, pairs = expected(decision), findings.searched, findings.pairs
    found = [
        _distributions(decision, known, searched),
        _errors(decision, known, searched),
        _det(known, searched),
        _roc(known, pairs),
    ]
    return [figure for figure in found if figure]


def _distributions(decision: Decision, known: Expected | None, searched: Identification | None) -> Figure | None:
    curves = []
    if known:
        curves.append(_dashed("strangers' best scores, expected", known.threshold, known.stranger, _STRANGERS))
    if known and known.genuine is not None:
        curves.append(_dashed("mates' scores, in the calibration", known.threshold, known.genuine, _MATES))
    if searched:
        curves.append(Curve("strangers' best scores, measured", *_density(searched.impostor_scores), _STRANGERS))
        curves.append(Curve("mates' scores, measured", *_density(searched.mate_scores), _MATES))
    top = max((float(curve.y.max(initial=0)) for curve in curves), default=0.0)
    if not top:
        return None
    low = min(float(curve.x[curve.y > top / 100].min(initial=1)) for curve in curves)
    height = Axis("density", 0, 1.05 * top, tuple(float(f"{v:.2g}") for v in np.linspace(0, top, 5)))
    note = "Strangers are probes whose person is not in the gallery; their best score is that of their first candidate"
    return _figure(
        "Scores of mates and of strangers", note, curves, scores("score", low, 1), height, decision.threshold
    )


def _errors(decision: Decision, known: Expected | None, searched: Identification | None) -> Figure | None:
    curves = []
    if known:
        curves.append(_dashed("strangers accepted (FPIR), expected", known.threshold, known.fpir, _STRANGERS))
    if known and known.missed is not None:
        curves.append(_dashed("mates missed (FNIR), in the calibration", known.threshold, known.missed, _MATES))
    if searched:
        det = searched.det()
        curves.append(Curve("strangers accepted (FPIR), measured", det.threshold, det.fpir, _STRANGERS))
        curves.append(Curve("mates missed (FNIR), measured", det.threshold, det.fnir, _MATES))
    if not curves:
        return None
    low = min(float(curve.x[np.isfinite(curve.x)].min(initial=1)) for curve in curves)
    note = "The vertical line is the threshold; the calibration counts mates among its first candidates only"
    return _figure(
        "Errors by threshold", note, curves, scores("threshold", low, 1), rates(1e-3, "rate"), decision.threshold
    )


def _det(known: Expected | None, searched: Identification | None) -> Figure | None:
    curves = []
    if known and known.missed is not None:
        curves.append(_dashed("expected", known.fpir, known.missed, _MATES))
    if searched:
        det = searched.det()
        curves.append(Curve("measured", det.fpir, det.fnir, _MATES))
    note = "Detection error trade-off: mates missed (FNIR) for strangers accepted (FPIR)"
    return _figure("DET", note, curves, rates(1e-3, "FPIR"), rates(1e-3, "FNIR")) if curves else None


def _roc(known: Expected | None, pairs: Roc | None) -> Figure | None:
    curves = []
    if known and known.missed is not None:
        curves.append(_dashed("expected", known.far, 1 - known.missed, _MATES))
    if pairs:
        curves.append(Curve("measured", pairs.far, pairs.tar, _MATES))
    note = "Comparisons one to one: pairs of one person accepted (TAR) for pairs of two people accepted (FAR)"
    share = Axis("TAR", 0, 1, (0, 0.25, 0.5, 0.75, 1))
    return _figure("TAR at FAR", note, curves, rates(1e-6, "FAR"), share) if curves else None


def _figure(title: str, note: str, curves: list[Curve], x: Axis, y: Axis, mark: float | None = None) -> Figure:
    picture = plot(title, curves, x, y, mark, "" if mark is None else f"threshold {mark:.4f}")
    return Figure(title, note, picture, [(curve.look, curve.name) for curve in curves])


def _dashed(name: str, x: Floats, y: Floats, colour: str) -> Curve:
    return Curve(name, x, y, f"{colour} dashed")


def _density(found: Floats) -> tuple[Floats, Floats]:
    """A histogram of the finite scores, as points in the middle of its bins."""
    finite = found[np.isfinite(found)]
    heights, edges = np.histogram(finite, bins=np.linspace(-1, 1, 101), density=bool(len(finite)))
    return (edges[1:] + edges[:-1]) / 2, np.asarray(heights, float)


def measured_rates(decision: Decision, findings: Findings, fpir: float) -> list[tuple[str, str]]:
    """Names and values of what was measured with named probes."""
    rows, searched, pairs = [], findings.searched, findings.pairs
    if searched:
        rows += [
            ("probes with a mate in the gallery", f"{len(searched.mate_scores):,}"),
            ("probes without", f"{len(searched.impostor_scores):,}"),
            ("rank 1: the first candidate is a mate", f"{searched.rank1:.4f}"),
        ]
        if decision.threshold is not None:
            rows += [
                ("strangers accepted at the threshold (FPIR)", f"{float(searched.fpir(decision.threshold)):.4f}"),
                ("mates missed at the threshold (FNIR)", f"{float(searched.fnir(decision.threshold)):.4f}"),
            ]
        rows.append(
            (f"mates missed where {100 * fpir:g} % of these strangers are accepted", f"{searched.fnir_at(fpir):.4f}")
        )
    if pairs:
        rows += [(f"TAR at FAR {far:g}", f"{pairs.tar_at(far):.4f}") for far in _FARS]
        rows.append(("equal error rate", f"{pairs.eer:.4f}"))
    return rows


def growth(decision: Decision, fpir: float) -> Iterator[tuple[int, float, float, float]]:
    """(faces, threshold, least and greatest rate of strangers accepted that the fits allow) as the gallery grows."""
    if decision.calibration is not None:
        for times in _GROWTH:
            faces = times * decision.faces
            threshold = decision.calibration.threshold(faces, fpir)
            yield faces, threshold, *decision.calibration.fpir_range(threshold, faces)
