"""The report of one training: a single static HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

import jinja2
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from markupsafe import Markup
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.models.card import ModelCard, card_from_json
from faceray.models.checkpoint import CARD
from faceray.models.networks import build_network
from faceray.results.charts import percent, signed
from faceray.results.contact_sheet import shorten
from faceray.storage import Folder, without_secrets
from faceray.training import outcome_sections
from faceray.training.held_out_faces import Place
from faceray.training.objectives.age import Age
from faceray.training.objectives.objective import Objective
from faceray.training.outcomes import Outcome, outcome
from faceray.training.recipe import Recipe
from faceray.training.records import METRICS, PREDICTIONS
from faceray.training.schedules import best_at
from faceray.training.training_figures import curves, number, word
from faceray.units import duration

REPORT = "report.html"
History = dict[str, NDArray[np.float64]]
_ERRORS = ("mae", "nme", "roll", "pitch", "yaw")  # figures that are not shares from 0 to 1
_LONGEST = 300  # characters of a setting


@dataclass(frozen=True)
class Chart:
    """Curves over the epochs."""

    title: str
    picture: Markup


@dataclass(frozen=True)
class Best:
    """The round whose network was kept, from 1: its epoch, and the value of the figure that decided."""

    round: int
    epoch: float
    value: float


@dataclass(frozen=True)
class Figures:
    """Held-out figures of tasks that have the same ones."""

    names: tuple[str, ...]
    rows: list[tuple[str, tuple[float, ...]]]


def write_report(output: Folder, recipe: Recipe, figures: Mapping[str, float], seconds: float) -> None:
    """Write `report.html`, one static page, from what a training left in `output`.

    What is missing there (`metrics.parquet`, `predictions.parquet`, `card.json`, the packs with their pictures) is
    missing on the page, which says so.

    Args:
        figures: held-out ones, `PART/TASK/FIGURE` -> value. seconds: that the training took.
    """
    history = {name: column.to_numpy() for name, column in _columns(_table(output, METRICS))}
    predictions, card = _table(output, PREDICTIONS), _card(output)
    outcomes, places, images = _outcomes(recipe, card, predictions)
    best = _best(recipe, history)
    part, by_task = _by_task(figures)
    missing = [name for name, found in ((METRICS, history), (PREDICTIONS, predictions), (CARD, card)) if not found]
    page = _template().render(
        recipe=recipe,
        card=card,
        part=part,
        headlines=[h for objective in recipe.objectives for h in _headline(objective, by_task)],
        figures=_tables(by_task),
        seconds=seconds,
        rounds=len(next(iter(history.values()), ())),
        best=best,
        missing=missing,
        facts=[(name, value) for name, value in _facts(recipe, card, places) if value],
        curves=list(_curves(recipe, history, best)),
        held_out=len(places),
        confusions=outcome_sections.confusions(outcomes),
        ages=outcome_sections.ages(outcomes),
        yes_or_no=outcome_sections.yes_or_no(outcomes),
        groupings=outcome_sections.groupings(outcomes, places),
        sheets=outcome_sections.sheets(outcomes, places, images),
        settings=list(_settings(recipe)),
    )
    output.write(REPORT, page.encode())


def _table(output: Folder, name: str) -> pa.Table | None:
    """A table; None where it is missing or has no rows."""
    try:
        table = pa.parquet.read_table(pa.BufferReader(output.read(name)))
    except (OSError, pa.ArrowInvalid):
        return None
    return table if table.num_rows else None


def _columns(table: pa.Table | None) -> Iterator[tuple[str, pa.ChunkedArray]]:
    yield from () if table is None else zip(table.column_names, table.columns, strict=True)


def _card(output: Folder) -> ModelCard | None:
    try:
        return card_from_json(output.read(CARD).decode())
    except (OSError, UserError):
        return None


def _outcomes(
    recipe: Recipe, card: ModelCard | None, table: pa.Table | None
) -> tuple[list[Outcome], list[Place], list[str]]:
    """How each task's answers turned out; where each held-out face lies, and what it is called."""
    if table is None or card is None:
        return [], [], []
    tasks = {task.name: task for task in card.tasks}
    outcomes = [
        outcome(objective, tasks[name], _matrix(table[name]), _matrix(table[f"{name}_truth"]))
        for objective in recipe.objectives
        if (name := objective.name) in tasks and name in table.column_names
    ]
    places = list(zip(table["pack"].to_pylist(), table["row"].to_pylist(), strict=True))
    return outcomes, places, table["image"].to_pylist()


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Lists of equal length, one at least -> (n, length)."""
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float64).reshape(len(column), -1)


def _by_task(figures: Mapping[str, float]) -> tuple[str, dict[str, dict[str, float]]]:
    """`test/age/mae` -> the part, and the figures of each task."""
    part, found = "", dict[str, dict[str, float]]()
    for name, value in figures.items():
        if name.count("/") == 2:
            part, task, figure = name.split("/")
            found.setdefault(task, {})[figure] = value
    return part, found


def _tables(by_task: Mapping[str, Mapping[str, float]]) -> list[Figures]:
    kinds = dict.fromkeys(tuple(figures) for figures in by_task.values())
    return [
        Figures(names, [(task, tuple(f.values())) for task, f in by_task.items() if tuple(f) == names])
        for names in kinds
    ]


def _headline(objective: Objective, by_task: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, str, str]]:
    """A task's foremost figure: its name, value and unit."""
    name, figure = objective.name, objective.figure
    if figure in by_task.get(name, {}):
        unit = "years" if isinstance(objective, Age) and figure == "mae" else ""
        yield f"{name}, {word(figure)}", number(by_task[name][figure]), unit


