"""Who is who in a whole corpus: `python jobs/cluster.py --faces LABELS --output IDENTITIES`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import cluster

if __name__ == "__main__":
    leave(run(cluster, sys.argv[1:]))
