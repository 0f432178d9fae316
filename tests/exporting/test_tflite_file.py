"""TFLite, where its converter is installed."""

import json
import sys
from pathlib import Path

import pytest

from faceray.errors import UserError
from faceray.export import export
from faceray.export_options import ExportOptions
from faceray.exporting.tflite_file import run_tflite
from tests.exporting.networks import CARDS, lively, painted, saved, trained
from tests.exporting.pictures import painted_folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return saved(trained(), str(tmp_path_factory.mktemp("trained") / "model"))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_file_that_answers_like_the_checkpoint(checkpoint: str, precision: str, tmp_path: Path) -> None:
    pytest.importorskip("litert_torch", reason="needs the extra `tflite`")
    pictures = painted_folder(tmp_path / "pictures", 48)
    file = tmp_path / "new" / "model.tflite"
    done = export(
        ExportOptions(checkpoint, str(file), "tflite", precision, pictures)  # type: ignore[arg-type]
    )
    assert done.bytes == file.stat().st_size
    assert {parity.task for parity in done.parity} == {"age", "gender", "race", "hat"}
    unseen, labels = painted(60, seed=2000)
    answers = run_tflite(file, unseen)
    assert (answers["race"].argmax(1) == labels["race"].numpy()).mean() > 0.8
    assert (answers["gender"].argmax(1) == labels["gender"].numpy()).mean() > 0.9
    said = json.loads((tmp_path / "new" / "model.tflite.json").read_text())
    assert said["input"]["shape"] == [1, 32, 32, 3]
    assert said["outputs"][1]["labels"] == ["male", "female"]
    assert said["precision"] == precision


def test_three_pictures_of_a_face(tmp_path: Path) -> None:
    pytest.importorskip("litert_torch", reason="needs the extra `tflite`")
    folder = saved(lively(CARDS["c3ae"]), str(tmp_path / "model"))
    done = export(ExportOptions(folder, str(tmp_path / "c3ae.tflite"), "tflite"))
    assert all(parity.share < 1e-4 for parity in done.parity)


def test_without_the_extra_it_says_what_is_missing(
    checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    with pytest.raises(UserError, match=r"needs litert_torch: pip install 'faceray\[tflite\]'"):
        export(ExportOptions(checkpoint, str(tmp_path / "model.tflite"), "tflite"))
    assert not list(tmp_path.iterdir())
