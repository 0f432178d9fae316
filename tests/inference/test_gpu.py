"""On a GPU the same faces come out."""

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from faceray.inference.detector import load_detector
from faceray.vision.mtcnn import MtcnnOptions

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]


def test_detector_agrees_with_the_cpu() -> None:
    photos = [astronaut(), np.ascontiguousarray(astronaut()[:400, 60:])]
    for cpu, gpu in zip(*(load_detector(MtcnnOptions(), d)(photos) for d in ("cpu", "cuda")), strict=True):
        assert len(cpu) == len(gpu)
        np.testing.assert_allclose(cpu.boxes, gpu.boxes, atol=0.05)
        np.testing.assert_allclose(cpu.landmarks, gpu.landmarks, atol=0.05)
