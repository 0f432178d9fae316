"""Train by a recipe: `python jobs/train.py --recipe c3ae --data PACK --output CHECKPOINT --set epochs=8`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import train

if __name__ == "__main__":
    leave(run(train, sys.argv[1:]))
