"""Log lines for people and for machines."""

import json
from datetime import datetime

import pytest

from faceray import log


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACERAY_LOG", "json")
    monkeypatch.setattr(log, "_bound", log.ContextVar("bound", default=None))


def test_people_get_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACERAY_LOG", raising=False)
    assert log.line("12 images to do", images=12) == "12 images to do"


@pytest.mark.usefixtures("as_json")
def test_machines_get_an_object_with_the_run() -> None:
    before = json.loads(log.line("listing"))
    assert "run_id" not in before
    log.bind(run_id="R1")
    log.bind(night=3)
    record = json.loads(log.line("12 imäges\nto do", images=12, rate=1.5))
    assert datetime.fromisoformat(record.pop("time")).tzinfo is not None
    assert record == {"message": "12 imäges\nto do", "run_id": "R1", "night": 3, "images": 12, "rate": 1.5}


@pytest.mark.usefixtures("as_json")
def test_an_object_is_one_line() -> None:
    assert "\n" not in log.line("two\nlines", path=object())
