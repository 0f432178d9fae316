"""Curves are drawn where their values are."""

import re

import numpy as np
from numpy.typing import NDArray

from faceray.gallery.curves import Axis, Curve, plot, rates, scores


def places(svg: str) -> NDArray[np.float64]:
    points = re.findall(r'points="([^"]*)"', svg)[0]
    return np.array([pair.split(",") for pair in points.split()], float)


def test_curves_run_from_corner_to_corner():
    line = Curve("line", np.linspace(0, 1, 10**6), np.linspace(0, 1, 10**6), "one")
    drawn = places(plot("t", [line], scores("score", 0, 1), Axis("share", 0, 1, (0, 1))))
    assert len(drawn) < 2000  # a million points are not needed
    np.testing.assert_allclose(drawn[[0, -1]], [[52, 238], [470, 12]])


def test_rates_are_drawn_by_their_powers_of_ten():
    decades = Curve("decades", np.array([0, 1e-3, 1e-2, 1e-1, 1]), np.zeros(5), "one")
    drawn = places(plot("t", [decades], rates(1e-3, "FAR"), scores("score", 0, 1)))
    np.testing.assert_allclose(np.diff(drawn[:, 0]), (470 - 52) / 3, atol=0.6)  # 0 is on the axis's end, with 1e-3


def test_a_mark_stands_at_its_score_and_names_are_text():
    line = Curve("<b>", np.array([0.0, 1.0]), np.array([0.0, np.nan]), "two")
    svg = plot("t", [line], scores("score", 0, 1), rates(1e-3, "rate"), mark=0.5, mark_name="here")
    assert 'class="mark" x1="261.0"' in svg  # half-way between 52 and 470
    assert "&lt;b&gt;" in svg
    assert "<title>here</title>" in svg
