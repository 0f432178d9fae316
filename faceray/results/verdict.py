"""Did a run go well: its counts must add up, and most of its images must have been usable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from faceray.corpus.status import Status
from faceray.results.charts import percent

_SOMEBODY_SHOULD_LOOK = (  # not the fault of the files
    Status.FORBIDDEN,
    Status.FETCH_ERROR,
    Status.FAILED,
    Status.CRASHED,
    Status.TIMEOUT,
)
_MANY_UNUSABLE = 0.05  # of all images; a corpus normally has fewer

_SUMS = (
    ("listed", ("already done", "planned", "deferred")),
    ("planned", ("written",)),
    ("written", ("sum over statuses",)),
    ("written", ("rows of the run in images",)),
    ("faces", ("rows of the run in faces",)),
    ("rows of the run in faces", ("sum of their face_count",)),
)


@dataclass(frozen=True)
class Account:
    """One sum that must hold, with its figures."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Verdict:
    """A run in one sentence; `check` means that somebody should look at the page."""

    level: Literal["good", "check", "bad"]
    text: str


def check_accounts(manifest: Mapping[str, Any], images: int, faces: int, face_count: int) -> list[Account]:
    """The sums that must hold, as far as the manifest has their terms.

    Args:
        manifest: contents of `runs/RUN_ID.json`.
        images: rows that the run has in the images table.
        faces: rows that it has in the faces table.
        face_count: sum of the column `face_count` over its images.
    """
    terms = {name.replace("_", " "): n for name, n in (manifest.get("counts") or {}).items() if isinstance(n, int)}
    if "by_status" in (manifest.get("counts") or {}):
        terms["sum over statuses"] = sum(manifest["counts"]["by_status"].values())
    if "run_id" in manifest:
        terms |= {"rows of the run in images": images, "rows of the run in faces": faces}
        terms["sum of their face_count"] = face_count
    return [_account(terms, left, right) for left, right in _SUMS if {left, *right} <= terms.keys()]


def judge(manifest: Mapping[str, Any], statuses: Mapping[str, int], accounts: Sequence[Account]) -> Verdict:
    """The verdict on a run.

    Args:
        manifest: contents of `runs/RUN_ID.json`.
        statuses: number of the run's images by status; empty if it wrote none.
        accounts: of `check_accounts`.
    """
    images = sum(statuses.values())
    unusable = images - statuses.get(Status.OK, 0)
    look = {status: statuses[status] for status in _SOMEBODY_SHOULD_LOOK if statuses.get(status)}
    if "started_at" in manifest and not manifest.get("finished_at"):
        return Verdict("bad", "The run has not finished.")
    if not all(account.holds for account in accounts):
        return Verdict("bad", "The counts do not add up: see the sums below.")
    if not images:
        done = (manifest.get("counts") or {}).get("already_done")
        return Verdict("good", "Nothing new.") if done else Verdict("check", "No images at all: is the input right?")
    if unusable == images:
        return Verdict("bad", f"None of the {images:,} images could be used.")
    if look:
        which = ", ".join(f"{n:,} {status}" for status, n in look.items())
        return Verdict("check", f"Some images failed for reasons outside their files: {which}.")
    if unusable > _MANY_UNUSABLE * images:
        return Verdict("check", f"Many images could not be used: {unusable:,} ({percent(unusable, images)}).")
    return Verdict("good", f"{images - unusable:,} of {images:,} images were searched for faces.")


def _account(terms: Mapping[str, int], left: str, right: Sequence[str]) -> Account:
    def side(names: Sequence[str]) -> str:
        return " + ".join(f"{name} {terms[name]:,}" for name in names)

    return Account(f"{side([left])} = {side(right)}", terms[left] == sum(terms[name] for name in right))
