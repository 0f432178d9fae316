"""The closing words of a run."""

from typing import Any

from tabulate import tabulate


def summary_text(manifest: dict[str, Any], output: str) -> str:
    """A table of the counts that matter, and where to look."""
    counts = manifest["counts"]
    gone = [(name, f"{counts[name]:,}") for name in ("gone", "back", "forgotten", "relabelled") if counts[name]]
    if not manifest["stages"]:
        marked = f"; marked: {', '.join(f'{n} {name}' for name, n in gone)}" if gone else ""
        return f"nothing to do: all {counts['listed']:,} images listed are in {output} already{marked}"
    statuses = [(f"- {status}", f"{n:,}") for status, n in counts["by_status"].items()]
    stages = [f"{s['name']} {s['utilisation']:.0%}" for s in manifest["stages"]]
    rows = [
        ("images listed", f"{counts['listed']:,}"),
        ("done before", f"{counts['already_done']:,}"),
        *gone,
        ("written", f"{counts['written']:,}"),
        *statuses,
        ("faces", f"{counts['faces']:,}"),
        ("seconds", f"{manifest['seconds']:,.1f}"),
        ("images per second", f"{manifest['images_per_second']:,.1f}"),
        ("busy", ", ".join(stages)),
        ("bottleneck", manifest["bottleneck"]),
        ("report", f"{output.rstrip('/')}/report.html"),
        ("manifest", f"{output.rstrip('/')}/runs/{manifest['run_id']}.json"),
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)
