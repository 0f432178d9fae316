"""Write embeddings for other programs: `python jobs/extract.py --faces LABELS --output FILES`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import extract

if __name__ == "__main__":
    leave(run(extract, sys.argv[1:]))
