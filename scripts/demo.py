"""Label a small corpus made from pictures that scikit-image ships, and find one person again.

python scripts/demo.py [FOLDER]
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import skimage
from PIL import Image
from tabulate import tabulate

from faceray.annotate import annotate
from faceray.cli import leave
from faceray.options import AnnotateOptions
from faceray.results import embeddings, read_faces, read_images
from faceray.results.summary_text import summary_text

# Cosine similarity from which two SFace embeddings are taken for one person: see "Identity" in the README.
SAME_PERSON = 0.36


def build_corpus(folder: Path) -> None:
    """Portraits, a group, rotated, tiny, damaged and duplicate pictures, and some without a face."""
    folder.mkdir(parents=True, exist_ok=True)
    person = skimage.data.astronaut()
    for name, picture in _variants(person).items():
        Image.fromarray(picture).save(folder / name)
    sideways = Image.Exif()
    sideways[0x0112] = 6  # to be turned clockwise by who shows it
    Image.fromarray(np.ascontiguousarray(np.rot90(person))).save(folder / "camera_held_sideways.jpg", exif=sideways)
    for name in ("chelsea", "coffee", "rocket", "page"):
        Image.fromarray(getattr(skimage.data, name)()).save(folder / f"no_face_{name}.jpg")
    portrait = (folder / "portrait.jpg").read_bytes()
    (folder / "duplicate.jpg").write_bytes(portrait)
    (folder / "broken_truncated.jpg").write_bytes(portrait[: len(portrait) // 2])
    (folder / "broken_empty.jpg").write_bytes(b"")
    (folder / "broken_web_page.jpg").write_text("<html><body>404 Not Found</body></html>")
    (folder / "png_named.jpg").write_bytes((folder / "grey.png").read_bytes())


def _variants(person: np.ndarray) -> dict[str, np.ndarray]:
    height, width, _ = person.shape
    group = cv2.resize(skimage.data.coffee(), (1200, 700))
    for x, y, side in ((60, 80, 512), (600, 250, 320), (950, 420, 180)):
        group[y : y + side, x : x + side] = cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA)
    crowd = np.full((400, 640, 3), 200, np.uint8)
    for i in range(6):
        tile = cv2.resize(person, (130, 130), interpolation=cv2.INTER_AREA)
        crowd[30 + 180 * (i // 3) :, 40 + 200 * (i % 3) :][:130, :130] = tile
    tilt = cv2.getRotationMatrix2D((width / 2, height / 2), 25, 0.8)
    return {
        "portrait.jpg": person,
        "close_up.jpg": np.ascontiguousarray(person[0:260, 110:370]),
        "mirrored.webp": np.ascontiguousarray(person[:, ::-1]),
        "grey.png": cv2.cvtColor(person, cv2.COLOR_RGB2GRAY),
        "tilted.png": cv2.warpAffine(person, tilt, (width, height), borderValue=(90, 90, 90)),
        "dark.jpg": (person * 0.25).astype(np.uint8),
        "blurred.jpg": cv2.GaussianBlur(person, (0, 0), 4),
        "group.jpg": group,
        "tiny_faces.png": crowd,
    }


def find_again(output: Path) -> str:
    """Every face of the corpus by its similarity to that of portrait.jpg, as a table in words."""
    faces = read_faces(str(output))
    rows = faces.select(["uri", "face_index", "score", "quality", "yaw", "roll"]).to_pylist()
    for row, embedding in zip(rows, embeddings(faces), strict=True):
        row |= {"photo": row.pop("uri").rsplit("/", 1)[-1], "embedding": embedding}
    probe = next(row["embedding"] for row in rows if row["photo"] == "portrait.jpg")
    for row in rows:
        row["similarity"] = float(row.pop("embedding") @ probe)
        row["same person"] = "yes" if row["similarity"] >= SAME_PERSON else "no"
    rows.sort(key=lambda row: -row["similarity"])
    columns = ("photo", "face_index", "score", "quality", "yaw", "roll", "similarity", "same person")
    return tabulate([[row[c] for c in columns] for row in rows], headers=columns, floatfmt=".2f")


def failures(output: Path) -> str:
    """The images without a result, and why."""
    rows = [row for row in read_images(str(output), ["uri", "status", "error"]).to_pylist() if row["status"] != "ok"]
    return tabulate(
        [[r["uri"].rsplit("/", 1)[-1], r["status"], r["error"]] for r in rows], headers=["photo", "status", ""]
    )


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo")
    shutil.rmtree(folder, ignore_errors=True)
    build_corpus(folder / "photos")
    output = folder / "labels"
    manifest = annotate(AnnotateOptions(input=str(folder / "photos"), output=str(output)))
    print(f"\nThe person of portrait.jpg, looked for in every photo by embedding:\n\n{find_again(output)}")
    print(f"\nNot every file was a photo:\n\n{failures(output)}\n\n{summary_text(manifest, str(output))}")
    print(f"\nOpen {output}/report.html in a browser.")


if __name__ == "__main__":
    main()
    leave(0)
