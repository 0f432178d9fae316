"""Search a gallery for every probe: `python jobs/match.py --probes LABELS --gallery GALLERY --output MATCHES`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import match

if __name__ == "__main__":
    leave(run(match, sys.argv[1:]))
