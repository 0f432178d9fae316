"""Checks of whole networks: settled batch norms, the same numbers in OpenVINO and in ONNX Runtime."""

import io
import warnings

import onnxruntime
import torch
from torch import Tensor, nn

from faceray.inference.backend import compile_network
from faceray.models.attribute_net import Normalise

PLAIN = Normalise("RGB", (127.5,) * 3, (127.5,) * 3)


def pictures(*shape: int) -> Tensor:
    """Noise of different colours and strengths, 0 to 255; channels are the third dimension from the end."""
    return torch.rand(shape) * torch.rand(*shape[:-2], 1, 1) * 255


def settled(module: nn.Module, batch: Tensor) -> nn.Module:
    """In eval mode, the batch norms as after training on one batch: so differences between faces reach the outputs."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    module.train()(batch)
    return module.eval()


def check_exports(module: nn.Module, batch: Tensor) -> None:
    """OpenVINO and ONNX, traced with another number of faces, give torch's numbers to 1e-4 of their size."""
    with torch.inference_mode():
        wanted = module(batch)
    assert all(outputs.std(dim=0).max() > 1e-3 for outputs in wanted)  # else equality would mean little
    for got in (_openvino(module, batch), _onnx(module, batch)):
        for a, b in zip(wanted, got, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-4)


def _openvino(module: nn.Module, batch: Tensor) -> tuple[Tensor, ...]:
    return compile_network(module, batch[:1], "cpu")(batch)


def _onnx(module: nn.Module, batch: Tensor) -> tuple[Tensor, ...]:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is called deprecated
        torch.onnx.export(
            module, (batch[:1],), file, dynamo=False, input_names=["rgb"], dynamic_axes={"rgb": {0: "faces"}}
        )
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    return tuple(torch.from_numpy(output) for output in session.run(None, {"rgb": batch.numpy()}))
