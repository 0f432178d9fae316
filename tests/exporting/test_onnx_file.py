"""ONNX: every network answers as in torch, for any number of faces."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from faceray.exporting.onnx_file import halve, run_onnx, write_onnx
from faceray.exporting.parity import check, compare
from faceray.exporting.portable import Portable, describe
from faceray.exporting.samples import noise
from faceray.models.networks import NETWORKS
from tests.exporting.networks import CARDS, lively


def test_no_network_is_left_out() -> None:
    assert set(CARDS) == set(NETWORKS)


@pytest.mark.parametrize("name", CARDS)
def test_answers_are_those_of_torch(name: str, tmp_path: Path) -> None:
    card = CARDS[name]
    portable = Portable(lively(card)).eval()
    faces = noise(card.crop, 5)
    write_onnx(portable, tmp_path / "model.onnx", "fp32", faces, describe(card, "fp32", None))
    with torch.inference_mode():
        expected = {task: answers.numpy() for task, answers in portable(torch.from_numpy(faces)).items()}
    found = run_onnx(tmp_path / "model.onnx", faces)
    assert list(found) == [task.name for task in card.tasks]
    check(compare(card.tasks, expected, found), "fp32")
    for task, answers in expected.items():
        assert answers.std(0).max() > 1e-3, f"{task} says the same of every picture: nothing was compared"
        np.testing.assert_allclose(found[task], answers, rtol=1e-3, atol=1e-3)
    one = run_onnx(tmp_path / "model.onnx", faces[:1])
    assert all(one[task] == pytest.approx(found[task][:1], abs=1e-3) for task in found)


def test_halved_weights_are_cast_back_before_use() -> None:
    weight = onnx.numpy_helper.from_array(np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8), "w")
    few = onnx.numpy_helper.from_array(np.float32([1 / 3]), "few")
    product = onnx.helper.make_node("MatMul", ["x", "w"], ["p"])
    total = onnx.helper.make_node("Add", ["p", "few"], ["y"])
    sides = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["n", 8]) for n in "xy"]
    graph = onnx.helper.make_graph([product, total], "g", sides[:1], sides[1:], [weight, few])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    halve(model)
    onnx.checker.check_model(model, full_check=True)
    types = {w.name: w.data_type for w in model.graph.initializer}
    assert types == {"w_fp16": onnx.TensorProto.FLOAT16, "few": onnx.TensorProto.FLOAT}
    x = np.eye(8, dtype=np.float32)
    (y,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
    half = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8).astype(np.float16)
    np.testing.assert_array_equal(y, half.astype(np.float32) + np.float32(1 / 3))
