"""Upkeep of tables, and forgetting of pictures: `python jobs/maintain.py --output TABLES [--forget …]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import maintain

if __name__ == "__main__":
    leave(run(maintain, sys.argv[1:]))
