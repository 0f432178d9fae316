"""Label every face of a corpus: `ray job submit --working-dir . -- python jobs/annotate.py --input … --output …`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the shipped folder comes before an installed faceray

from faceray.cli import leave, run
from faceray.commands import annotate

if __name__ == "__main__":
    leave(run(annotate, sys.argv[1:]))