def _best(recipe: Recipe, history: History) -> Best | None:
    watch, higher = recipe.watched
    if watch not in history or "epoch" not in history:
        return None
    found = best_at(history[watch].tolist(), recipe.improvement, higher)
    return None if found is None else Best(found + 1, float(history["epoch"][found]), float(history[watch][found]))


def _curves(recipe: Recipe, history: History, best: Best | None) -> Iterator[Chart]:
    """Losses, then the figures of each task: errors and shares apart; and the learning rate."""
    if "epoch" not in history:
        return
    names = [objective.name for objective in recipe.objectives]
    sets: dict[str, dict[str, str]] = {"loss": {"training": "train/loss", "validation": "loss"}}
    for name in names:
        keys = [key.removeprefix(f"{name}/") for key in history if key.startswith(f"{name}/")]
        errors = [key for key in keys if key in _ERRORS]
        shares = [key for key in keys if key not in (*_ERRORS, "loss")]
        for title, some in (("error", errors), ("figures", shares)):
            sets[f"{name}: {title}"] = {word(key): f"{name}/{key}" for key in some}
        if len(names) > 1:
            sets[f"{name}: loss"] = {"training": f"train/{name}", "validation": f"{name}/loss"}
    sets["learning rate"] = {"learning rate": "learning_rate"}
    for title, lines in sets.items():
        known = {line: history[key] for line, key in lines.items() if key in history}
        if any(np.isfinite(values).any() for values in known.values()):
            yield Chart(title, curves(title, history["epoch"], known, best.epoch if best else None))


def _facts(recipe: Recipe, card: ModelCard | None, places: Sequence[Place]) -> Iterator[tuple[str, str]]:
    """What was trained on what."""
    network = recipe.network
    yield "original", "" if recipe.original is None else str(recipe.original)
    yield "network", network.name
    if card:
        yield "weights", f"{sum(p.numel() for p in build_network(card).parameters()):,}"
    yield "sees", f"{network.crop.kind} crops of {network.crop.size} pixels, {network.colour}"
    yield "tasks", ", ".join(objective.name for objective in recipe.objectives)
    if card:
        yield "trained on", card.training_data
    yield "judged on", ", ".join(without_secrets(p) for p in sorted({pack for pack, _ in places}))
    if card:
        yield "licence", card.licence
        yield "intended use", card.intended_use
        yield "limitations", card.limitations


def _settings(record: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field of the recipe by its path, as `--set` takes it."""
    for field in fields(record):
        value, name = getattr(record, field.name), f"{path}{field.name}"
        if is_dataclass(value):
            yield from _settings(value, f"{name}.")
        elif isinstance(value, tuple) and value and all(is_dataclass(item) for item in value):
            for item in value:
                yield from _settings(item, f"{name}.{getattr(item, 'name', '')}.")
        else:
            yield name, shorten(str(value), _LONGEST)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("faceray", "results"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (number, word, percent, signed, duration)
    environment.filters |= {function.__name__: function for function in filters}
    return environment.get_template("training_report.html")
