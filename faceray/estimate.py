"""`--dry-run`: what there is to do and how long it may take, from earlier runs here or from a rule of thumb."""

import os
from typing import Any

from tabulate import tabulate

from faceray.annotate import prepare
from faceray.options import AnnotateOptions
from faceray.results.manifest import read_manifests
from faceray.storage import Folder
from faceray.units import duration, in_units

# Decoding, detecting and embedding of photos of 1.3 megapixels on one core: `scripts/bench.py`, rounded up.
_SECONDS_PER_IMAGE = 0.12
_FACES_PER_IMAGE = 1.3


def estimate(options: AnnotateOptions) -> str:
    """A table in words. Nothing is started and nothing is written.

    Raises:
        UserError: as `annotate` would.
    """
    run, _ = prepare(options, write_plan=False)
    plan = run.plan
    seconds, faces, basis = _rates(read_manifests(Folder.at(options.output)))
    rows = [
        ("images listed", f"{plan.listed:,}"),
        ("other files passed over", f"{run.ignored:,}"),
        ("listed twice", f"{plan.duplicates:,}"),
        *((f"- {reason.replace('_', ' ')}", f"{count:,}") for reason, count in sorted(plan.by_reason.items())),
        *((f"- {name}", f"{len(ids):,}") for name, ids in (("gone", plan.gone), ("back", plan.back)) if len(ids)),
        ("to do now", f"{plan.planned:,}"),
        ("bytes to read", in_units(plan.bytes)),
        ("faces, about", f"{plan.planned * faces:,.0f}"),
        ("time, about", duration(plan.planned * seconds)),
        ("estimated from", basis),
        ("models", run.models.fingerprint),
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)


def _rates(manifests: list[dict[str, Any]]) -> tuple[float, float, str]:
    """Seconds and faces per image, and where they are from."""
    for manifest in reversed(manifests):
        written = manifest["counts"]["written"]
        if written >= 20:
            return (
                manifest["seconds"] / written,
                manifest["counts"]["faces"] / written,
                f"run {manifest['run_id']} here",
            )
    cores = os.cpu_count() or 1
    return _SECONDS_PER_IMAGE / cores, _FACES_PER_IMAGE, f"a rule of thumb for {cores} CPU cores without GPU"
