"""Typed JSON: strict reading, and single fields changed by their path; errors in one line."""

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.errors import UserError
from faceray.typed_json import changed, read


@dataclass(frozen=True)
class Part:
    name: str
    weight: float = 1.0
    kind: Literal["hard", "soft"] = "hard"
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Whole:
    parts: tuple[Part, ...] = (Part("age"), Part("gender"))
    first: Part = Part("first")
    pair: tuple[int, str] = (1, "a")
    arguments: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    level: int | None = None
    share: float | Literal["auto"] = "auto"
    yes: bool = False

    def __post_init__(self) -> None:
        if self.level is not None and self.level < 0:
            raise ValueError("level must not be negative")


FLOATS = st.floats(-1e200, 1e200)
PARTS = st.builds(
    Part,
    st.text(max_size=5),
    FLOATS,
    st.sampled_from(["hard", "soft"]),
    st.lists(st.integers(), max_size=3).map(tuple),
)
WHOLES = st.builds(
    Whole,
    st.lists(PARTS, max_size=3).map(tuple),
    PARTS,
    st.tuples(st.integers(), st.text(max_size=3)),
    st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
    st.none() | st.integers(0),
    st.just("auto") | FLOATS,
    st.booleans(),
)


@given(WHOLES)
def test_records_survive_json(whole: Whole) -> None:
    assert read(Whole, json.loads(json.dumps(asdict(whole)))) == whole


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (float, 3, 3.0),
        (int | None, None, None),
        (int | None, 5, 5),
        (float | Literal["auto"], "auto", "auto"),
        (Literal[1, "a"], "a", "a"),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, str], [1, "a"], (1, "a")),
        (dict[str, tuple[float, ...]], {"a": [1]}, {"a": (1.0,)}),
        (Any, {"a": [1]}, {"a": [1]}),
        (Part | None, {"name": "a"}, Part("a")),
    ],
)
def test_values_become_what_the_annotation_names(kind: Any, value: Any, found: Any) -> None:
    assert read(kind, value) == found
    assert type(read(kind, value)) is type(found)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, True, "the value must be int, not true"),
        (int, 1.0, "the value must be int, not 1.0"),
        (float, math.nan, "must be float, not NaN"),
        (float, math.inf, "must be float, not Infinity"),
        (float, True, "must be float, not true"),
        (float, "1", 'must be float, not "1"'),
        (str, None, "must be str, not null"),
        (bool, 1, "must be bool, not 1"),
        (Literal["hard", "soft"], "firm", "must be 'hard' or 'soft', not \"firm\""),
        (int | str, 1.5, "must be int, not 1.5; or the value must be str, not 1.5"),
        (tuple[int, str], [1], "must be tuple"),
        (tuple[int, ...], "12", "must be tuple"),
        (Part, {"name": "a", "wait": 1, "kid": 2}, "unknown key wait, kid"),
        (Part, {"weight": 1}, "missing key name"),
        (Part, [], "must be Part, not"),
        (Whole, {"parts": [{"name": "a"}, {"name": "b", "sizes": [1, "2"]}]}, r"parts\[1\].sizes\[1\] must be int"),
        (Whole, {"counts": {"a": "b"}}, 'counts.a must be int, not "b"'),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        read(kind, value)


def test_long_values_are_told_in_short() -> None:
    with pytest.raises(TypeError) as error:
        read(int, "x" * 10_000)
    assert len(str(error.value)) < 100


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("yes", "true", Whole(yes=True)),
        ("level", "3", Whole(level=3)),
        ("level", "null", Whole()),
        ("share", "0.5", Whole(share=0.5)),
        ("share", "2", Whole(share=2.0)),
        ("pair", "[2, b]", Whole(pair=(2, "b"))),
        ("first.weight", "0.01", Whole(first=Part("first", 0.01))),
        ("first.sizes", "[1, 2]", Whole(first=Part("first", sizes=(1, 2)))),
        ("parts.gender.kind", "soft", Whole(parts=(Part("age"), Part("gender", kind="soft")))),
        ("parts", "[{name: only}]", Whole(parts=(Part("only"),))),
        ("arguments.trunk", "resnet18", Whole(arguments={"trunk": "resnet18"})),
        ("arguments.a.b", "[1, 2]", Whole(arguments={"a.b": [1, 2]})),
    ],
)
def test_a_field_is_changed_by_its_path(path: str, text: str, expected: Whole) -> None:
    assert changed(Whole(), path, text) == expected


def test_other_fields_and_keys_stay() -> None:
    before = Whole(level=1, arguments={"a": 1, "b": 2})
    assert changed(before, "arguments.b", "3") == replace(before, arguments={"a": 1, "b": 3})
    assert before.arguments == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("levle", "1", "levle=1: no field 'levle', only parts, first"),
        ("first.size", "1", "no field 'size', only name, weight, kind, sizes"),
        ("parts.race.weight", "1", "no 'race', only age, gender"),
        ("level.unit", "1", "'level' has no parts"),
        ("level", "many", 'level must be int, not "many"; or level must be NoneType'),
        ("level", "-1", "level=-1: level must not be negative"),
        ("first.kind", "firm", "first.kind must be 'hard' or 'soft'"),
        ("pair", "[1, b, c]", "pair must be tuple"),
        ("first", "{name: a, colour: red}", "unknown key first.colour"),
        ("level", "[1, 2", "not a value"),
        ("level", "{a: b: c}", "not a value"),
        ("", "1", "no field ''"),
    ],
)
def test_what_cannot_be_changed_is_said_in_a_line(path: str, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        changed(Whole(), path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["1e-3", "5e4", "1E-3"])
def test_numbers_as_people_write_them(text: str) -> None:
    assert changed(Part("a"), "weight", text).weight == float(text)


@pytest.mark.parametrize("text", ["5", "{weight: 2}"])
def test_a_record_of_a_tuple_cannot_become_something_else(text: str) -> None:
    with pytest.raises(UserError):
        changed(Whole(), "parts.age", text)
