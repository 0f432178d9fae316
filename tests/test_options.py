"""Options: what is out of range is refused with the option's name in one line."""

from typing import Any

import pytest

from faceray.errors import UserError
from faceray.options import OWN_ATTRIBUTES, SUFFIXES, AnnotateOptions, Workers
from faceray.vision.mtcnn import MtcnnOptions


def options(**changed: Any) -> AnnotateOptions:
    return AnnotateOptions(**{"input": "photos", "output": "labels", **changed})


def test_input_and_output_are_enough() -> None:
    assert options().limit is None
    assert options().checkpoints == (OWN_ATTRIBUTES,)
    assert options().detector.min_face_size == 20


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"limit": 0}, "--limit must be at least 1, not 0"),
        ({"limit": -5}, "--limit must be at least 1, not -5"),
        ({"commit_seconds": -0.5}, "--commit_seconds must be at least 0, not -0.5"),
        ({"commit_seconds": float("nan")}, "--commit_seconds must be at least 0, not nan"),
        ({"input": ""}, "--input is empty"),
        ({"output": ""}, "--output is empty"),
    ],
)
def test_values_out_of_range(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        options(**changed)


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("fetch", -1, 0), ("detect", -1, 0), ("recognise", -1, 0), ("fetch_threads", 0, 1), ("detect_batch", 0, 1)],
)
def test_numbers_of_workers_out_of_range(name: str, value: int, least: int) -> None:
    assert getattr(Workers(**{name: least}), name) == least
    with pytest.raises(UserError, match=f"^--workers.{name} must be at least {least}, not {value}$"):
        Workers(**{name: value})


@pytest.mark.parametrize(
    "changed",
    [
        {"min_face_size": 11},
        {"thresholds": (0.6, 0.7, 1.1)},
        {"thresholds": (-0.1, 0.7, 0.7)},
        {"factor": 1.0},
        {"factor": 0.0},
    ],
)
def test_detector_settings_out_of_range(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changed))):
        MtcnnOptions(**changed)


def test_checkpoints_are_listed_with_commas() -> None:
    assert options(attributes="a, s3://b/c ,,d").checkpoints == ("a", "s3://b/c", "d")
    assert options(attributes="none").checkpoints == ()


def test_suffixes_are_lower_case_and_without_dots() -> None:
    suffixes = SUFFIXES.split(",")
    assert len(set(suffixes)) == len(suffixes)
    assert all(s.isalnum() and s == s.lower() for s in suffixes)
