"""Label a small corpus made from pictures that scikit-image ships, and find one person again by a gallery.

python scripts/demo.py [FOLDER]
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import skimage
from PIL import Image
from tabulate import tabulate

from faceray.annotate import annotate
from faceray.build_gallery import build_gallery
from faceray.cli import leave
from faceray.gallery_options import GalleryOptions
from faceray.match import match
from faceray.match_options import MatchOptions
from faceray.options import AnnotateOptions
from faceray.results import read_images
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


def find_again(folder: Path, labels: str) -> str:
    """A gallery of one person from one photo, and every face of the corpus searched in it, as a table in words."""
    names, gallery, matches = folder / "names.csv", folder / "gallery", folder / "matches"
    names.write_text("identity,uri\nastronaut,photos/portrait.jpg\n")
    only = "uri LIKE '%/portrait.jpg'"
    build_gallery(GalleryOptions(faces=labels, output=str(gallery), identities=str(names), where=only))
    match(MatchOptions(labels, str(matches), str(gallery), top=1, threshold=SAME_PERSON, where=f"NOT {only}"))
    rows = pq.read_table(matches / "matches").sort_by([("score", "descending")]).to_pylist()
    table = [(r["probe_uri"].rsplit("/", 1)[-1], r["identity"] if r["accepted"] else "", r["score"]) for r in rows]
    return tabulate(table, headers=("photo", "who", "similarity"), floatfmt=".2f")


def failures(output: str) -> str:
    """The images without a result, and why."""
    rows = [row for row in read_images(output, ["uri", "status", "error"]).to_pylist() if row["status"] != "ok"]
    return tabulate(
        [[r["uri"].rsplit("/", 1)[-1], r["status"], r["error"]] for r in rows], headers=["photo", "status", ""]
    )


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo")
    shutil.rmtree(folder, ignore_errors=True)
    build_corpus(folder / "photos")
    labels = str(folder / "labels")
    manifest = annotate(AnnotateOptions(input=str(folder / "photos"), output=labels))
    found = find_again(folder, labels)
    print(f"\nA gallery of the person in portrait.jpg, and all other faces searched in it:\n\n{found}")
    print(f"\nNot every file was a photo:\n\n{failures(labels)}\n\n{summary_text(manifest, labels)}")
    print(f"\nThe photos are in {folder}/photos. Open in a browser:")
    print(f"  {labels}/report.html\n  {folder}/matches/report.html")


if __name__ == "__main__":
    main()
    leave(0)
