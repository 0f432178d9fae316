"""Pictures that kill or hang a process: they get a status, and cost no other picture its row."""

import multiprocessing
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from faceray import pipeline
from faceray.annotate import annotate
from faceray.corpus.loading import Load
from faceray.corpus.plan import make_plan
from faceray.corpus.source import Source
from faceray.inference.guard import Guarded, guarded
from faceray.options import AnnotateOptions, Workers
from faceray.results.committer import Committer
from faceray.storage import Folder
from tests.corpora import write
from tests.faces import jpeg, portrait, scenery
from tests.inference.poison import PoisonedLoad
from tests.inference.poisoned_detect import PoisonedDetect

pytestmark = pytest.mark.timeout(600)
POISON = {"load-dies": "crashed", "detect-dies": "crashed", "load-hangs": "timeout"}


def corpus(folder: Path) -> str:
    for index in range(2):
        write(folder / f"{index}.jpg", jpeg(scenery(60, 60 + index)))
    write(folder / "portrait.jpg", jpeg(portrait()))
    for name in POISON:
        write(folder / f"{name}.jpg", jpeg(scenery(61, 61)))
    return str(folder)


def loader(kind: type[Load], tmp_path: Path, seconds: float = 60) -> tuple[Guarded, pa.Table]:
    folder = Folder.at(str(tmp_path / "plan"))
    options = AnnotateOptions("in", "out")
    (groups,) = make_plan(Source(corpus(tmp_path / "photos"), "*"), None, "m", None, folder).pieces
    stage = guarded(kind)((folder, options.limits, 2), str(tmp_path), seconds)
    return stage, pa.table({"file": [0] * groups, "group": range(groups)})


def statuses(table: pa.Table) -> dict[str, str]:
    return {Path(u).stem: s for u, s in zip(table["uri"].to_pylist(), table["status"].to_pylist(), strict=True)}


def test_without_trouble_it_is_the_stage_itself(tmp_path: Path) -> None:
    stage, batch = loader(Load, tmp_path)
    plain = Load(*stage.arguments)
    first, second = (t.drop_columns("load_seconds").to_pylist() for t in (stage(batch), plain(batch)))
    assert first == second
    assert not list(stage.room.iterdir()), "no mark stays"
    assert type(stage).__name__ == "Load"


def test_after_a_death_each_picture_is_looked_at_alone(tmp_path: Path) -> None:
    stage, batch = loader(PoisonedLoad, tmp_path, seconds=6)
    worker = multiprocessing.get_context("spawn").Process(
        target=_call, args=(PoisonedLoad, stage.arguments, str(tmp_path), batch)
    )
    worker.start()
    worker.join()
    assert worker.exitcode != 0, "it died over the batch"
    found = statuses(stage(batch))
    assert {name: status for name, status in found.items() if status != "ok"} == {
        "load-dies": "crashed", "load-hangs": "timeout",
    }  # fmt: skip
    assert len(found) == 6


def _call(kind: type[Load], arguments: tuple[object, ...], run: str, batch: pa.Table) -> None:
    guarded(kind)(arguments, run, 6)(batch)


def test_a_picture_that_took_its_watcher_along_is_not_tried_for_ever(tmp_path: Path) -> None:
    stage, batch = loader(Load, tmp_path)
    mark = stage._mark(stage.stage.rows(batch))
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_bytes(b"0 1 1 ")
    found = statuses(stage(batch))
    assert [status for status in found.values() if status != "ok"] == ["crashed"]
    assert list(found.values())[1] == "crashed"


def test_what_hangs_is_given_up_without_pythons_help(tmp_path: Path) -> None:
    stage, batch = loader(PoisonedLoad, tmp_path)
    (tmp_path / "photos" / "load-dies.jpg").unlink()
    folder = Folder.at(str(tmp_path / "hanging"))
    make_plan(Source(str(tmp_path / "photos"), "*"), None, "m", None, folder)
    arguments = (folder, *stage.arguments[1:])
    worker = multiprocessing.get_context("spawn").Process(
        target=_call, args=(PoisonedLoad, arguments, str(tmp_path), batch)
    )
    worker.start()
    worker.join(120)
    assert worker.exitcode == 1, "the watchdog's"


def test_a_run_over_poison(tmp_path: Path, ray_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = corpus(tmp_path / "photos")
    (tmp_path / "photos" / "load-hangs.jpg").unlink()  # waiting is for the tests above
    workers = Workers(fetch=1, detect=1, recognise=1)

    def night(output: str) -> pd.DataFrame:
        options = AnnotateOptions(
            photos, f"{tmp_path}/{output}", attributes="none", workers=workers, address=ray_address
        )
        counts.append(annotate(options)["counts"])
        table = Committer(Folder.at(f"{tmp_path}/{output}"), 0).images.dataset().to_table()
        return table.to_pandas().set_index("uri").sort_index().drop(columns=["run_id", "annotated_at"])

    counts: list[dict[str, object]] = []
    monkeypatch.setattr(pipeline, "Load", PoisonedLoad)
    monkeypatch.setattr(pipeline, "Detect", PoisonedDetect)
    poisoned = night("poisoned")
    found = {Path(uri).stem: status for uri, status in poisoned["status"].items() if status != "ok"}  # type: ignore[arg-type]
    assert found == {"load-dies": "crashed", "detect-dies": "crashed"}
    assert len(poisoned) == 5
    assert poisoned["face_count"].sum() == 1, "the portrait's"
    assert poisoned["error"][f"file://{photos}/load-dies.jpg"] == "the process died of SIGABRT (poisonedload)"
    night("poisoned")
    assert counts[-1]["planned"] == 0, "it does not come back the next night"
