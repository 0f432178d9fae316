"""The choice of an index: within the bounds, or refused; and as exact as they let it be."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from faceray.errors import UserError
from faceray.gallery.choice import EXACT_FACES, FP32_FACES, Bounds, choose, estimate
from faceray.gallery.index import Index

FACES = st.integers(1, 2_000_000_000)
DIMENSIONS = st.sampled_from([64, 128, 130, 256, 512])
BOUNDS = st.builds(
    Bounds,
    recall=st.sampled_from([0.9, 0.99, 1.0]),
    memory=st.integers(1_000_000, 10**12),
    latency_ms=st.sampled_from([0.0, 0.1, 5.0, 1000.0]),
    machines=st.integers(1, 64),
    cores=st.integers(1, 64),
)


@given(FACES, DIMENSIONS, BOUNDS)
def test_what_is_chosen_keeps_within_the_bounds(faces: int, dimension: int, bounds: Bounds) -> None:
    try:
        choice = choose(faces, dimension, bounds)
    except UserError:
        return
    assert choice.memory <= bounds.memory * bounds.machines
    assert not bounds.latency_ms or choice.latency_ms <= bounds.latency_ms
    assert choice.shard_faces >= 1
    assert choice.disk >= faces * 2 * dimension
    assert choice.build_seconds > 0
    assert choice.train_faces <= faces
    if bounds.recall == 1:
        assert choice.key == "Flat"
    if choice.key == "Flat":
        assert faces <= FP32_FACES or bounds.recall == 1
    if choice.key == "SQfp16":
        assert faces <= EXACT_FACES


@given(FACES, DIMENSIONS, BOUNDS)
def test_more_memory_never_makes_it_less_exact(faces: int, dimension: int, bounds: Bounds) -> None:
    rank = ["Flat", "SQfp16"]
    try:
        less = choose(faces, dimension, bounds)
    except UserError:
        assume(False)
    more = choose(
        faces, dimension, Bounds(bounds.recall, bounds.memory * 2, bounds.latency_ms, bounds.machines, bounds.cores)
    )
    position = [rank.index(c.key) if c.key in rank else 2 for c in (more, less)]
    assert position[0] <= position[1]


@given(
    st.integers(1, 10**9), DIMENSIONS, BOUNDS, st.sampled_from(["Flat", "SQfp16", "IVF4096,PQ32x4fs,Refine(SQfp16)"])
)
def test_more_faces_take_more(faces: int, dimension: int, bounds: Bounds, key: str) -> None:
    less, more = (estimate(n, dimension, bounds, key) for n in (faces, 2 * faces))
    assert less.memory <= more.memory
    assert less.disk < more.disk
    assert less.build_seconds < more.build_seconds
    assert less.latency_ms < more.latency_ms
    assert less.probes_per_second > more.probes_per_second


@pytest.mark.parametrize("dimension", [64, 128, 130, 256, 512])
@pytest.mark.parametrize("faces", [1, 100, 10_000_000, 1_000_000_000])
def test_faiss_can_make_what_is_chosen(faces: int, dimension: int) -> None:
    for bounds in (Bounds(1.0, 10**15), Bounds(0.99, 10**15), Bounds(0.99, 10**15, latency_ms=1e-9)):
        try:
            key = choose(faces, dimension, bounds).key
        except UserError as error:
            key = re.findall(r"or more \((.*)\), not", str(error))[0]  # the quickest that there is
        assert Index.make(key, dimension).dimension == dimension


@pytest.mark.parametrize(
    ("faces", "dimension", "bounds", "index"),
    [
        (10_000, 128, Bounds(), "Flat"),
        (5_000_000, 512, Bounds(memory=8 * 10**9), "SQfp16"),
        (5_000_000, 512, Bounds(memory=2 * 10**9), "IVF"),
        (5_000_000, 512, Bounds(memory=64 * 10**9, latency_ms=20), "IVF"),
        (100_000_000, 512, Bounds(memory=10**12), "IVF"),
        (100_000_000, 128, Bounds(recall=1.0, memory=64 * 10**9), "Flat"),
        (1_000_000_000, 512, Bounds(memory=64 * 10**9, machines=4), "IVF"),
    ],
)
def test_sizes_that_people_have(faces: int, dimension: int, bounds: Bounds, index: str) -> None:
    assert choose(faces, dimension, bounds).key.startswith(index)


def test_what_cannot_fit_is_refused_with_what_it_would_take() -> None:
    with pytest.raises(
        UserError, match=r"1,000,000,000 faces of 512 dimensions do not fit: at least [0-9.]+ GB of memory .* 8 GB"
    ):
        choose(1_000_000_000, 512, Bounds(memory=8 * 10**9))
    with pytest.raises(UserError, match=r"a probe alone among 900 faces takes .* not 0.0001: see --latency-ms"):
        choose(900, 128, Bounds(latency_ms=0.0001))
    with pytest.raises(UserError, match="SQfp16"):
        choose(10_000_000, 512, Bounds(memory=8 * 10**9), key="SQfp16")


@pytest.mark.parametrize("key", ["Flat", "SQfp16", "IVF64,PQ8x4fs,Refine(SQfp16)"])
def test_the_estimate_is_near_what_faiss_writes(key: str) -> None:
    """Bytes on disk of an index with many faces, without its id map."""
    import io

    from tests.gallery.outputs import people

    faces, index = people(10_000), Index.make(key, 32)
    if not index.is_trained:
        index.train(faces)
    index.add(faces)
    index.write(sink := io.BytesIO())
    guess = estimate(10_000, 32, Bounds(), key).disk - 60 * 10_000
    assert len(sink.getvalue()) == pytest.approx(guess, rel=0.05)
