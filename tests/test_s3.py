"""Folders, tables and whole plans on a real S3 server, reached in every way that there is."""

import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faceray import cli, commands
from faceray import s3 as module
from faceray.annotate import prepare
from faceray.corpus.decode import Limits
from faceray.corpus.fetch import fetch
from faceray.errors import UserError
from faceray.options import AnnotateOptions
from faceray.results import table as tables
from faceray.results.committer import Committer
from faceray.results.manifest import read_manifests
from faceray.storage import Folder, StorageOptions
from tests.faces import jpeg, scenery
from tests.results.batches import recognised, run
from tests.s3 import BUCKET, KEY, PUBLIC, SECRET, S3Proxy, S3Server, storage

ODD_NAMES = ["plain", "two words", "ünï©ødé 写真", "50% #1?", "%20", "a::b", "[x]*", "+", "-dash"]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment to be changed: nothing that was found in it before is remembered."""
    caches: tuple[Any, ...] = (module._session, module.store)
    for cache in caches:
        cache.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_folders_with_any_name(s3: S3Server, name: str) -> None:
    folder = Folder.at(f"s3://{BUCKET}/folders/{name}/", storage(s3))
    assert not folder.is_local
    assert folder.names() == []
    folder.write(f"{name}.bin", b"content")
    folder.write("other", b"")
    assert folder.names() == sorted([f"{name}.bin", "other"])
    assert folder.read(f"{name}.bin") == b"content"
    assert fetch(f"{folder.uri}/{name}.bin", Limits(), folder.storage) == b"content"
    assert fetch(f"{folder.uri}/other", Limits(), folder.storage) == b""
    folder.remove(f"{name}.bin")
    assert folder.names() == ["other"]
    (folder / "inner").write("deep", b"1")
    Folder.at(f"s3://{BUCKET}/folders", storage(s3)).remove(name)
    assert "other" not in folder.names()
    assert (folder / "inner").names() == []


def test_options_travel_with_folders(s3: S3Server) -> None:
    folder = Folder.at(f"s3://{BUCKET}/travel", storage(s3)) / "inner"
    folder.write("a", b"1")
    there = pickle.loads(pickle.dumps(folder))  # noqa: S301
    assert there == folder
    assert there.read("a") == b"1"
    assert SECRET.encode() not in pickle.dumps(folder)


def test_a_bucket_that_is_not_there_is_not_made(s3: S3Server) -> None:
    folder = Folder.at("s3://no-such-bucket/out", storage(s3))
    with pytest.raises(UserError, match="cannot write s3://no-such-bucket/out/a"):
        folder.write("a", b"1")
    with pytest.raises(UserError, match="cannot read s3://no-such-bucket: NoSuchBucket"):
        folder.check_writable()


def test_wrong_credentials_are_told_at_once(s3_proxy: S3Proxy, fresh: pytest.MonkeyPatch) -> None:
    fresh.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    for address, output in [(f"s3://{BUCKET}/photos", "out"), ("photos", f"s3://{BUCKET}/out")]:
        options = AnnotateOptions(address, output, attributes="none", storage=storage(s3_proxy))
        with pytest.raises(UserError, match=r"SignatureDoesNotMatch|nothing at photos") as caught:
            prepare(options, write_plan=True)
        assert "wrong-secret" not in str(caught.value)
    with pytest.raises(UserError, match="SignatureDoesNotMatch"):
        Folder.at(f"s3://{BUCKET}/out", storage(s3_proxy)).check_writable()
    assert len(s3_proxy.asked) <= 6, "nothing is tried again"


def test_no_credentials_at_all(s3: S3Server, fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        fresh.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        fresh.setenv(name, str(tmp_path / "none"))
    with pytest.raises(UserError, match="no credentials for S3: set AWS_ACCESS_KEY_ID"):
        module.check(f"s3://{BUCKET}", storage(s3))
    with pytest.raises(UserError, match="no credentials for S3"):
        storage(s3).for_delta(f"s3://{BUCKET}")


def test_nobody_at_the_endpoint() -> None:
    with pytest.raises(UserError, match="cannot read s3://bucket: HTTP error"):
        module.check("s3://bucket/x", StorageOptions(endpoint="http://127.0.0.1:1", region="r", anonymous=True))


def test_what_anybody_may_read(s3: S3Server, fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Folder.at(f"s3://{PUBLIC}/photos", storage(s3)).write("a.jpg", jpeg(scenery()))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        fresh.delenv(name)
    anybody = storage(s3, anonymous=True)
    options = AnnotateOptions(f"s3://{PUBLIC}/photos", str(tmp_path / "out"), attributes="none", input_storage=anybody)
    assert prepare(options, write_plan=False)[0].plan.planned == 1
    assert fetch(f"s3://{PUBLIC}/photos/a.jpg", Limits(), anybody) == jpeg(scenery())


def test_a_profile_says_it_all(s3: S3Server, fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Endpoint, region and credentials, for all three clients."""
    keys = f"aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    place = f"region = eu-central-1\nendpoint_url = {s3.endpoint}\n"
    (tmp_path / "config").write_text(f"[profile nightly]\n{keys}{place}")
    fresh.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        fresh.delenv(name)
    fresh.setenv("AWS_PROFILE", "nightly")
    reached = StorageOptions()
    assert reached.profile == "nightly"
    fresh.delenv("AWS_PROFILE")
    folder = Folder.at(f"s3://{BUCKET}/profiled", reached)
    folder.check_writable()
    folder.write("a", b"1")
    assert fetch(f"{folder.uri}/a", Limits(), reached) == b"1"
    run(folder, "R1", recognised((1, 2)))
    assert Committer(folder, 0).images.dataset().count_rows() == 1
    with pytest.raises(UserError, match="profile"):
        module.check("s3://bucket", StorageOptions(profile="no such"))


