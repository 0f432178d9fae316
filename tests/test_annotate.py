"""What happens before Ray starts."""

from pathlib import Path

import pytest

from faceray.annotate import annotate, prepare
from faceray.errors import UserError
from faceray.options import AnnotateOptions
from faceray.results.committer import Committer
from faceray.storage import Folder
from tests.corpora import write
from tests.faces import jpeg, scenery
from tests.results.batches import recognised, run
from tests.results.test_committer import crash_between_the_commits


def options(folder: Path) -> AnnotateOptions:
    write(folder / "photos" / "a.jpg", jpeg(scenery()))
    return AnnotateOptions(f"{folder}/photos", f"{folder}/labels")


def test_torn_tables_are_mended_before_the_plan_is_made(tmp_path: Path) -> None:
    settings, output = options(tmp_path), Folder.at(f"{tmp_path}/labels")
    run(output, "R1", recognised((1, 2)))
    crash_between_the_commits(output, "R2", recognised((1, 3), replaces=True))
    prepare(settings, write_plan=False)
    assert Committer(output, 0).torn, "a dry run changes nothing"
    _, committer = prepare(settings, write_plan=True)
    assert not committer.torn
    assert committer.images.dataset().count_rows() == 0, "the image is to be done again"
    committer.claim()  # as the run goes on to do


def test_nothing_that_looks_like_an_image_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "photos" / "notes.txt.zip", b"PK")
    with pytest.raises(UserError, match="no images"):
        annotate(AnnotateOptions(f"{tmp_path}/photos", f"{tmp_path}/labels"))
    assert not list((tmp_path / "labels").glob("runs/*.plan"))
