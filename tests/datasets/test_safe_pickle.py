"""Pickles: what the format of InsightFace needs is read, everything else is refused without being carried out."""

import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets import safe_pickle
from faceray.datasets.safe_pickle import Array, load
from faceray.errors import UserError

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.binary() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.tuples(inner, inner, inner, inner),
    max_leaves=20,
)


@given(value=plain, protocol=st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back(tmp_path_factory, value, protocol):
    path = tmp_path_factory.mktemp("plain") / "value"
    path.write_bytes(pickle.dumps(value, protocol))
    assert load(path) == value


def test_a_value_that_appears_twice(tmp_path: Path):
    image = b"x" * 1000
    (tmp_path / "value").write_bytes(pickle.dumps([image, image, [image]]))
    assert load(tmp_path / "value") == [image, image, [image]]


def test_strings_of_python_2_are_bytes(tmp_path: Path):
    """`pickle.dumps((['\\xff\\xd8', 'b' * 256], [True, False]), 2)` of Python 2."""
    content = b"\x80\x02]q\x00(U\x02\xff\xd8q\x01T\x00\x01\x00\x00" + b"b" * 256 + b"q\x02e]q\x03(\x88\x89e\x86q\x04."
    (tmp_path / "value").write_bytes(content)
    assert load(tmp_path / "value") == ([b"\xff\xd8", b"b" * 256], [True, False])


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("shape", [(4,), (4, 1)])  # of OpenCV 4.5 and of those before
def test_arrays_of_bytes_and_truth_values(tmp_path: Path, protocol: int, shape: tuple[int, ...]):
    images = np.frombuffer(b"\xff\xd8\x00\x07", np.uint8).reshape(shape)
    value = [images, images.copy(), np.array([True, False]), np.bool_(True), np.bool_(False)]
    (tmp_path / "value").write_bytes(pickle.dumps(value, protocol))
    readonly, writable, truth, *scalars = load(tmp_path / "value")
    assert (readonly.dtype, readonly.data) == (writable.dtype, writable.data) == ("u1", b"\xff\xd8\x00\x07")
    assert (truth.dtype, truth.data) == ("b1", b"\x01\x00")
    assert scalars == [True, False]


class Attack:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_refused_and_not_run(tmp_path: Path, protocol: int):
    content = pickle.dumps(([b"image"], [Attack(f"touch {tmp_path}/was_here")]), protocol)
    (tmp_path / "value").write_bytes(content)
    with pytest.raises(UserError, match="not a pickle of plain values") as raised:
        load(tmp_path / "value")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "was_here").exists()


def test_the_call_is_named(tmp_path: Path):
    (tmp_path / "value").write_bytes(pickle.dumps(Attack("true")))
    with pytest.raises(UserError, match=rf"it calls {os.name}\.system"):
        load(tmp_path / "value")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle at all",
        b"\x80\x04]",  # no end
        b"\x80\x04.",  # nothing on the stack
        b"\x80\x04e.",  # append to nothing
        b"\x80\x04K\x01K\x02a.",  # append to a number
        b"\x80\x04t.",  # a tuple without its start
        b"\x80\x04h\x05.",  # recall what was never kept
        b"\x80\x04K\x01)R.",  # call a number
        b"\x80\x04}.",  # a dict
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",  # a text of a terabyte
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"x.",  # bytes of more than there is memory in the world
        b"\x80\x04\x8b\xff\xff\xff\x7f\x01.",  # an integer of 2 GiB
        b"(" * 5_000 + b"t" * 5_000,  # deep nesting, no end
        b"cnumpy\ndtype\n(U\x02O8tR.",  # objects
        b"cnumpy\ndtype\nK\x01R.",  # arguments that are no tuple
        b"cnumpy.core.multiarray\n_reconstruct\n)RK\x01b.",  # a state that is no tuple
        pickle.dumps(np.zeros(3, np.float32)),
        pickle.dumps(np.array([b"x", 1], object)),
    ],
)
def test_damage_and_absurd_sizes_are_one_line_and_little_memory(tmp_path: Path, content: bytes):
    (tmp_path / "value").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"^[^\n]*not a pickle of plain values"):
            load(tmp_path / "value")
        assert tracemalloc.get_traced_memory()[1] < 100 * len(content) + 10_000_000
    finally:
        tracemalloc.stop()


def test_operations_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A byte of the file can make a list of 56."""
    monkeypatch.setattr(safe_pickle, "OPERATION_LIMIT", 1000)
    (tmp_path / "value").write_bytes(b"]" * 1001 + b".")
    with pytest.raises(UserError, match="more than 1000 operations"):
        load(tmp_path / "value")


def test_memo_numbers_reserve_no_memory(tmp_path: Path):
    """Python's Unpickler reserves 64 GB for this."""
    (tmp_path / "value").write_bytes(b"\x80\x04K\x07r\xff\xff\xff\xff.")
    assert load(tmp_path / "value") == 7


def test_a_deep_value_ends_well(tmp_path: Path):
    (tmp_path / "value").write_bytes(b"\x80\x04)" + b"\x85" * 100_000 + b".")
    assert isinstance(load(tmp_path / "value"), tuple)


def test_too_large_or_absent(tmp_path: Path):
    (tmp_path / "value").write_bytes(b"12345")
    with pytest.raises(UserError, match="more than 4 bytes"):
        load(tmp_path / "value", limit=4)
    with pytest.raises(UserError, match="cannot read"):
        load(tmp_path / "absent")


def test_an_array_starts_empty():
    assert Array().data == b""
