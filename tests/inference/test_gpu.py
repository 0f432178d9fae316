"""On a GPU the same faces come out, and the same is said of them."""

from typing import Any

import numpy as np
import pytest
import torch

from faceray.inference.backend import Precision
from faceray.inference.detection import Detect
from faceray.inference.detector import load_detector
from faceray.inference.recognition import Recognise
from faceray.models.zoo import load_models
from faceray.options import checkpoint_folders
from faceray.results.schema import BINARY_ATTRIBUTES, LABELS
from faceray.vision.mtcnn import MtcnnOptions
from tests.faces import astronaut, group, portrait, scenery
from tests.inference.stages import loaded

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]


@pytest.mark.parametrize("smallest", [20, 40])
def test_detector_agrees_with_the_cpu(smallest: int) -> None:
    photos = [astronaut(), np.ascontiguousarray(astronaut()[:400, 60:]), scenery(), group(160, 90, 120), portrait()]
    on_cpu, on_gpu = (load_detector(MtcnnOptions(smallest), device)(photos) for device in ("cpu", "cuda"))
    assert sum(len(found) for found in on_cpu) > 5
    for cpu, gpu in zip(on_cpu, on_gpu, strict=True):
        assert len(cpu) == len(gpu)
        np.testing.assert_allclose(cpu.boxes, gpu.boxes, atol=0.05)
        np.testing.assert_allclose(cpu.scores, gpu.scores, atol=1e-3)
        np.testing.assert_allclose(cpu.landmarks, gpu.landmarks, atol=0.05)


@pytest.mark.parametrize(("precision", "least", "years"), [("fp32", 0.9999, 0.1), ("bf16", 0.995, 2.0)])
def test_recogniser_agrees_with_the_cpu(precision: Precision, least: float, years: float) -> None:
    networks = ("sface", checkpoint_folders("default"))
    crops = load_models(MtcnnOptions(), *networks, precision).crops
    detected = Detect(MtcnnOptions(), crops, "cpu")(loaded(astronaut(), group(160, 90, 120), scenery(), portrait(200)))
    cpu, gpu = (
        _faces(Recognise(*networks, crops, device, p)(detected))
        for device, p in (("cpu", "fp32"), ("cuda", precision))
    )
    assert len(cpu) == len(gpu) == 5
    for one, other in zip(cpu, gpu, strict=True):
        assert np.dot(one["embedding"], other["embedding"]) > least
        assert abs(one["age"] - other["age"]) < years
        for name in (*(f"{name}_probabilities" for name in LABELS), *BINARY_ATTRIBUTES):
            assert one[name] == pytest.approx(other[name], abs=0.05), name


def _faces(table: Any) -> list[dict[str, Any]]:
    return [face for faces in table["faces"].to_pylist() for face in faces]
