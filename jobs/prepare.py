"""Make a labelled set ready for training: `python jobs/prepare.py --dataset utkface --source DIR --output PACK`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import prepare

if __name__ == "__main__":
    leave(run(prepare, sys.argv[1:]))
