"""Folders of painted pictures."""

from pathlib import Path

from PIL import Image

from tests.exporting.networks import painted


def painted_folder(folder: Path, count: int, seed: int = 1000) -> str:
    """PNG files `000.png`, …; see `painted`."""
    folder.mkdir()
    for number, picture in enumerate(painted(count, seed)[0]):
        Image.fromarray(picture).save(folder / f"{number:03d}.png")
    return str(folder)
