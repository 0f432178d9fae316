"""Speed side by side with the alternatives: CPU time on one thread, the two sides in turn, median of rounds.

python scripts/bench.py [FOLDER [ROUNDS]]      photos to use; else FACERAY_DATA/photos, else the demo's corpus
"""

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from demo import build_corpus
from facenet_pytorch import MTCNN
from PIL import Image
from tabulate import tabulate

from faceray.corpus.decode import Limits, decode
from faceray.corpus.status import ImageError
from faceray.inference.backend import compile_network
from faceray.inference.detector import load_detector
from faceray.models.embedder import load_embedder
from faceray.vision.mtcnn import MtcnnOptions

Work = Callable[[], object]
_MOST = 40  # photos
_BATCH = 8


def read_photos(folder: Path) -> list[bytes]:
    """JPEG files that decode, at most _MOST, spread over the folder."""
    usable = []
    for path in sorted(folder.rglob("*.jp*g")):
        data = path.read_bytes()
        try:
            if decode(data, path.name, Limits()).format == "JPEG":
                usable.append(data)
        except ImageError:
            continue
    return usable[:: -(-len(usable) // _MOST)]


def benchmarks(files: list[bytes]) -> list[tuple[str, str, int, Work, Work]]:
    """What is compared: name, the alternative, how many one call does, our side, the other side."""
    photos = [decode(f, "photo.jpg", Limits()).pixels for f in files]
    faces = np.random.default_rng(0).integers(0, 256, (32, 3, 112, 112)).astype(np.float32)
    sface = load_embedder("sface").parts[0].module
    fast, batch = compile_network(sface, torch.zeros(2, 3, 112, 112), "cpu"), torch.from_numpy(faces)
    rows: list[tuple[str, str, int, Work, Work]] = [
        (
            "decode JPEG",
            "Pillow",
            len(files),
            lambda: [decode(f, "photo.jpg", Limits()) for f in files],
            lambda: [np.asarray(Image.open(io.BytesIO(f)).convert("RGB")) for f in files],
        ),
        (
            "embed a face with SFace, 32 at once",
            "torch, same module",
            len(batch),
            lambda: fast(batch),
            lambda: _without_gradients(sface, batch),
        ),
    ]
    for size in (20, 40):
        rows.append((f"detect, faces from {size} px", "facenet-pytorch", len(files), *_detection(size, photos)))
    return rows


def _detection(size: int, photos: list[np.ndarray]) -> tuple[Work, Work]:
    ours, theirs = load_detector(MtcnnOptions(size)), MTCNN(keep_all=True, min_face_size=size)
    return (
        lambda: [ours(photos[i : i + _BATCH]) for i in range(0, len(photos), _BATCH)],
        lambda: [theirs.detect(photo, landmarks=True) for photo in photos],
    )


def _without_gradients(module: torch.nn.Module, batch: torch.Tensor) -> object:
    with torch.inference_mode():
        return module(batch)


def seconds(work: Work) -> float:
    """CPU time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    data, rounds = os.environ.get("FACERAY_DATA"), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else f"{data}/photos" if data else temporary)
        if str(folder) == temporary:
            build_corpus(folder)
        files = read_photos(folder)
    rows = []
    for name, alternative, count, ours, theirs in benchmarks(files):
        ours(), theirs()  # warm up
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
        mine, other = (1000 * median(side) / count for side in zip(*pairs, strict=True))
        ratio = median(b / a for a, b in pairs)
        rows.append((name, alternative, f"{mine:.2f}", f"{other:.2f}", f"{ratio:.1f} x"))
    pixels = sum(np.prod(decode(f, "", Limits()).pixels.shape[:2]) for f in files)
    print(f"{len(files)} photos, {pixels / 1e6 / len(files):.2f} megapixels each on average; {rounds} rounds")
    print(tabulate(rows, headers=("what", "beside", "ms each", "beside it", "faster"), disable_numparse=True))


if __name__ == "__main__":
    main()
