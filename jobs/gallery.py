"""Build a gallery of known faces: `python jobs/gallery.py --faces LABELS --output GALLERY`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import gallery

if __name__ == "__main__":
    leave(run(gallery, sys.argv[1:]))