def test_tables(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the credentials are renewed before every commit."""
    for seconds in (300.0, -1.0):
        monkeypatch.setattr(tables, "_RENEW_SECONDS", seconds)
        output = Folder.at(f"s3://{BUCKET}/tables{seconds}", storage(s3))
        run(output, "R1", recognised((1, 2), (2, 1)))
        run(output, "R2", recognised((1, 3), replaces=True))
        committer = Committer(output, 0)
        assert sorted(committer.images.dataset().to_table()["face_count"].to_pylist()) == [1, 3]
        assert committer.faces.dataset().count_rows() == 4
        older = Committer(output, 0)
        committer.claim()
        with pytest.raises(UserError, match="another run has written"):
            older.images.commit(older.images.serial + 1)


def test_a_plan_from_bucket_to_bucket(s3_proxy: S3Proxy) -> None:
    """Nothing secret is written, and what was done is not done again."""
    reached = storage(s3_proxy)
    photos = Folder.at(f"s3://{BUCKET}/plan/photos", reached)
    for index in range(3):
        photos.write(f"{index}.jpg", jpeg(scenery(60, 60 + index)))
    options = AnnotateOptions(photos.uri, f"s3://{BUCKET}/plan/out", attributes="none", storage=reached)
    found, _ = prepare(options, write_plan=True)
    assert (found.plan.listed, found.plan.planned) == (3, 3)
    assert found.plan_folder.names() == ["00000.parquet"]
    found.save("stopped")
    (manifest,) = read_manifests(found.output)
    assert manifest["options"]["storage"]["endpoint"] == s3_proxy.endpoint
    for folder, _, files in found.output.files.walk(found.output.path):
        for name in files:
            content = found.output.files.cat_file(f"{folder}/{name}")
            assert SECRET.encode() not in content
            assert KEY.encode() not in content
    assert SECRET not in json.dumps(manifest)
    assert s3_proxy.count("GET", "photos/0.jpg") == 0, "planning reads no image"


def test_writing_waits_for_trouble_to_pass(s3_proxy: S3Proxy) -> None:
    folder = Folder.at(f"s3://{BUCKET}/shaky", storage(s3_proxy))
    s3_proxy.trouble(slow_down=0.2, reset=0.1)
    for index in range(15):
        folder.write(f"{index}", bytes(1000))
    assert len(folder.names()) == 15
    assert all(folder.read(f"{index}") == bytes(1000) for index in range(15))
    assert s3_proxy.troubled


def test_a_server_that_was_away_for_a_moment(tmp_path: Path, fresh: pytest.MonkeyPatch) -> None:
    """Started again on the same ports, it has what it had."""
    server = S3Server(tmp_path)
    fresh.setenv("AWS_ACCESS_KEY_ID", KEY)
    fresh.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    server.start()
    try:
        files = Folder.at("s3://kept", storage(server)).files
        files.mkdir("kept")
        Folder.at("s3://kept", storage(server)).write("a.jpg", b"still here")
        server.kill()
        server.start()
        assert fetch("s3://kept/a.jpg", Limits(), storage(server)) == b"still here"
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("no-such-bucket/photos", f"{BUCKET}/out", "no-such-bucket"),
        (f"{BUCKET}/no/such/prefix", f"{BUCKET}/out", "nothing at"),
        (f"{BUCKET}/notes", f"{BUCKET}/out", "no images at"),
        (f"{BUCKET}/notes", "no-such-bucket/out", "no-such-bucket"),
    ],
)
def test_a_run_that_cannot_work_says_so_before_ray_starts(
    s3: S3Server, source: str, target: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Folder.at(f"s3://{BUCKET}/notes", storage(s3)).write("notes.txt.zip", b"PK")
    arguments = ["--input", f"s3://{source}", "--output", f"s3://{target}", "--attributes", "none"]
    arguments += ["--storage.endpoint", s3.endpoint, "--storage.region", "us-east-1"]
    assert cli.run(commands.annotate, arguments) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("faceray: ")]
    assert words in line
    assert "ray" not in sys.modules or not sys.modules["ray"].is_initialized()
