"""The train job: from a recipe and packs to a checkpoint, its figures and a report."""

import hashlib
import json
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any, Self

import numpy as np
from tabulate import tabulate

from faceray import __version__
from faceray.errors import UserError
from faceray.progress import Progress, say
from faceray.storage import Folder
from faceray.train_options import TrainOptions
from faceray.training.catalogue import with_tasks
from faceray.training.news import News, Prelude
from faceray.training.recipe import Recipe
from faceray.training.recipes import RECIPES, recipe
from faceray.training.session import Job, as_json, read_packs
from faceray.training.training_report import write_report
from faceray.typed_json import changed

RECORD = "train.json"  # options and recipe, figures when it is done


def chosen_recipe(options: TrainOptions) -> Recipe:
    """The recipe with the tasks and fields that the options ask for.

    Raises:
        UserError: no such recipe, task or field, or a value that does not fit.
    """
    found = with_tasks(recipe(options.recipe), tuple(t.strip() for t in options.tasks.split(",") if t.strip()))
    for text in options.set:
        path, _, value = text.partition("=")
        found = changed(found, path.strip(), value)
    return found


def train(options: TrainOptions) -> dict[str, float]:
    """Train, or go on. Returns the held-out figures; of a cross-validation `NAME` and `NAME/std` over its folds.

    Raises:
        UserError: recipe, packs, output or cluster is not what it should be.
    """
    plan = chosen_recipe(options)
    folds: list[int | None] = [None] if not plan.folds else [plan.fold] if plan.fold >= 0 else list(range(plan.folds))
    output = Folder.at(options.output)
    record = _claim(output, options, plan)
    for fold in folds:
        read_packs(plan, options.packs, fold)  # what is wrong with them is said before anything starts
    figures = [_fold(options, plan, output if fold is None else output / f"fold-{fold}", fold) for fold in folds]
    summary = figures[0] if len(figures) == 1 else _summary(figures)
    _write(output, {**record, "state": "finished", "figures": summary})
    return summary


def _claim(output: Folder, options: TrainOptions, plan: Recipe) -> dict[str, Any]:
    """Make sure that what the output holds is this very training, or nothing."""
    identity = {"recipe": as_json(plan), "packs": [Folder.at(pack).uri for pack in options.packs]}
    key = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
    record = {"faceray": __version__, "key": key, "state": "running", "options": asdict(options), **identity}
    names = output.names()
    if names and RECORD not in names and not options.overwrite:
        raise UserError(f"{output.uri} holds files that are not of a training: choose another output")
    if RECORD in names:
        before = json.loads(output.read(RECORD))
        same = before.get("key") == key
        if (not same or before.get("state") == "finished") and not options.overwrite:
            what = "this training, finished" if same else "another training"
            raise UserError(f"{output.uri} holds {what}: choose another output or say --overwrite")
        if options.overwrite:
            for name in names:
                output.remove(name)
    _write(output, record)
    return record


def _write(output: Folder, record: dict[str, Any]) -> None:
    output.write(RECORD, json.dumps(record, indent=2, default=str).encode() + b"\n")


def _fold(options: TrainOptions, plan: Recipe, output: Folder, fold: int | None) -> dict[str, float]:
    from faceray.cluster import cluster  # Ray takes seconds to import
    from faceray.trainer import WORKER_ENVIRONMENT, crew, train

    job = Job(replace(plan, fold=-1 if fold is None else fold), options.packs, output.uri, fold, options.cache or None)
    title = plan.name if fold is None else f"{plan.name}, fold {fold}"
    say(f"{title}: starting workers")
    started = time.monotonic()
    with cluster(options.address, WORKER_ENVIRONMENT), _Show(plan) as show:
        figures = train(job, crew(options.workers, options.device), options.restarts, show)
    write_report(output, plan, figures, time.monotonic() - started)
    return figures


class _Show:
    """Shows where the training is: pictures made ready, then steps of all, epoch, loss, the watched figure."""

    def __init__(self, plan: Recipe) -> None:
        self.plan, self.what, self.bars = plan, "", ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.close()

    def _bar(self, what: str, unit: str) -> Progress:
        if what != self.what:
            self.bars.close()
            self.what, self.bar = what, self.bars.enter_context(Progress(None, what, unit))
        return self.bar

    def __call__(self, news: News | Prelude) -> None:
        if isinstance(news, Prelude):
            self._bar(news.what, "pictures").show(news.done, news.total)
            return
        figure = self.plan.watched[0]
        known = {f"val/{figure}": news.figures[figure]} if figure in news.figures else {}
        epoch = f"{news.epoch}/{news.epochs}"
        self._bar("train", "steps").show(news.step, news.steps, epoch=epoch, loss=news.loss, **known)


def _summary(folds: list[dict[str, float]]) -> dict[str, float]:
    names = [name for name in folds[0] if all(name in figures for figures in folds)]
    values = {name: np.array([figures[name] for figures in folds]) for name in names}
    means = {name: float(v.mean()) for name, v in values.items()}
    return {**means, **{f"{name}/std": float(v.std(ddof=1)) for name, v in values.items()}}


def closing(figures: dict[str, float]) -> str:
    """The figures as a table, and the foremost in a line: `MAE 5.43`."""
    rows = [(name, f"{value:.4f}") for name, value in figures.items()]
    foremost = [(n, v) for n, v in figures.items() if n.rpartition("/")[2] in ("mae", "accuracy", "auc", "nme")]
    told = ", ".join(f"{name.split('/')[1]} {_spoken(name)} {value:.4g}" for name, value in foremost)
    return f"{tabulate(rows, tablefmt='plain')}\n{told}"


def _spoken(name: str) -> str:
    last = name.rpartition("/")[2]
    return last.upper() if last in ("mae", "nme", "auc") else last


def listing() -> str:
    """The recipes, and what they need."""
    found = [make() for make in RECIPES.values()]
    rows = [("" if r.original is None else r.original, r.name, r.network.name, r.about, r.needs) for r in found]
    return tabulate(
        rows, headers=("original", "recipe", "network", "what", "needs"), maxcolwidths=[None, None, None, 44, 44]
    )
