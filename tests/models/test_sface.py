"""SFace in torch: equal to ONNX Runtime on the published file; dequantisation by hand."""

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from skimage import data

from faceray.errors import UserError
from faceray.models import sface
from faceray.models.sface import WEIGHTS, SFace, dequantize, load_sface, read_tensors


@pytest.fixture(scope="module")
def network() -> SFace:
    return load_sface()


@pytest.fixture(scope="module")
def reference() -> onnxruntime.InferenceSession:
    """The published graph; its weights are declared as inputs too, which ONNX Runtime does not accept."""
    model = onnx.load_from_string(WEIGHTS.read())
    image = next(value for value in model.graph.input if value.name == "data")
    del model.graph.input[:]
    model.graph.input.append(image)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def pictures() -> np.ndarray:
    """(4, 3, 112, 112) float32: a face at two sizes, noise, black."""
    face = data.astronaut()
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    crops = [cv2.resize(face[50:190, 155:295], (112, 112)), face[60:172, 165:277], noise, np.zeros_like(noise)]
    return np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32)


def test_equals_onnx_runtime(network: SFace, reference: onnxruntime.InferenceSession):
    expected = np.concatenate([reference.run(None, {"data": picture[None]})[0] for picture in pictures()])
    with torch.inference_mode():
        actual = network(torch.from_numpy(pictures()))
    assert actual.dtype == torch.float32
    assert np.linalg.norm(expected, axis=1).min() > 1  # nothing collapsed: the tolerance below means something
    np.testing.assert_allclose(actual.numpy(), expected, rtol=0, atol=2e-5)


def test_is_ready_for_use(network: SFace):
    assert not network.training
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_dequantize_by_hand():
    values = np.array([[-1, 0, 5, 7, 2], [10, 20, 30, 40, 50]], np.int8)
    scales = np.array([[0.5, 1, 2], [0.1, 0.2, 0.3]], np.float32)
    zeros = np.array([[1, 0, 0], [0, 10, -10]], np.int8)
    expected = [[-1, -0.5, 5, 7, 4], [1, 2, 4, 6, 18]]  # the last block is one value short
    np.testing.assert_allclose(dequantize(values, scales, zeros, axis=1, block=2), expected, rtol=1e-6)
    vector = dequantize(np.array([1, 2, 3], np.int8), np.array([1, 10], np.float32), np.zeros(2, np.int8), 0, 2)
    np.testing.assert_array_equal(vector, [1, 2, 30])


def test_dequantize_does_not_overflow_int8():
    assert dequantize(np.array([127], np.int8), np.ones(1, np.float32), np.array([-128], np.int8), 0, 1) == 255


def small_model(**arrays: np.ndarray) -> bytes:
    """An ONNX file that holds these arrays and no layers."""
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    return helper.make_model(helper.make_graph([], "g", [], [output], tensors)).SerializeToString()


def test_float_tensors_are_read_as_they_are():
    tensors = read_tensors(small_model(a=np.arange(3, dtype=np.float32), b=np.arange(3)))
    assert list(tensors) == ["a"]
    np.testing.assert_array_equal(tensors["a"], [0, 1, 2])


def test_another_networks_weights_are_refused(monkeypatch: pytest.MonkeyPatch):
    class Other:
        def read(self) -> bytes:
            return small_model(conv_1_conv2d_weight=np.zeros((8, 27), np.float32))

    monkeypatch.setattr(sface, "WEIGHTS", Other())
    with pytest.raises(UserError, match=r"not the weights of SFace: no conv_1_conv2d_weight of shape \(32, 3, 3, 3\)"):
        load_sface()
