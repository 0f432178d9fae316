"""The export job: ONNX files that answer like the checkpoint, or none."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from faceray.cli import parse
from faceray.errors import UserError
from faceray.export import Exported, export
from faceray.export_options import ExportOptions
from faceray.exporting.onnx_file import run_onnx
from tests.exporting.networks import painted, saved, trained
from tests.exporting.pictures import painted_folder

KINDS = {"fp32": onnx.TensorProto.FLOAT, "fp16": onnx.TensorProto.FLOAT16, "int8": onnx.TensorProto.INT8}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return saved(trained(), str(tmp_path_factory.mktemp("trained") / "model"))


def exported(checkpoint: str, output: Path, *more: str) -> Exported:
    return export(parse(ExportOptions, ["--checkpoint", checkpoint, "--output", str(output), *more], "export"))


@pytest.mark.parametrize("precision", KINDS)
def test_smaller_numbers_and_still_right(checkpoint: str, tmp_path: Path, precision: str) -> None:
    calibration = ["--calibration", painted_folder(tmp_path / "pictures", 64)]
    file = tmp_path / "new" / "model.onnx"
    done = exported(checkpoint, file, "--precision", precision, *calibration)
    assert done.bytes == file.stat().st_size
    assert done.faces == 32
    assert [parity.task for parity in done.parity] == ["age", "gender", "race", "hat"]
    pictures, labels = painted(200, seed=2000)
    answers = run_onnx(file, pictures)
    assert (answers["gender"].argmax(1) == labels["gender"].numpy()).mean() > 0.9
    assert (answers["race"].argmax(1) == labels["race"].numpy()).mean() > 0.8
    assert ((answers["hat"][:, 0] > 0.5) == labels["hat"].numpy()).mean() > 0.9
    model = onnx.load(file)
    weights = [w for w in model.graph.initializer if len(w.dims) > 1 and np.prod(w.dims) >= 64]
    assert {weight.data_type for weight in weights} == {KINDS[precision]}
    if precision == "int8":  # more would overflow on x86 without VNNI
        assert max(np.abs(onnx.numpy_helper.to_array(weight).astype(int)).max() for weight in weights) <= 64
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["precision"] == precision
    assert said["licence"] == "Apache-2.0"
    assert json.loads(said["outputs"])[1]["labels"] == ["male", "female"]
    assert json.loads(said["input"])["colour"] == "RGB"
    rgb = model.graph.input[0].type.tensor_type
    assert rgb.elem_type == onnx.TensorProto.UINT8
    assert [size.dim_value for size in rgb.shape.dim] == [0, 32, 32, 3]
    assert rgb.shape.dim[0].dim_param


def test_a_file_that_answers_otherwise_is_not_written(tmp_path: Path) -> None:
    model = trained()
    with torch.no_grad():
        model.module.heads["gender"].linear.weight.mul_(1e8)  # type: ignore[index,union-attr]
    folder = saved(model, str(tmp_path / "model"))
    with pytest.raises(UserError, match="not written: in fp16 the answers for gender differ by nan"):
        exported(folder, tmp_path / "out.onnx", "--precision", "fp16")
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--precision", "int8"], "--precision int8 needs --calibration"),
        (["--precision", "int4"], "int4"),
        (["--format", "coreml"], "coreml"),
        (["--calibration", "no-such-folder"], "nothing at no-such-folder"),
        (["--samples", "1"], "--samples must be at least 4"),
        (["--checkpoint", "no-such-checkpoint"], "cannot read no-such-checkpoint"),
    ],
)
def test_bad_options(checkpoint: str, tmp_path: Path, more: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        exported(checkpoint, tmp_path / "model.onnx", *more)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(checkpoint: str, tmp_path: Path, package: str, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"needs {package}: pip install 'faceray\[export\]'"):
        exported(checkpoint, tmp_path / "model.onnx")
