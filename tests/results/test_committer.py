"""Both tables together: they agree after every commit, after a crash, and when runs collide."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from faceray.errors import UserError
from faceray.results.committer import Committer
from faceray.storage import Folder
from tests.results.batches import contents, plain, recognised, report, run


@pytest.fixture
def output(tmp_path: Path) -> Folder:
    return Folder.at(f"{tmp_path}/out")


def test_both_tables_have_what_was_added(output: Folder) -> None:
    run(output, "R1", recognised((1, 2), (2, 0)), recognised((3, "truncated"), (4, 1)))
    assert contents(output) == {
        1: ("R1", "ok", 2),
        2: ("R1", "ok", 0),
        3: ("R1", "truncated", 0),
        4: ("R1", "ok", 1),
    }
    run(output, "R2", recognised((5, 3)))
    assert contents(output)[5] == ("R2", "ok", 3)
    assert len(contents(output)) == 5


def test_a_run_without_any_face(output: Folder) -> None:
    run(output, "R1", recognised((1, 0), (2, "empty")))
    assert contents(output) == {1: ("R1", "ok", 0), 2: ("R1", "empty", 0)}


def test_annotating_again_replaces_and_never_duplicates(output: Folder) -> None:
    run(output, "R1", recognised((1, 2), (2, 1), (3, "fetch_error")))
    run(output, "R2", recognised((2, 4), (3, 1), replaces=True, version="2"), recognised((4, 1)))
    expected = {1: ("R1", "ok", 2), 2: ("R2", "ok", 4), 3: ("R2", "ok", 1), 4: ("R2", "ok", 1)}
    assert contents(output) == expected
    run(output, "R3", recognised((1, "empty"), (2, 0), (3, "not_found"), (4, "truncated"), replaces=True))
    assert {i: (s, n) for i, (_, s, n) in contents(output).items()} == {
        1: ("empty", 0),
        2: ("ok", 0),
        3: ("not_found", 0),
        4: ("truncated", 0),
    }
    assert len(plain(output, "faces")) == 0


def test_old_rows_go_from_both_tables_with_the_new_ones(output: Folder) -> None:
    """At every commit a reader sees either all old or all new rows of an image."""
    run(output, "R1", recognised(*((i, 2) for i in range(6))))
    committer = Committer(output, seconds=0)
    committer.claim()
    for start in (0, 2, 4):
        committer.add(report(output, "R2", recognised((start, 3), (start + 1, 3), replaces=True)))
        committer.flush()
        expected = {i: ("R2", "ok", 3) if i < start + 2 else ("R1", "ok", 2) for i in range(6)}
        assert contents(output) == expected
    committer.close()


def test_plain_parquet_has_the_rows_of_the_tables(output: Folder) -> None:
    run(output, "R1", recognised((1, 2), (2, 1)), recognised((3, 1)))
    committer = run(output, "R2", recognised((2, 3), replaces=True))
    for name, table in (("images", committer.images), ("faces", committer.faces)):
        logged = table.dataset().to_table().to_pandas()
        key = "image_id" if name == "images" else "face_id"
        columns = [key, "run_id", "uri"]
        expected = logged[columns].sort_values(key, ignore_index=True)
        for seen in (plain(output, name), pd.read_parquet(f"{output.path}/{name}")):
            pd.testing.assert_frame_equal(seen[columns].sort_values(key, ignore_index=True), expected)
        assert len(expected) == (3 if name == "images" else 6)


def test_commits_wait_for_their_time(output: Folder) -> None:
    committer = Committer(output, seconds=3600)
    committer.claim()
    committer.add(report(output, "R", recognised((1, 1))))
    committer.add(report(output, "R", recognised((2, 1))))
    assert contents(output) == {}
    committer.flush()
    assert sorted(contents(output)) == [1, 2]
    committer.add(report(output, "R", recognised((3, 1))))
    committer.close()
    assert sorted(contents(output)) == [1, 2, 3]
    committer.close()  # nothing more to do
    assert sorted(contents(output)) == [1, 2, 3]


def crash_between_the_commits(output: Folder, name: str, batch: pa.Table) -> None:
    """Commits faces as a flush does, and dies before the images."""
    committer = Committer(output, seconds=0)
    committer.claim()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    committer.images.commit = die  # type: ignore[method-assign]
    told = report(output, name, batch)
    with pytest.raises(KeyboardInterrupt):
        committer.add(told)


def test_a_crash_between_the_commits_is_repaired(output: Folder) -> None:
    run(output, "R1", recognised((1, 2), (2, 1)))
    crash_between_the_commits(output, "R2", recognised((3, 2), (4, 0)))
    assert Committer(output, 0).faces.serial > Committer(output, 0).images.serial
    with pytest.raises(AssertionError):
        contents(output)
    run(output, "R3", recognised((3, 2), (4, 0)))
    assert contents(output) == {
        1: ("R1", "ok", 2),
        2: ("R1", "ok", 1),
        3: ("R3", "ok", 2),
        4: ("R3", "ok", 0),
    }


def test_a_crash_in_replacing_leaves_the_image_to_be_done(output: Folder) -> None:
    """The old faces are gone with the first commit: their image must not look done."""
    run(output, "R1", recognised((1, 2), (2, 1), (3, 0), (4, "fetch_error")))
    crash_between_the_commits(output, "R2", recognised((2, 3), (3, 0), (4, 2), replaces=True))
    committer = Committer(output, 0)
    committer.claim()
    assert contents(output) == {1: ("R1", "ok", 2), 3: ("R1", "ok", 0), 4: ("R1", "fetch_error", 0)}
    committer.add(report(output, "R3", recognised((2, 3), (3, 0), (4, 2), replaces=True)))
    committer.close()
    assert contents(output) == {
        1: ("R1", "ok", 2),
        2: ("R3", "ok", 3),
        3: ("R3", "ok", 0),
        4: ("R3", "ok", 2),
    }


def test_a_crash_in_the_very_first_commit(output: Folder) -> None:
    crash_between_the_commits(output, "R1", recognised((1, 2)))
    Committer(output, 0).claim()
    assert contents(output) == {}


def test_what_a_crash_left_uncommitted_is_removed(output: Folder) -> None:
    run(output, "R1", recognised((1, 1)))
    report(output, "R2", recognised((2, 2)))  # written, never added
    assert len(plain(output, "images")) == 2
    Committer(output, 0).claim()
    assert len(plain(output, "images")) == 1
    assert len(plain(output, "faces")) == 1


def test_a_second_run_makes_the_first_one_fail_and_nothing_is_mixed(output: Folder) -> None:
    run(output, "R0", recognised((1, 1)))
    first = Committer(output, seconds=0)
    first.claim()
    first.add(report(output, "first", recognised((2, 1))))
    second = Committer(output, seconds=0)
    second.claim()
    before = contents(output)
    with pytest.raises(UserError, match="another run"):
        first.add(report(output, "first", recognised((3, 1))))
    assert contents(output) == before
    with pytest.raises(UserError, match="another run"):
        first.close()
    second.add(report(output, "second", recognised((3, 2))))
    second.close()
    assert contents(output) == {1: ("R0", "ok", 1), 2: ("first", "ok", 1), 3: ("second", "ok", 2)}
    assert len(plain(output, "images")) == 3


def test_a_run_whose_plan_is_outdated_cannot_start(output: Folder) -> None:
    """Both planned on the same tables; the first has written since."""
    run(output, "R0", recognised((1, 1)))
    first, second = Committer(output, seconds=0), Committer(output, seconds=0)
    first.claim()
    with pytest.raises(UserError, match="another run"):
        second.claim()
    first.add(report(output, "first", recognised((2, 1))))
    first.close()
    assert sorted(contents(output)) == [1, 2]


def test_two_first_runs_at_once(output: Folder) -> None:
    first, second = Committer(output, seconds=0), Committer(output, seconds=0)
    first.claim()
    with pytest.raises(UserError):
        second.claim()
    first.add(report(output, "first", recognised((1, 1))))
    first.close()
    assert contents(output) == {1: ("first", "ok", 1)}
