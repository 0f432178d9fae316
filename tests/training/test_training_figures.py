"""Figures of a training: what is drawn lies where the numbers are."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.results.charts import NOTHING
from faceray.training.training_figures import curves, heat, number, scale, word

nan = float("nan")
VALUES = st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=1, max_size=20)


def drawn(html: str) -> ET.Element:
    return ET.fromstring(f"<div>{html}</div>")


def of_class(svg: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in svg.iter() if name in (element.get("class") or "").split()]


def titles(svg: ET.Element) -> list[str]:
    return [title.text or "" for title in svg.iter("title")]


@given(VALUES, st.booleans())
def test_an_axis_holds_its_values_and_its_ticks(values: list[float], tight: bool) -> None:
    axis = scale(np.array(values), tight)
    shares = axis.share(np.array([*values, *axis.ticks]))
    assert ((shares >= -1e-6) & (shares <= 1 + 1e-6)).all()
    assert 1 <= len(axis.ticks) <= 8


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=10))
def test_an_axis_of_very_different_positive_values_is_logarithmic(values: list[float]) -> None:
    axis = scale(np.array(values))
    assert axis.logarithmic == (max(values) / min(values) > 30)
    if axis.logarithmic:
        assert all(math.log10(tick) == pytest.approx(round(math.log10(tick))) for tick in axis.ticks)
        assert axis.low <= min(values) <= max(values) <= axis.high


def test_axes_of_shares_begin_and_end_at_round_numbers() -> None:
    assert (scale(np.array([0.0, 1.0])).low, scale(np.array([0.0, 1.0])).high) == (0, 1)
    assert scale(np.array([0.0, 0.43, nan])).ticks == (0, 0.2, 0.4, 0.6)
    assert scale(np.array([1.0, 24.0]), tight=True).ticks == (5, 10, 15, 20)


def test_axes_without_values_and_with_one_exist() -> None:
    for values in ([], [nan], [math.inf], [0.0], [5.0], [-3.0]):
        axis = scale(np.array(values))
        assert axis.low < axis.high


def test_a_falling_curve_falls_and_a_gap_is_not_drawn_over() -> None:
    page = drawn(curves("loss", np.arange(1.0, 7), {"validation": np.array([6, 5, nan, 3, 2, 1.0])}))
    first, second = (path.attrib["d"] for path in of_class(page, "line"))
    heights = [float(point.split()[1]) for point in (*first[1:].split("L"), *second[1:].split("L"))]
    assert (len(first.split("L")), len(second.split("L"))) == (2, 3)
    assert heights == sorted(heights)  # down the page


def test_a_single_round_is_a_point() -> None:
    page = drawn(curves("loss", np.array([1.0]), {"a": np.array([2.0]), "b": np.array([nan])}, mark=1.0))
    assert not of_class(page, "line")
    (point,) = of_class(page, "point")
    assert of_class(page, "mark")[0].attrib["x1"] == pytest.approx(point.attrib["cx"])


def test_the_mark_stands_where_its_round_is_and_keys_tell_its_values() -> None:
    x = np.array([0.5, 1.0, 1.5])
    page = drawn(curves("age", x, {"MAE": np.array([9.0, 5.43, 7.0]), "other": np.array([1.0, nan, 2.0])}, mark=1.0))
    places = [point.split()[0] for point in of_class(page, "line")[0].attrib["d"][1:].split("L")]
    assert float(of_class(page, "mark")[0].attrib["x1"]) == pytest.approx(float(places[1]), abs=0.1)
    assert ["".join(key.itertext()).strip() for key in of_class(page, "key")] == ["MAE 5.43", f"other {NOTHING}"]


def test_an_axis_from_zero_is_never_logarithmic() -> None:
    x, values = np.array([1.0, 2.0]), {"yes": np.array([0.001, 0.9])}

    def height_of_the_first(html: str) -> float:
        page = drawn(html)
        lowest = max(float(line.attrib["y1"]) for line in of_class(page, "grid"))
        return lowest - float(of_class(page, "line")[0].attrib["d"][1:].split("L")[0].split()[1])

    assert height_of_the_first(curves("shares", x, values, from_zero=True)) < 1
    assert height_of_the_first(curves("shares", x, {"yes": np.array([0.002, 0.9])})) > 10


def test_every_round_tells_its_values_when_pointed_at() -> None:
    page = drawn(curves("loss", np.array([1.0, 2.0]), {"training": np.array([0.5, 0.25]), "b": np.array([nan, 1.0])}))
    assert titles(page) == [f"epoch 1: training 0.5, b {NOTHING}", "epoch 2: training 0.25, b 1"]


def test_hundreds_of_rounds_stay_small() -> None:
    x = np.arange(2000.0)
    assert len(curves("loss", x, {"training": np.sin(x)})) < 60_000


def test_names_are_escaped() -> None:
    page = drawn(curves('a "b" <i>', np.array([1.0]), {"<script>": np.array([1.0])}))
    assert not list(page.iter("script"))
    assert "<script>" in "".join(page.itertext())


def test_counts_in_two_dimensions() -> None:
    counts = np.zeros((4, 4), np.int64)
    counts[0, 0], counts[3, 1], counts[0, 1] = 100, 1, 3  # answers upwards, truths to the right
    page = drawn(heat("ages", counts, np.array([0.0, 5, 10, 15, 20])))
    most, some, one = of_class(page, "bar")
    dark = [float(cell.attrib["fill-opacity"]) for cell in (most, some, one)]
    assert dark == sorted(set(dark), reverse=True)
    assert float(one.attrib["y"]) < float(some.attrib["y"]) == float(most.attrib["y"])
    assert float(one.attrib["x"]) == float(some.attrib["x"]) > float(most.attrib["x"])
    assert titles(page)[-1] == "truth 5 to 10, answer 15 to 20: 1 (25.0 % of these)"


def test_numbers_and_names_for_people() -> None:
    assert (number(5.43210), number(-0.5), number(nan)) == ("5.432", "\N{MINUS SIGN}0.5", NOTHING)
    assert (word("mae"), word("off_by_1"), word("accuracy")) == ("MAE", "off by 1", "accuracy")
