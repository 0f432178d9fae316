"""Charts: what is drawn is what was counted."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.results.charts import NOTHING, bars, compact, histogram, octaves, percent, uniform

BINS = uniform(0, 100, 10, 5, "years")
COUNTS = st.lists(st.integers(0, 10**12), min_size=10, max_size=10)


def drawn(counts: list[int]) -> ET.Element:
    return ET.fromstring(histogram("Age", counts, BINS))


def of_class(svg: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in svg.iter() if element.get("class") == name]


@given(COUNTS)
def test_bars_are_as_high_as_their_counts_and_stay_inside_the_picture(counts: list[int]) -> None:
    svg = drawn(counts)
    _, _, width, height = (float(v) for v in svg.attrib["viewBox"].split())
    heights = [float(bar.attrib["height"]) for bar in of_class(svg, "bar")]
    assert sorted(range(10), key=lambda i: counts[i]) == sorted(range(10), key=lambda i: (heights[i], counts[i]))
    for bar in of_class(svg, "bar"):
        assert 0 <= float(bar.attrib["x"]) <= width - float(bar.attrib["width"])
        assert 0 <= float(bar.attrib["y"]) <= height - float(bar.attrib["height"])


@given(COUNTS.filter(any))
def test_one_to_four_grid_lines_and_every_count_in_words(counts: list[int]) -> None:
    svg = drawn(counts)
    assert 1 <= len(of_class(svg, "grid")) <= 4
    titles = [title.text or "" for title in svg.iter("title")]
    assert [f": {n:,} (" in title for n, title in zip(counts, titles, strict=True)] == [True] * 10


def test_a_count_of_one_among_millions_is_visible() -> None:
    heights = [float(bar.attrib["height"]) for bar in of_class(drawn([0, 1, 5_000_000] + [0] * 7), "bar")]
    assert heights[0] == 0
    assert heights[1] > 1


def test_a_histogram_without_values_says_so() -> None:
    assert drawn([0] * 10).attrib["aria-label"] == "Age: no values"
    assert "most often 20 to 30 years" in drawn([0, 0, 9] + [1] * 7).attrib["aria-label"]


def test_outer_bins_are_named_as_open() -> None:
    assert [BINS.name(i) for i in (0, 1, 9)] == ["up to 10 years", "10 to 20 years", "over 90 years"]
    assert uniform(-90, 90, 18, 4).name(1) == "\N{MINUS SIGN}80 to \N{MINUS SIGN}70"


def test_octaves_double_every_second_edge() -> None:
    bins = octaves(16, 64)
    assert list(bins.ticks) == [16, 32, 64]
    assert bins.edges == pytest.approx([16 / 2**0.5, 16, 16 * 2**0.5, 32, 32 * 2**0.5, 64, 64 * 2**0.5])


def test_bars_show_parts_and_escape_names() -> None:
    table = ET.fromstring(str(bars([("<b>x", 1, 4), ("none", 0, 4), ("of nothing", 0, 0)])))
    cells = [[cell.text for cell in row if cell.text] for row in table.iter("tr")]
    assert cells == [["<b>x", "1", "25.0 %"], ["none", "0", "0 %"], ["of nothing", "0", NOTHING]]
    assert [span.get("style") for span in table.iter("span")] == ["width:25.00%", "width:0.00%", "width:0.00%"]


@given(st.integers(2, 10**12), st.data())
def test_a_part_is_never_shown_as_nothing_or_everything(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(1, whole - 1))
    assert percent(part, whole) not in {"0 %", "0.0 %", "100.0 %"}
    assert percent(0, whole) == "0 %"
    assert percent(whole, whole) == "100.0 %"


@given(st.integers(0, 10**11))
def test_compact_counts_are_short_and_right_to_three_digits(count: int) -> None:
    text = compact(count)
    value = float(text.rstrip("kMG")) * {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1)
    assert len(text) <= 5
    assert value == pytest.approx(count, rel=0.006)
