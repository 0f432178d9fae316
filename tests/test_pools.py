"""Every graph must fit its cluster: one that does not waits for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.errors import UserError
from faceray.options import Workers
from faceray.pools import Pool, pools_for

COUNTS = st.integers(0, 40)


@given(st.lists(st.tuples(st.integers(1, 64), st.integers(0, 8)), min_size=1, max_size=9), COUNTS, COUNTS)
def test_all_actors_and_a_task_fit(machines: list[tuple[int, int]], detect: int, recognise: int) -> None:
    cpus, gpus = (sum(machine[i] for machine in machines) for i in range(2))
    for device in ("auto", "cpu"):
        pools = pools_for(machines, Workers(detect=detect, recognise=recognise), device)
        actors = (pools.detect, pools.recognise)
        assert sum(pool.size * pool.cpus for pool in actors) + pools.tasks.cpus <= cpus
        assert sum(pool.size * pool.gpus for pool in actors) <= gpus + 1e-9
        assert all(pool.gpus <= 1 for pool in actors)  # Ray takes more than one only as a whole number
        assert pools.device == ("cuda" if gpus and device == "auto" else "cpu")


@given(st.integers(2, 9), st.integers(1, 64), st.integers(0, 1), COUNTS, COUNTS)
def test_they_fit_without_one_of_several_machines(
    count: int, cpus: int, gpus: int, detect: int, recognise: int
) -> None:
    """In whatever order Ray starts the lost ones again."""
    pools = pools_for([(cpus, gpus)] * count, Workers(detect=detect, recognise=recognise), "auto")
    sizes = [pool for pool in (pools.recognise, pools.detect, pools.recognise) for _ in range(pool.size)]
    for order in (sizes[pools.recognise.size :], sizes[: -pools.recognise.size]):
        left = [[float(cpus), float(gpus)] for _ in range(count - 1)]
        for pool in [*order, pools.tasks]:
            machine = next(m for m in left if m[0] >= pool.cpus - 1e-9 and m[1] >= pool.gpus - 1e-9)
            machine[0] -= pool.cpus
            machine[1] -= pool.gpus


def test_a_small_machine_beside_a_large_one_does_not_get_half_of_the_workers() -> None:
    assert pools_for([(64, 0), (2, 0)], Workers(), "cpu").detect == Pool(66, pytest.approx(0.6))


@given(st.integers(1, 64), st.integers(2, 8), st.integers(0, 5), st.integers(0, 5))
def test_gpus_of_a_machine_get_the_same(cpus: int, gpus: int, detect: int, recognise: int) -> None:
    """Ray takes the GPU with the least room that is enough, and starts detectors first."""
    pools = pools_for([(cpus, gpus)], Workers(detect=detect * gpus, recognise=recognise * gpus), "auto")
    room = [1.0] * gpus
    for pool in (pools.detect, pools.recognise):
        carries = [0] * gpus
        for _ in range(pool.size):
            chosen = min((left, gpu) for gpu, left in enumerate(room) if left >= pool.gpus - 1e-9)[1]
            room[chosen] -= pool.gpus
            carries[chosen] += 1
        assert set(carries) == {pool.size // gpus}


def test_a_detector_for_each_gpu_leaves_no_room_for_another() -> None:
    each = Workers(detect=16, recognise=16)
    assert pools_for([(32, 8), (32, 8)], each, "auto").detect.gpus > 0.5
    assert pools_for([(8, 1), (8, 1)], Workers(detect=2, recognise=2), "auto").detect.gpus == pytest.approx(0.3)


def test_another_machine_can_have_all_that_a_gpu_carries() -> None:
    pools = pools_for([(8, 1), (8, 1)], Workers(), "auto")
    assert pools.detect.size * pools.detect.gpus + pools.recognise.size * pools.recognise.gpus == pytest.approx(1)


def test_a_detector_for_each_core_or_several_for_a_gpu() -> None:
    assert pools_for([(16, 0)], Workers(), "auto").workers == {"load": 16, "detect": 16, "recognise": 8, "write": 16}
    assert pools_for([(16, 1)], Workers(), "auto").workers == {"load": 16, "detect": 4, "recognise": 2, "write": 16}
    assert pools_for([(8, 2)] * 2, Workers(), "auto").workers == {"load": 16, "detect": 8, "recognise": 4, "write": 16}
    assert pools_for([(2, 1)], Workers(), "auto").workers == {"load": 2, "detect": 1, "recognise": 1, "write": 2}


def test_options_win() -> None:
    assert pools_for([(16, 0)], Workers(3, 5, 2), "auto").workers == {
        "load": 3,
        "detect": 5,
        "recognise": 2,
        "write": 3,
    }


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UserError, match="no GPU"):
        pools_for([(8, 0)], Workers(), "cuda")
