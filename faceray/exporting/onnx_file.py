"""ONNX: one file with the graph, its weights and its description."""

import json
import logging
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.exporting.parity import Precision
from faceray.exporting.portable import INPUT, Portable

OPSET = 20
_INT8 = ["Conv", "Gemm", "MatMul", "Add", "Relu", "MaxPool", "AveragePool"]  # softmax and sums of ages stay exact
_SMALL = 16  # numbers: what has fewer stays fp32


def write_onnx(
    portable: Portable, path: Path, precision: Precision, faces: NDArray[np.uint8], description: Mapping[str, Any]
) -> None:
    """Write a file for any number of faces at once.

    Args:
        precision: `fp16` halves the weights and computes in fp32; `int8` computes in 8 bits where that pays.
        faces: (n, [3,] size, size, 3); with `int8` the activations' ranges are measured on them.

    Raises:
        UserError: a package is missing.
    """
    for package in ("onnxscript", "onnxruntime"):
        _need(package)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            portable,
            (torch.from_numpy(faces[:2]),),
            input_names=[INPUT],
            output_names=list(portable.answers),
            dynamic_shapes=({0: torch.export.Dim("n")},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(str(path))
    if precision == "int8":
        _quantise(path, faces)
    model = onnx.load(path)
    if precision == "fp16":
        halve(model)
    texts = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in description.items()}
    onnx.helper.set_model_props(model, texts)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def run_onnx(path: Path, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Task -> answers (n, k), by ONNX Runtime on the CPU."""
    runtime = _need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {INPUT: faces}), strict=True))


def halve(model: onnx.ModelProto) -> None:
    """Weights as fp16, each with a cast to fp32 before its use, which runtimes do once when they load the file."""
    casts = []
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if weight.data_type != onnx.TensorProto.FLOAT or values.size < _SMALL:
            continue
        name = weight.name
        with np.errstate(over="ignore"):  # the check of parity will see it
            weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_fp16"))
        casts.append(onnx.helper.make_node("Cast", [weight.name], [name], to=onnx.TensorProto.FLOAT))
    for cast in casts:
        model.graph.node.insert(0, cast)


class _Faces:
    """One after the other, as ONNX Runtime asks for them."""

    def __init__(self, faces: NDArray[np.uint8]) -> None:
        self._left = iter(faces)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next input, None after the last."""
        face = next(self._left, None)
        return None if face is None else {INPUT: face[None]}


def _quantise(path: Path, faces: NDArray[np.uint8]) -> None:
    """Static quantisation, Q and DQ around convolutions and products: weights by channel."""
    quantization = _need("onnxruntime.quantization")
    _need("onnxruntime.quantization.shape_inference").quant_pre_process(str(path), str(path), skip_symbolic_shape=True)

    quantization.quantize_static(
        str(path),
        str(path),
        _Faces(faces),
        op_types_to_quantize=_INT8,
        per_channel=True,
        reduce_range=True,  # 7 bits: x86 without VNNI saturates sums of two products of 8
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )


def _need(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise UserError(f"--format onnx needs {module.partition('.')[0]}: pip install 'faceray[export]'") from error
