"""The annotate job: label a corpus, or go on labelling it."""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from faceray.corpus.decode import Limits, decode
from faceray.corpus.fetch import fetch
from faceray.corpus.plan import Plan, make_plan
from faceray.corpus.source import Source
from faceray.errors import UserError
from faceray.models.zoo import Models, load_models
from faceray.options import AnnotateOptions
from faceray.progress import Progress, say
from faceray.results.committer import Committer
from faceray.results.manifest import Tally, new_run_id, versions, write_manifest
from faceray.results.report import write_report
from faceray.storage import Folder

_REASONS = ("new", "changed", "retried", "model_changed", "already_done")
REPORT = "report.html"


@dataclass
class Run:
    """A run under way: where it writes, and what it knows so far."""

    id: str
    output: Folder
    options: AnnotateOptions
    models: Models
    plan: Plan
    ignored: int
    started: datetime
    seconds: float = 0.0
    tally: Tally | None = None
    workers: dict[str, int] | None = None

    def manifest(self, state: str) -> dict[str, Any]:
        """The content of `runs/RUN_ID.json`; `counts` add up: listed = already_done + planned + deferred."""
        tally = self.tally or Tally()
        stages = tally.stages(self.workers, self.seconds) if self.workers else []
        return {
            "run_id": self.id,
            "state": state,
            "started_at": self.started.isoformat(timespec="seconds"),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "faceray": versions()["faceray"],
            "versions": versions(),
            "options": asdict(self.options),
            "models": self.models.manifest(),
            "fingerprint": self.models.fingerprint,
            "counts": {
                "listed": self.plan.listed,
                "ignored": self.ignored,
                "duplicates": self.plan.duplicates,
                **{reason: self.plan.by_reason.get(reason, 0) for reason in _REASONS},
                "planned": self.plan.planned,
                "deferred": self.plan.deferred,
                "written": tally.images,
                "faces": tally.faces,
                "errors": tally.errors,
                "by_status": dict(sorted(tally.statuses.items())),
            },
            "images_per_second": round(tally.images / self.seconds, 3) if self.seconds else None,
            "stages": stages,
            "bottleneck": max(stages, key=lambda s: float(s["utilisation"]))["name"] if stages else None,
        }


def prepare(options: AnnotateOptions, write_plan: bool) -> tuple[Run, Committer]:
    """Check everything that can be checked, and plan. Only the plan is written, and only if asked for.

    Raises:
        UserError: input, output, a network or a table is not what it should be.
    """
    started, run_id = datetime.now(UTC), new_run_id()
    output = Folder.at(options.output)
    source = Source(options.input, options.suffixes, exclude=[output / name for name in ("images", "faces", "runs")])
    models = load_models(options.detector, options.embedding, options.checkpoints, options.precision)
    committer = Committer(output, options.commit_seconds)
    done = committer.images.dataset() if committer.images.delta else None
    folder = output / "runs" / f"{run_id}.plan" if write_plan else None
    if folder:
        (output / "runs").check_writable()
    with Progress(None, "listing") as progress:
        plan = make_plan(source, done, models.fingerprint, options.limit, folder, progress.show)
    return Run(run_id, output, options, models, plan, source.ignored, started), committer


def annotate(options: AnnotateOptions) -> dict[str, Any]:
    """Label what has not been labelled yet. Returns the run's manifest, as saved in `runs/RUN_ID.json`.

    A run that is stopped, or dies, loses only what it had not committed; the next one goes on from there.

    Raises:
        UserError: input, output, a network or the cluster is not what it should be.
    """
    from faceray.cluster import cluster, share_out  # Ray takes seconds to import: not before the plan is known
    from faceray.pipeline import annotate as pipeline

    run, committer = prepare(options, write_plan=True)
    plan_name = f"{run.id}.plan"
    try:
        if not run.plan.planned:
            if run.plan.listed == 0:
                raise UserError(f"no images at {options.input} ({run.ignored} files passed over: see --suffixes)")
            return run.manifest("nothing to do")
        start = time.monotonic()
        say(f"{run.plan.planned:,} of {run.plan.listed:,} images to do; starting workers")
        committer.claim()
        with cluster(options.address):
            pools = share_out(options.workers, options.device)
            run.workers = pools.workers
            plan_folder = run.output / "runs" / plan_name
            reports = pipeline(run.plan, plan_folder, run.output, run.id, run.models, options, pools)
            _work(run, committer, reports, start)
        manifest = run.manifest("finished")
        write_manifest(run.output, manifest)
        write_run_report(run.output, committer, manifest, options.limits)
        return manifest
    finally:
        (run.output / "runs").remove(plan_name)


def _work(run: Run, committer: Committer, reports: Any, start: float) -> None:
    run.tally = Tally()
    try:
        with Progress(run.plan.planned) as progress:
            for report in reports:
                committer.add(report)
                run.tally.add(report)
                run.seconds = time.monotonic() - start
                progress.show(run.tally.images, faces=run.tally.faces, errors=run.tally.errors)
        committer.close()
        run.seconds = time.monotonic() - start
    except BaseException:
        run.seconds = time.monotonic() - start
        write_manifest(run.output, run.manifest("stopped"))
        raise


def write_run_report(output: Folder, committer: Committer, manifest: dict[str, Any], limits: Limits) -> None:
    """`report.html` over all that the tables hold, with the run's figures."""

    def open_image(uri: str) -> np.ndarray:
        return decode(fetch(uri, limits), uri, limits).pixels

    path = f"{output.uri}/{REPORT}"
    write_report(committer.images.dataset(), committer.faces.dataset(), manifest, open_image, path)
