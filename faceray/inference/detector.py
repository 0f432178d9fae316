"""The detector with its weights, ready to run on this machine."""

import torch

from faceray.inference.backend import compile_network
from faceray.models.mtcnn import onet, pnet, rnet
from faceray.vision.mtcnn import Mtcnn, MtcnnOptions


def load_detector(options: MtcnnOptions, device: str = "cpu") -> Mtcnn:
    """MTCNN in fp32: half precision moves boxes by several pixels, so it is not offered."""
    return Mtcnn(
        compile_network(pnet(), torch.zeros(1, 3, 64, 64), device, dynamic=(0, 2, 3)),
        compile_network(rnet(), torch.zeros(2, 3, 24, 24), device),
        compile_network(onet(), torch.zeros(2, 3, 48, 48), device),
        options,
        device,
    )
