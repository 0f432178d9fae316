"""How well detected boxes agree with labelled ones: recall and precision at an IoU."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from faceray.vision.boxes import iou


@dataclass(frozen=True)
class Agreement:
    """Counts over a set of images."""

    matched: int
    labelled: int
    detected: int

    @property
    def recall(self) -> float:
        """Share of the labelled faces that were found; 1 where there are none."""
        return self.matched / self.labelled if self.labelled else 1.0

    @property
    def precision(self) -> float:
        """Share of the detections that are labelled faces; 1 where there are none."""
        return self.matched / self.detected if self.detected else 1.0


def agreement(images: Iterable[tuple[np.ndarray, np.ndarray]], threshold: float = 0.5) -> Agreement:
    """Match the boxes of each image one to one, the best overlap first.

    Args:
        images: pairs of labelled (n, 4) and detected (m, 4) boxes: x1, y1, x2, y2.
        threshold: least intersection over union of a match.
    """
    matched = labelled = detected = 0
    for labels, found in images:
        labelled, detected = labelled + len(labels), detected + len(found)
        overlap = iou(*(torch.as_tensor(np.reshape(b, (-1, 4)), dtype=torch.float64) for b in (labels, found))).numpy()
        while overlap.size and overlap.max() >= threshold:
            i, j = np.unravel_index(overlap.argmax(), overlap.shape)
            overlap[i], overlap[:, j] = 0, 0
            matched += 1
    return Agreement(matched, labelled, detected)


def read_dlib_boxes(path: Path) -> dict[str, np.ndarray]:
    """Boxes by file name from the XML of dlib's `imglab`, float64 (n, 4): x1, y1, x2, y2."""
    root = ET.parse(path).getroot()
    return {
        image.attrib["file"]: np.array(
            [[b["left"], b["top"], b["left"] + b["width"], b["top"] + b["height"]] for b in _boxes(image)]
        ).reshape(-1, 4)
        for image in root.iter("image")
    }


def _boxes(image: ET.Element) -> list[dict[str, float]]:
    return [{k: float(box.attrib[k]) for k in ("left", "top", "width", "height")} for box in image.iter("box")]
