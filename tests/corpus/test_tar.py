"""Members are found by headers alone, in tar files of every kind; what is broken or hostile ends in a status."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.corpus import tar as module
from faceray.corpus.decode import Limits
from faceray.corpus.fetch import fetch
from faceray.corpus.status import ImageError, Status
from faceray.corpus.tar import Member, members, read_member
from tests.corpus.test_source import rows

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
LONG = "deep/" * 60 + "ünï 写真 🙂.jpg"


def packed(files: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w", format=format) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return tape.getvalue()


def found(data: bytes) -> list[Member]:
    return list(members(lambda start, count: data[start : start + count], len(data)))


def content(data: bytes, member: Member) -> bytes:
    return read_member(lambda start, count: data[start : start + count], member)


def failure(data: bytes) -> tuple[list[Member], ImageError]:
    listed: list[Member] = []
    with pytest.raises(ImageError) as caught:
        listed.extend(members(lambda start, count: data[start : start + count], len(data)))
    return listed, caught.value


@pytest.mark.parametrize("format", FORMATS)
def test_members_are_found_and_read(format: str) -> None:
    files = {f"{i}.jpg": bytes([i]) * size for i, size in enumerate((0, 1, 511, 512, 513, 5000))}
    files |= {"./a b/ü.png": b"1", "/absolute.jpg": b"22", "../../up.jpg": b"333"}
    files |= {LONG: b"4444"} if format != "ustar" else {}
    data = packed(files, FORMATS[format])
    assert {m.name: content(data, m) for m in found(data)} == files
    assert [m.size for m in found(data)] == [len(d) for d in files.values()]


@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1), st.binary()))
def test_whatever_tarfile_writes(files: dict[str, bytes]) -> None:
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        data = packed(files, format)
        assert {m.name: content(data, m) for m in found(data)} == files


def test_only_headers_are_read() -> None:
    data = packed({f"{i}.jpg": bytes(100_000) for i in range(20)})
    asked = []

    def read(start: int, count: int) -> bytes:
        asked.append(count)
        return data[start : start + count]

    assert len(list(members(read, len(data)))) == 20
    assert sum(asked) <= 21 * 512
    before = len(asked)
    assert len(read_member(read, found(data)[7])) == 100_000
    assert len(asked) == before + 1


def test_what_is_no_regular_file_is_passed_over() -> None:
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as tar:
        for name, kind in [("d.jpg", tarfile.DIRTYPE), ("s.jpg", tarfile.SYMTYPE), ("h.jpg", tarfile.LNKTYPE)]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        for name, kind in [("pipe.jpg", tarfile.FIFOTYPE), ("device.jpg", tarfile.CHRTYPE)]:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, 10_000_000  # which do not follow
            tar.addfile(info)
        tar.addfile(tarfile.TarInfo("last.jpg"))
    assert [m.name for m in found(tape.getvalue())] == ["last.jpg"]


@pytest.mark.parametrize("size", [513, 1024, 1500, 3000])
def test_a_tar_that_was_cut(size: int) -> None:
    listed, error = failure(packed({"a.jpg": bytes(10), "b.jpg": bytes(5000)})[:size])
    assert [m.name for m in listed] == (["a.jpg"] if size >= 1024 else [])
    assert error.status is Status.TRUNCATED


def test_headers_that_are_damaged() -> None:
    data = bytearray(packed({"a.jpg": bytes(10), "b.jpg": bytes(10)}))
    data[1024 + 150] ^= 1  # in the checksum of the second
    listed, error = failure(bytes(data))
    assert [m.name for m in listed] == ["a.jpg"]
    assert error.status is Status.UNDECODABLE
    assert failure(b"This is no tar file. " * 100)[1].status is Status.NOT_AN_IMAGE
    assert failure(b"")[1].status is Status.EMPTY


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (header("a.jpg", 2**60), Status.TRUNCATED),
        (header("a.jpg", -512), Status.UNDECODABLE),
        (header("././@LongLink", 2**40, tarfile.GNUTYPE_LONGNAME), Status.UNDECODABLE),
        (header("pax", 2**40, tarfile.XHDTYPE), Status.UNDECODABLE),
        (header("a.jpg", 10, tarfile.GNUTYPE_SPARSE) + bytes(512), Status.UNDECODABLE),
    ],
    ids=["huge", "backwards", "huge name", "huge extension", "sparse"],
)
def test_hostile_sizes(data: bytes, status: Status) -> None:
    """Nothing is read but the header, and nothing leads backwards."""
    assert failure(data + bytes(1024))[1].status is status


def test_extensions_that_make_no_sense_are_ignored() -> None:
    for text in (b"99999999999999999999 path=x\n", b"0 path=x\n", b"-5 path=x\n", b"11 size=-1\n", b"\xff" * 40):
        extension = header("pax", len(text), tarfile.XHDTYPE) + text.ljust(512, b"\0")
        data = extension + header("a.jpg", 3) + b"abc".ljust(512, b"\0") + bytes(1024)
        assert [(m.name, m.size) for m in found(data)] == [("a.jpg", 3)]


def test_there_may_not_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_MEMBERS", 5)
    listed, error = failure(packed({f"{i}.jpg": b"" for i in range(9)}))
    assert len(listed) == 5
    assert error.status is Status.TOO_LARGE


def test_a_tar_that_was_replaced_after_it_was_listed(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(packed({"a.jpg": b"old", "b.jpg": b"and"}))
    (_, row), _ = rows(path)
    assert fetch(row["uri"], Limits(), size=row["bytes"], version=row["version"]) == b"and"
    for now in ({"c.jpg": b"new", "d.jpg": b"one"}, {"a.jpg": b"old", "b.jpg": b"another"}, {"a.jpg": bytes(5000)}):
        path.write_bytes(packed(now))
        with pytest.raises(ImageError) as caught:
            fetch(row["uri"], Limits(), size=row["bytes"], version=row["version"])
        assert caught.value.status is Status.FETCH_ERROR
    assert not list(tmp_path.glob("*.jpg"))


def test_a_member_without_a_listing_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "shard.tar").write_bytes(packed({"a.jpg": b"one", "b/c.jpg": b"two"}))
    assert fetch(f"{tmp_path}/shard.tar#b/c.jpg", Limits()) == b"two"
    for uri, status in [
        (f"{tmp_path}/shard.tar#d.jpg", Status.NOT_FOUND),
        (f"{tmp_path}/none.tar#a.jpg", Status.NOT_FOUND),
    ]:
        with pytest.raises(ImageError) as caught:
            fetch(uri, Limits())
        assert caught.value.status is status
    with pytest.raises(ImageError) as caught:
        fetch(f"{tmp_path}/shard.tar#a.jpg", Limits(max_bytes=2))
    assert caught.value.status is Status.TOO_LARGE
