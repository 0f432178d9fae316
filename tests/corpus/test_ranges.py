"""Files read by blocks give what the file has, with as few requests as blocks."""

import io

from hypothesis import given
from hypothesis import strategies as st

from faceray.corpus.ranges import RangeFile

CONTENT = bytes(range(256)) * 5


def counted(asked: list[tuple[int, int]], block: int) -> RangeFile:
    def read(start: int, end: int) -> bytes:
        asked.append((start, end))
        return CONTENT[start:end]

    return RangeFile(read, len(CONTENT), block)


@given(st.integers(1, 2000), st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 1500)), max_size=20))
def test_it_reads_as_any_file(block: int, reads: list[tuple[int, int]]) -> None:
    ours, theirs = counted([], block), io.BytesIO(CONTENT)
    for start, count in reads:
        assert ours.seek(start) == theirs.seek(start)
        assert ours.read(count) == theirs.read(count)
        assert ours.pread(start, count) == CONTENT[start : start + count]
        assert ours.tell() <= max(start, len(CONTENT))
    assert ours.seek(-7, io.SEEK_END) == theirs.seek(-7, io.SEEK_END)
    assert ours.read() == theirs.read()
    assert ours.seek(-3, io.SEEK_CUR) == theirs.seek(-3, io.SEEK_CUR)


def test_blocks_are_asked_for_once_while_they_are_kept() -> None:
    asked: list[tuple[int, int]] = []
    file = counted(asked, 100)
    for start in range(0, 500, 10):
        file.pread(start, 10)
    assert asked == [(0, 100), (100, 200), (200, 300), (300, 400), (400, 500)]
    file.pread(0, 500)
    assert len(asked) == 5
    file.pread(500, 10_000)
    assert asked[-1] == (1200, 1280)
    file.pread(0, 1)
    assert asked[-1] == (0, 100)  # only a few are kept
