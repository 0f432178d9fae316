"""A checkpoint as one file for other runtimes: `python jobs/export.py --checkpoint DIR --output FILE.onnx`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import export

if __name__ == "__main__":
    leave(run(export, sys.argv[1:]))
