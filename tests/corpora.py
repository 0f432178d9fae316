"""Small corpora for whole runs, and what must come out of them."""

from dataclasses import dataclass
from pathlib import Path

from faceray.corpus.status import Status
from faceray.options import SUFFIXES
from tests.corpus.broken_images import broken_images
from tests.corpus.images import good_images, sample_picture
from tests.faces import astronaut, group, jpeg, portrait, scenery

_ENDINGS = tuple(f".{suffix}" for suffix in SUFFIXES.split(","))


@dataclass(frozen=True)
class Expected:
    """How an image must end."""

    status: Status
    faces: int


def mixed_corpus(folder: Path) -> dict[str, Expected]:
    """Faces, landscapes, all kinds of files and broken ones, with odd names; by path below the folder."""
    pictures = {
        "astronaut.jpg": (jpeg(astronaut()), 1),
        "people/one 50% #1.jpg": (jpeg(portrait(200)), 1),
        "people/new\nline.jpg": (jpeg(portrait(160, mirrored=True)), 1),
        "people/三人 🙂.JPG": (jpeg(group(160, 90, 120)), 3),
        "people/no ending": (jpeg(group(120, 120)), 2),
        "nature/valley.jpeg": (jpeg(scenery()), 0),
        "nature/pixel.jpg": (jpeg(scenery(1, 1)), 0),
    }
    files = {name: (data, Expected(Status.OK, faces)) for name, (data, faces) in pictures.items()}
    sample = sample_picture()
    broken = broken_images(sample)
    files |= {_listed(f"good/{name}"): (data, Expected(Status.OK, 0)) for name, data in good_images(sample).items()}
    files |= {_listed(f"broken/{name}"): (data, Expected(status, 0)) for name, (data, status) in broken.items()}
    for name, (data, _) in files.items():
        write(folder / name, data)
    write(folder / "notes.md", b"not an image")
    write(folder / ".hidden.jpg", jpeg(astronaut()))
    return {name: expected for name, (_, expected) in files.items()}


def _listed(name: str) -> str:
    """A name that counts as an image's, whatever is in the file."""
    return name if name.lower().endswith(_ENDINGS) else f"{name}.jpg"


def crowd(folder: Path, count: int) -> dict[str, Expected]:
    """So many different small portraits, every ninth file broken, every seventh without a face."""
    expected = {}
    for index in range(count):
        broken, empty = index % 9 == 5, index % 7 == 3
        picture = scenery(100, 100 + index) if empty else portrait(90 + index % 30, index % 2 == 1)
        data = jpeg(picture, quality=60 + index % 35)
        write(folder / f"{index:03}.jpg", data[: len(data) // 2] if broken else data)
        status = Status.TRUNCATED if broken else Status.OK
        expected[f"{index:03}.jpg"] = Expected(status, int(not broken and not empty))
    return expected


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
