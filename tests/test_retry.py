"""Waits grow and differ; what cannot pass is not tried again."""

import pytest

from faceray.retry import FIRST_WAIT, TRIES, patiently


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("faceray.retry.time.sleep", waits.append)
    return waits


class Shaky:
    """Raises what it is told, one after the other; then it works."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_trouble_that_passes(waits: list[float]) -> None:
    shaky = Shaky(TimeoutError(), ConnectionResetError())
    assert patiently(shaky) == "done"
    assert shaky.calls == 3
    assert FIRST_WAIT / 2 <= waits[0] <= FIRST_WAIT <= waits[1] <= 2 * FIRST_WAIT


def test_trouble_that_lasts(waits: list[float]) -> None:
    shaky = Shaky(*(TimeoutError(str(n)) for n in range(99)))
    with pytest.raises(TimeoutError, match=str(TRIES - 1)):
        patiently(shaky)
    assert shaky.calls == TRIES
    assert 15 <= sum(waits) <= 32


def test_workers_do_not_come_back_together(waits: list[float]) -> None:
    for _ in range(50):
        patiently(Shaky(TimeoutError()))
    assert len({round(wait, 3) for wait in waits}) > 20


@pytest.mark.parametrize("error", [ValueError(), FileNotFoundError(), PermissionError(), KeyboardInterrupt()])
def test_what_does_not_pass(error: BaseException, waits: list[float]) -> None:
    shaky = Shaky(error)
    with pytest.raises(type(error)):
        patiently(shaky)
    assert shaky.calls == 1
    assert waits == []
