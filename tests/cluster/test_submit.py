"""`ray job submit` for real, to a head that was started by `ray start` with a token."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceray.storage import Folder
from tests.cluster.head import Head, ray_head
from tests.corpora import write
from tests.faces import jpeg, portrait, scenery
from tests.results.batches import contents

pytestmark = pytest.mark.timeout(3000)  # a busy machine takes minutes for what takes seconds otherwise


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with ray_head() as head:
        yield head


def test_a_submitted_job_runs_from_the_folder_that_is_shipped(head: Head, tmp_path: Path) -> None:
    write(tmp_path / "photos" / "face.jpg", jpeg(portrait(200)))
    write(tmp_path / "photos" / "none.jpg", jpeg(scenery()))
    options = ["--input", f"{tmp_path}/photos", "--output", f"{tmp_path}/labels"]
    few = ["--workers.fetch", "1", "--workers.detect", "1", "--workers.recognise", "1"]
    done = head.submit("annotate-20261122", ["python", "jobs/annotate.py", *options, *few])
    assert done.returncode == 0, done.stdout
    found = contents(Folder.at(f"{tmp_path}/labels"))
    assert sorted((status, faces) for _, status, faces in found.values()) == [("ok", 0), ("ok", 1)]
    shipped = re.search(r"gcs://(_ray_pkg_\w+)\.zip", done.stdout)
    assert shipped
    (folder,) = head.folder.glob(f"s/session_2*/runtime_resources/working_dir_files/{shipped[1]}")
    assert {path.name for path in folder.iterdir()} == {"faceray", "jobs"}
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 20_000_000
    again = head.submit("annotate-20261122", ["python", "jobs/annotate.py", *options])
    assert again.returncode != 0, "a name is taken once: a night that is started twice runs once"
    assert "already exists" in again.stdout


def test_without_the_token_nothing_can_be_asked(head: Head) -> None:
    assert head.ask("/api/jobs/") == 401
    assert head.ask("/api/jobs/", "0" * 64) == 403
    assert head.ask("/api/jobs/", head.environment["RAY_AUTH_TOKEN"]) == 200
