"""Speed side by side with the alternatives, in turn, median of rounds: CPU time on one thread; time on a GPU if any.

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


def benchmarks(files: list[bytes], device: str) -> list[tuple[str, str, int, Work, Work]]:
    """What is compared: name, the alternative, how many one call does, our side, the other side."""
    photos = [decode(f, "photo.jpg", Limits()).pixels for f in files]
    rows = [_embedding(device)]
    for size in (20, 40):
        name = f"detect, faces from {size} px"
        rows.append((name, "facenet-pytorch", len(files), *_detection(size, photos, device)))
    if device == "cuda":
        same = [cv2.resize(photo, (640, 480)) for photo in photos]
        name = "detect, from 40 px, photos of 640 x 480"
        rows.append((name, "facenet-pytorch, batches", len(files), *_detection(40, same, device, together=True)))
        return rows
    return [_decoding(files), *rows]


def _decoding(files: list[bytes]) -> tuple[str, str, int, Work, Work]:
    return (
        "decode JPEG",
        "Pillow",
        len(files),
        lambda: [decode(f, "photo.jpg", Limits()) for f in files],
        lambda: [np.asarray(Image.open(io.BytesIO(f)).convert("RGB")) for f in files],
    )


def _embedding(device: str) -> tuple[str, str, int, Work, Work]:
    faces = np.random.default_rng(0).integers(0, 256, (32, 3, 112, 112)).astype(np.float32)
    batch = torch.from_numpy(faces).to(device)
    module, own = (load_embedder("sface").parts[0].module.to(device) for _ in range(2))  # compiling changes its own
    ours = compile_network(own, torch.zeros(2, 3, 112, 112), device)
    name = "embed a face with SFace, 32 at once"
    return name, "torch, same module", len(batch), lambda: ours(batch), lambda: _without_gradients(module, batch)


def _detection(size: int, photos: list[np.ndarray], device: str, together: bool = False) -> tuple[Work, Work]:
    ours = load_detector(MtcnnOptions(size), device)
    theirs = MTCNN(keep_all=True, min_face_size=size, device=device)
    batches = [photos[i : i + _BATCH] for i in range(0, len(photos), _BATCH)]
    return (
        lambda: [ours(batch) for batch in batches],
        lambda: [theirs.detect(work, landmarks=True) for work in (batches if together else photos)],
    )


def _without_gradients(module: torch.nn.Module, batch: torch.Tensor) -> object:
    with torch.inference_mode():
        return module(batch)


def seconds(work: Work, device: str) -> float:
    """CPU time of one call; on a GPU the time until it has finished."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def compare(files: list[bytes], rounds: int, device: str) -> str:
    """A table of both sides."""
    rows = []
    for name, alternative, count, ours, theirs in benchmarks(files, device):
        ours(), theirs()  # warm up
        pairs = [(seconds(ours, device), seconds(theirs, device)) for _ in range(rounds)]
        mine, other = (1000 * median(side) / count for side in zip(*pairs, strict=True))
        ratio = median(b / a for a, b in pairs)
        rows.append((name, alternative, f"{mine:.2f}", f"{other:.2f}", f"{ratio:.1f} x"))
    return tabulate(rows, headers=("what", "beside", "ms each", "beside it", "faster"), disable_numparse=True)


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    data, rounds = os.environ.get("FACERAY_DATA"), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else f"{data}/photos" if data else temporary)
        if str(folder) == temporary:
            build_corpus(folder)
        files = read_photos(folder)
    pixels = sum(np.prod(decode(f, "", Limits()).pixels.shape[:2]) for f in files)
    print(f"{len(files)} photos, {pixels / 1e6 / len(files):.2f} megapixels each on average; {rounds} rounds")
    print(compare(files, rounds, "cpu"))
    if torch.cuda.is_available():
        print(f"\n{torch.cuda.get_device_name()}\n{compare(files, rounds, 'cuda')}")


if __name__ == "__main__":
    main()
