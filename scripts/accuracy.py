"""The README's accuracy figures.

python scripts/accuracy.py lfw LABELS LFW        verification on LFW View 2 from the tables of an annotate run over LFW
python scripts/accuracy.py detection PHOTOS      recall and precision on dlib's labelled photos, beside facenet-pytorch
"""

import sys
from pathlib import Path

import numpy as np
from facenet_pytorch import MTCNN
from tabulate import tabulate

from faceray.corpus.decode import Limits, decode
from faceray.datasets.pairs import read_pairs
from faceray.errors import UserError
from faceray.evaluation.detection import agreement, read_dlib_boxes
from faceray.evaluation.verification import cosine_scores, verify
from faceray.inference.detector import load_detector
from faceray.results import embeddings, read_faces, read_images
from faceray.vision.mtcnn import MtcnnOptions


def lfw(labels: str, folder: Path) -> str:
    """The face nearest to the middle of each picture stands for the person whom the folder names."""
    images = {row["image_id"]: row for row in read_images(labels, ["image_id", "uri", "width", "height"]).to_pylist()}
    faces = read_faces(labels, ["image_id", "x1", "y1", "x2", "y2", "embedding"])
    vectors = embeddings(faces)
    chosen: dict[str, tuple[float, np.ndarray]] = {}
    for face, vector in zip(faces.drop_columns("embedding").to_pylist(), vectors, strict=True):
        image = images[face["image_id"]]
        x, y = (face["x1"] + face["x2"] - image["width"]) / 2, (face["y1"] + face["y2"] - image["height"]) / 2
        name = "/".join(image["uri"].split("/")[-2:])
        if name not in chosen or x * x + y * y < chosen[name][0]:
            chosen[name] = (x * x + y * y, vector)
    pairs = read_pairs(folder / "pairs.txt")
    result = verify(cosine_scores({name: vector for name, (_, vector) in chosen.items()}, pairs), pairs)
    rows = [
        ("images", len(images)),
        ("with a face", f"{len(chosen)} ({len(chosen) / len(images):.2%})"),
        ("accuracy, 10 folds", f"{result.accuracy:.4f} ± {result.accuracy_std:.4f}"),
        *((f"TAR at FAR {far:g}", f"{result.roc.tar_at(far):.4f}") for far in (1e-2, 1e-3)),
        ("equal error rate", f"{result.roc.eer:.4f}"),
        ("threshold (cosine)", f"{np.mean(result.thresholds):.3f}"),
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)


def detection(folder: Path) -> str:
    """Every photo that an XML file of the folder labels; IoU 0.5."""
    labels = {
        name: boxes for path in sorted(folder.glob("*_landmarks.xml")) for name, boxes in read_dlib_boxes(path).items()
    }
    photos = {name: decode((folder / name).read_bytes(), name, Limits()).pixels for name in labels}
    rows = []
    for size in (20, 40):
        reference, ours = MTCNN(keep_all=True, min_face_size=size), load_detector(MtcnnOptions(size))
        theirs = {name: reference.detect(photo)[0] for name, photo in photos.items()}
        found = {name: result.boxes for name, result in zip(photos, ours(list(photos.values())), strict=True)}
        for who, boxes in (("facenet-pytorch", theirs), ("faceray", found)):
            none = np.zeros((0, 4))
            result = agreement((labels[n], none if boxes[n] is None else np.array(boxes[n], float)) for n in labels)
            counts = f"{result.matched} of {result.labelled}", f"{result.matched} of {result.detected}"
            rows.append((size, who, f"{result.recall:.3f} ({counts[0]})", f"{result.precision:.3f} ({counts[1]})"))
    return tabulate(rows, headers=("min_face_size", "detector", "recall", "precision"), disable_numparse=True)


def main() -> None:
    match sys.argv[1:]:
        case ["lfw", labels, folder]:
            print(lfw(labels, Path(folder)))
        case ["detection", folder]:
            print(detection(Path(folder)))
        case _:
            raise UserError(str(__doc__))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
