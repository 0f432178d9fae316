"""Files of a data set: found in a fixed order, read with a limit, named relative to the set's root."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceray.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp"})
TEXT_LIMIT = 1 << 30  # bytes; the largest official list (MS1M's) has some 400 MB


def relative(path: Path, root: Path) -> str:
    """The path below `root` with forward slashes; the whole path where it lies elsewhere."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def is_image(path: Path) -> bool:
    """Whether the name has the suffix of an image and is not hidden (`._x.jpg` holds no pixels)."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def images_below(folder: Path) -> list[Path]:
    """All image files in a folder and its subfolders, sorted.

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder")
    return sorted(path for path in folder.rglob("*") if is_image(path) and path.is_file())


def first_existing(root: Path, *names: str) -> Path:
    """The first of `names` that exists below `root`.

    Raises:
        UserError: none does.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    raise UserError(f"{root} has no {' or '.join(names)}")


def read_text(path: Path, limit: int = TEXT_LIMIT) -> str:
    """A whole text file, UTF-8; without a byte order mark.

    Raises:
        UserError: it is absent, larger than `limit` bytes or not UTF-8.
    """
    try:
        if path.stat().st_size > limit:
            raise UserError(f"{path} has more than {limit} bytes: not a list of this set")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, without their ends.

    Raises:
        UserError: as `read_text`.
    """
    return read_text(path).splitlines()


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes `path` when all went well and is removed when not.

    Raises:
        UserError: `path` exists already, or cannot be written.
    """
    if path.exists():
        raise UserError(f"{path} exists already")
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"")  # also where a crash left one
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}") from error
    try:
        yield part
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
