"""A pack in the formats of others: `python jobs/export_pack.py --pack PACK --format lmdb --output DIR`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import export_pack

if __name__ == "__main__":
    leave(run(export_pack, sys.argv[1:]))
