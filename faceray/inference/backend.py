"""Running networks: torch on a GPU, OpenVINO on a CPU (2 to 9 times torch's speed there)."""

import sys
import warnings
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from faceray.errors import UserError

Precision = Literal["fp32", "bf16"]
Network = Callable[[Tensor], tuple[Tensor, ...]]


def pick_device(wanted: str = "auto") -> str:
    """`auto` is the GPU where this process has one, else the CPU.

    Raises:
        UserError: a GPU was asked for by name and there is none. Falling back silently would cost a night.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda' was asked for, but torch sees no GPU here")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def compile_network(
    module: nn.Module,
    example: Tensor,
    device: str,
    precision: Precision = "fp32",
    dynamic: tuple[int, ...] = (0,),
    threads: int = 1,
) -> Network:
    """A function from a batch on `device` to the module's outputs there, without gradients.

    Args:
        example: an input of the right rank and channels, float32.
        dynamic: the dimensions of the input that vary from call to call.
        precision: `bf16` computes in bfloat16 and still returns float32.
        threads: on a CPU. Many processes of one thread each beat one of many threads.
    """
    module = module.eval().requires_grad_(False)
    if device == "cpu":
        return _openvino(module, example, precision, dynamic, threads)
    return _torch(module.to(device).to(memory_format=torch.channels_last), device, precision)


def _torch(module: nn.Module, device: str, precision: Precision) -> Network:
    half = precision == "bf16"

    def run(batch: Tensor) -> tuple[Tensor, ...]:
        # TF32, cuDNN's default for float32, has 10 bits: enough to make another box win
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=half)
        with exact, torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=half):
            outputs = module(batch.to(device, memory_format=torch.channels_last))
        return tuple(o.float() for o in (outputs if isinstance(outputs, tuple) else (outputs,)))

    return run


def _openvino(
    module: nn.Module, example: Tensor, precision: Precision, dynamic: tuple[int, ...], threads: int
) -> Network:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # else importing OpenVINO reports home
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OpenVINO traces the module in a way that torch calls old
        # no check of the trace: it would import compilers, which takes seconds
        traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        model = openvino.convert_model(traced, example_input=example)
    model.reshape({0: [-1 if i in dynamic else size for i, size in enumerate(example.shape)]})
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def run(batch: Tensor) -> tuple[Tensor, ...]:
        request.infer([batch.contiguous().numpy()], share_inputs=True)
        return tuple(torch.from_numpy(output.data.copy()) for output in request.output_tensors)

    return run
