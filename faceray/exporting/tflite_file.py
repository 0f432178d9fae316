"""TFLite, for LiteRT on phones and boards. The converter is an extra: it brings JAX and compilers."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.exporting.parity import Precision
from faceray.exporting.portable import INPUT, Portable

SIGNATURE = "serving_default"
_WEIGHTED = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")
_INT8 = (*_WEIGHTED, "ADD", "RELU", "MAX_POOL_2D", "AVERAGE_POOL_2D")  # softmax and sums of ages stay exact


def write_tflite(portable: Portable, path: Path, precision: Precision, faces: NDArray[np.uint8]) -> None:
    """Write a file for one face at a time, with one signature: `rgb` -> the tasks by name.

    Args:
        precision, faces: as for `write_onnx`.

    Raises:
        UserError: the extra is not installed.
    """
    with _quietly():
        edge = _need("litert_torch").convert(portable, sample_kwargs={INPUT: torch.from_numpy(faces[:1])})
        edge.export(str(path))
        if precision != "fp32":
            path.write_bytes(_quantised(path, precision, faces))


def run_tflite(path: Path, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Task -> answers (n, k), by LiteRT on the CPU."""
    with _quietly():
        interpreter = _need("ai_edge_litert.interpreter").Interpreter(str(path))
        run = interpreter.get_signature_runner(SIGNATURE)
        answers = [run(**{INPUT: face[None]}) for face in faces]
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def _quantised(path: Path, precision: Precision, faces: NDArray[np.uint8]) -> bytes:
    types, algorithms = _need("ai_edge_quantizer.qtyping"), _need("ai_edge_quantizer.algorithm_manager")
    quantizer = _need("ai_edge_quantizer.quantizer").Quantizer(str(path))
    if precision == "fp16":
        half = types.TensorQuantizationConfig(num_bits=16, dtype=types.TensorDataType.FLOAT)
        config = types.OpQuantizationConfig(
            weight_tensor_config=half, compute_precision=types.ComputePrecision.FLOAT, explicit_dequantize=True
        )
        for name in _WEIGHTED:
            operation = types.TFLOperationName(name)
            quantizer.update_quantization_recipe(".*", operation, config, algorithms.AlgorithmName.FLOAT_CASTING)
        return bytes(quantizer.quantize().quantized_model)
    for name in _INT8:
        quantizer.add_static_config(".*", types.TFLOperationName(name), activation_num_bits=8, weight_num_bits=8)
    return bytes(quantizer.quantize(_ranges(quantizer, faces)).quantized_model)


def _ranges(quantizer: Any, faces: NDArray[np.uint8]) -> dict[str, dict[str, Any]]:
    """Least and largest value of each tensor over all faces. Given all faces at once, the quantizer averages over
    them instead, and half of the faces are clipped.
    """
    ranges: dict[str, dict[str, Any]] = {}
    for face in faces:
        for name, found in quantizer.calibrate({SIGNATURE: [{INPUT: face[None]}]}, num_threads=1).items():
            so_far = ranges.setdefault(name, dict(found))
            so_far["min"] = np.minimum(so_far["min"], found["min"])
            so_far["max"] = np.maximum(so_far["max"], found["max"])
    return ranges


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the packages print about their inner steps."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # else it prints that it is on
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _need(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise UserError(f"--format tflite needs {module.partition('.')[0]}: pip install 'faceray[tflite]'") from error
