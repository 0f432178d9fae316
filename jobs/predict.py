"""What checkpoints say of a list of pictures: `python jobs/predict.py --models DIR --input LIST.txt --output DIR`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import predict

if __name__ == "__main__":
    leave(run(predict, sys.argv[1:]))
