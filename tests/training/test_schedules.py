"""Schedules: values by hand, plateaus as torch has them, early stopping that fires."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau

from faceray.training.schedules import Schedule, best_at, gaussian_share, plateaus, should_stop

metric = st.lists(st.sampled_from([1.0, 0.999, 0.9985, 0.99, 0.9, 0.5, 2.0]), max_size=25)


def test_the_age_losss_share_rises_over_20_000_steps():
    assert [gaussian_share(step) for step in (0, 10_000, 20_000, 50_000)] == [0, 0.5, 1, 1]
    assert [gaussian_share(step, kind="step") for step in (0, 19_999, 20_000)] == [0, 0, 1]


def test_steps():
    schedule = Schedule("steps", milestones=(9, 12, 14))
    assert [schedule.at(e, 30) for e in (0, 8.9, 9, 12.5, 29)] == pytest.approx([1, 1, 0.1, 0.01, 0.001])


def test_cosine_ends_at_a_hundredth():
    schedule = Schedule("cosine", last=0.01)
    assert [schedule.at(e, 160) for e in (0, 80, 160)] == pytest.approx([1, 0.505, 0.01])
    assert schedule.at(40, 160) == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi / 4)) / 2)


def test_warm_up_multiplies():
    assert [Schedule(warm_up=2).at(e, 10) for e in (0, 1, 2, 9)] == [0, 0.5, 1, 1]


@pytest.mark.parametrize("higher", [False, True])
@given(history=metric, patience=st.integers(0, 3), cooldown=st.integers(0, 2))
def test_plateaus_are_those_of_torch(higher: bool, history: list[float], patience: int, cooldown: int):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = ReduceLROnPlateau(
        optimiser,
        "max" if higher else "min",
        0.1,
        patience,
        threshold=1e-3,
        cooldown=cooldown,
        min_lr=0,
        eps=0,
    )
    for value in history:
        theirs.step(value)
    found = plateaus(history, patience, 1e-3, cooldown, higher)
    assert 0.1**found == pytest.approx(optimiser.param_groups[0]["lr"])


def test_a_plateau_lowers_the_rate():
    schedule = Schedule("plateau", patience=3, cooldown=1)
    assert schedule.at(5, 30, [0.9] * 4, higher=True) == 1
    assert schedule.at(5, 30, [0.9] * 5, higher=True) == pytest.approx(0.1)


def test_the_best_evaluation():
    assert best_at([0.7, 0.5, 0.495, 0.6]) == 2
    assert best_at([0.7, 0.5, 0.495, 0.6], change=0.01) == 1
    assert best_at([0.7, 0.9, 0.9], higher=True) == 1
    assert best_at([math.nan, 3, math.nan]) == 1
    assert best_at([]) is None
    assert best_at([math.nan]) is None


def test_early_stopping_fires_when_its_patience_ends_and_not_before():
    history = [5.0, 4.0, 4.1, 4.2, 4.0]
    assert [should_stop(history[:n], patience=3) for n in range(1, 6)] == [False, False, False, False, True]
    assert not should_stop([*history[:4], 3.9], patience=3)
    assert should_stop([0.9, 0.8, 0.8], patience=2, higher=True)
    assert should_stop([math.nan] * 3, patience=3)


@given(metric, st.integers(1, 4))
def test_a_resumed_run_stops_when_an_unbroken_one_does(history: list[float], patience: int):
    stops = [n for n in range(1, len(history) + 1) if should_stop(history[:n], patience)]
    waited, best, stop = 0, math.inf, None
    for n, value in enumerate(history, start=1):
        best, waited = (value, 0) if value < best else (best, waited + 1)
        if waited >= patience and stop is None:
            stop = n
    assert (stops[0] if stops else None) == stop
