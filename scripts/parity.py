"""Compare our MTCNN with facenet-pytorch's `detect`: counts, boxes, scores, landmarks and CPU time, image by image.

python scripts/parity.py FOLDER [FOLDER…] [--limit N]
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from faceray.corpus.decode import Limits, decode
from faceray.inference.detector import load_detector
from faceray.vision.mtcnn import Detections, Mtcnn, MtcnnOptions


def _photos(folders: list[Path], limit: int | None) -> list[np.ndarray]:
    files = [f for folder in folders for f in sorted(folder.rglob("*.jp*g"))]
    if limit and len(files) > limit:
        files = [files[i * len(files) // limit] for i in range(limit)]
    return [decode(f.read_bytes(), f.name, Limits()).pixels for f in files]


def _reference(detector: MTCNN, photo: np.ndarray) -> Detections:
    boxes, scores, landmarks = detector.detect(photo, landmarks=True)
    if boxes is None:
        return Detections(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))
    return Detections(*(np.asarray(a, np.float64) for a in (boxes, scores, landmarks)))


def _ours(detector: Mtcnn, photos: list[np.ndarray], batch: int) -> list[Detections]:
    return [d for i in range(0, len(photos), batch) for d in detector(photos[i : i + batch])]


def compare(photos: list[np.ndarray], min_face_size: int, batch: int = 8) -> str:
    """One line of figures. The time is this process's CPU time on one thread, each side once over all photos."""
    theirs, ours = MTCNN(keep_all=True, min_face_size=min_face_size), load_detector(MtcnnOptions(min_face_size))
    _ours(ours, photos[:batch], batch), [_reference(theirs, p) for p in photos[:2]]
    start = time.process_time()
    a = [_reference(theirs, p) for p in photos]
    middle = time.process_time()
    b = _ours(ours, photos, batch)
    end = time.process_time()
    same = [(x, y) for x, y in zip(a, b, strict=True) if len(x) == len(y)]
    worst = {
        name: max((float(np.abs(getattr(x, name) - getattr(y, name)).max()) for x, y in same if len(x)), default=0.0)
        for name in ("boxes", "scores", "landmarks")
    }
    reference, own = (1e3 * t / len(photos) for t in (middle - start, end - middle))
    return (
        f"min_face_size {min_face_size}: {len(photos)} photos, faces {sum(map(len, a))} (facenet-pytorch) "
        f"{sum(map(len, b))} (ours), photos with equal count {len(same)}; largest difference: "
        f"boxes {worst['boxes']:.1e} px, scores {worst['scores']:.1e}, landmarks {worst['landmarks']:.1e} px; "
        f"CPU ms/photo {reference:.0f} and {own:.0f}, ratio {reference / own:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    photos = _photos(options.folders, options.limit)
    for size in (20, 40):
        print(compare(photos, size))


if __name__ == "__main__":
    main()
