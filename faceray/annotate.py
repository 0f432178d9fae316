"""The annotate job: label a corpus, or go on labelling it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from faceray.corpus.before import Before
from faceray.corpus.decode import Limits
from faceray.corpus.loading import load_picture
from faceray.corpus.plan import make_plan
from faceray.corpus.source import Source
from faceray.errors import TooManyErrors, UserError
from faceray.forgotten import forgotten
from faceray.log import bind
from faceray.models.zoo import load_models
from faceray.options import AnnotateOptions
from faceray.progress import Progress, say
from faceray.results.committer import Committer
from faceray.results.manifest import new_run_id
from faceray.results.report import render_report
from faceray.results.table import Patch
from faceray.run import Run
from faceray.storage import Folder, StorageOptions, without_secrets

REPORT = "report.html"
_PLAN = ".plan"


def annotate(options: AnnotateOptions) -> dict[str, Any]:
    """Label what has not been labelled yet. Returns the run's manifest, as saved in `runs/RUN_ID.json`.

    A run that is stopped, or dies, loses only what it had not committed; the next one goes on from there.

    Raises:
        UserError: input, output, a network or the cluster is not what it should be.
    """
    run, committer = prepare(options, write_plan=True)
    runs = run.output / "runs"
    try:
        if not run.plan.listed:
            raise UserError(f"no images at {options.input} ({run.ignored} files passed over: see --suffixes)")
        if not run.plan.planned and not run.plan.marks:
            return run.manifest("nothing to do")
        committer.claim()
        _mark(run, committer)
        if not run.plan.planned:
            return run.save("finished")
        say(f"{run.plan.planned:,} of {run.plan.listed:,} images to do; starting workers")
        for name in runs.names():  # of runs that were killed
            if name.endswith(_PLAN) and name != f"{run.id}{_PLAN}":
                runs.remove(name)
        _work(run, committer)
        reached = options.input_storage or options.storage
        write_run_report(run.output, committer, manifest := run.save("finished"), options.limits, reached)
        return manifest
    finally:
        runs.remove(f"{run.id}{_PLAN}")


def prepare(options: AnnotateOptions, write_plan: bool) -> tuple[Run, Committer]:
    """Check everything that can be checked, and plan. Only the plan is written, and only if asked for.

    Raises:
        UserError: input, output, a network or a table is not what it should be.
    """
    run_id = new_run_id()
    bind(run_id=run_id)
    output = Folder.at(options.output, options.storage)
    ours = [output / name for name in ("images", "faces", "runs")]
    reached = options.input_storage or options.storage
    output.check_reachable()
    source = Source(options.input, options.suffixes, ours, reached, options.video, options.limits)
    models = load_models(options.detector, options.embedding, options.checkpoints, options.precision)
    committer = Committer(output, options.commit_seconds)
    folder = output / "runs" / f"{run_id}{_PLAN}"
    if write_plan:
        (output / "runs").check_writable()
        if committer.torn:
            committer.claim()  # what it takes away is to be done by this run's plan
    done = committer.images.dataset() if committer.images.delta else None
    before = Before(committer.faces.dataset() if done else None, forgotten(output), source.covers)
    with Progress(None, "listing") as progress:
        plan = make_plan(
            source, done, models.fingerprint, options.limit, folder if write_plan else None, progress.show, before
        )
    told = replace(options, input=without_secrets(options.input), output=without_secrets(options.output))
    return Run(run_id, output, told, models, plan, folder, source.ignored), committer


def _mark(run: Run, committer: Committer) -> None:
    """Write down what is known of images without looking at them."""
    plan = run.plan
    marks = {
        "gone": Patch(plan.gone, "gone_at", datetime.now(UTC)),
        "back": Patch(plan.back, "gone_at", None),
        "relabelled": Patch(plan.relabelled, "models", run.models.fingerprint),
    }
    marks = {what: patch for what, patch in marks.items() if len(patch.images)}
    if marks:
        committer.mark(list(marks.values()))
        say("images marked: " + ", ".join(f"{len(patch.images):,} {what}" for what, patch in marks.items()))


def _work(run: Run, committer: Committer) -> None:
    """Run the pipeline and commit what it writes; the manifest is kept up to date on the way."""
    from faceray.cluster import cluster  # Ray takes seconds to import: not before there is work
    from faceray.metrics import RunMetrics
    from faceray.pipeline import annotate as pipeline
    from faceray.pools import share_out

    run.save("running")
    try:
        with cluster(run.options.address), Progress(run.plan.planned) as progress:
            pools = share_out(run.options.workers, run.options.device)
            run.workers = pools.workers
            metrics = RunMetrics(run.plan.planned, pools.workers, pools.device)
            for report in pipeline(run.plan, run.plan_folder, run.output, run.id, run.models, run.options, pools):
                run.tally.add(report)
                metrics.add(report)
                if committer.add(report):
                    run.save("running")
                progress.show(run.tally.images, faces=run.tally.faces, errors=run.tally.errors)
                if reason := run.tally.too_many_errors(run.options.max_error_rate):
                    raise TooManyErrors(f"{reason}; --max-error-rate allows {run.options.max_error_rate:.1%}")
            committer.close()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | TooManyErrors):
            committer.flush()
        run.save("failed" if isinstance(error, TooManyErrors) else "stopped")
        raise


def write_run_report(
    output: Folder, committer: Committer, manifest: dict[str, Any], limits: Limits, reached: StorageOptions
) -> None:
    """`report.html` over what the run wrote, with its figures; pictures are fetched from where they are `reached`."""

    def open_image(uri: str) -> np.ndarray:
        return load_picture(uri, limits, reached).pixels

    page = render_report(committer.images.dataset(), committer.faces.dataset(), manifest, open_image)
    output.write(REPORT, page.encode())
