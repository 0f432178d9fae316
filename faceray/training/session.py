"""One training in a worker, for any feed of pictures: set up, rounds, the best network and its card."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import safetensors.torch
import torch

from faceray import __version__
from faceray.datasets.pack import read_card
from faceray.errors import UserError
from faceray.models.checkpoint import save_checkpoint
from faceray.models.networks import build_network
from faceray.models.trunks import load_pretrained
from faceray.storage import Folder
from faceray.training import world
from faceray.training.goals import Goals
from faceray.training.learner import Learner
from faceray.training.loop import Feeder, Loop
from faceray.training.mixing import batch_shares, steps_per_epoch
from faceray.training.news import News, Prelude
from faceray.training.objectives.objective import Objective
from faceray.training.pack_labels import PackLabels, read_labels
from faceray.training.pictures import Pictures, Shards
from faceray.training.recipe import Recipe
from faceray.training.records import write_history, write_predictions
from faceray.training.state import State, load_state
from faceray.training.stem_cache import StemCache, check_augmentation

Tell = Callable[[News | Prelude], None]
BEST = "best.safetensors"
# what a card says of weights, before there are any
UNKNOWN = {"licence": "", "training_data": "", "intended_use": "", "limitations": "", "version": ""}


@dataclass(frozen=True)
class Job:
    """What every worker is told.

    Attributes:
        packs: their addresses, in the recipe's order. output: where the results go.
        fold: of a cross-validation, else None.
        cache: folder for features of a trunk that never learns, see Network.cached.
    """

    recipe: Recipe
    packs: tuple[str, ...]
    output: str
    fold: int | None = None
    cache: str | None = None


def read_packs(recipe: Recipe, packs: Sequence[str], fold: int | None = None) -> list[PackLabels]:
    """The packs' labels, checked against the recipe.

    Raises:
        UserError: a pack is missing, shows another crop, or has too few samples.
    """
    columns = [column for objective in recipe.objectives for column in objective.columns]
    read = [read_labels(pack, columns) for pack in packs]
    wanted = recipe.network.crop
    for pack in read:
        if replace(pack.crop, size=wanted.size) != wanted:
            raise UserError(f"{pack.uri} shows {_words(pack.crop)}, recipe {recipe.name} needs {_words(wanted)}")
    if fold is not None:
        read = [pack.in_folds(recipe.folds, fold) for pack in read]
    sizes = [len(pack.rows("train")) for pack in read]
    try:
        steps_per_epoch(sizes, batch_shares(sizes, recipe.batch))
    except ValueError as error:
        raise UserError(f"{error}: set a smaller batch") from error
    return read


def _words(crop: Any) -> str:
    values = ", ".join(f"{name} {value}" for name, value in asdict(crop).items() if name != "size")
    return f"crops of {values}"


def objectives_for(recipe: Recipe, packs: Sequence[PackLabels]) -> tuple[Objective, ...]:
    """The recipe's objectives with what they count over the training samples.

    Raises:
        UserError: a task has no labelled sample.
    """
    train = pa.concat_tables([pack.labels.take(pa.array(pack.rows("train"))) for pack in packs])
    fitted = []
    for objective in recipe.objectives:
        try:
            ready = objective.fitted(train)
            known = bool(torch.isfinite(ready.encode(train)).any())
        except (ValueError, TypeError) as error:
            raise UserError(f"task {objective.name}: {error}") from error
        if not known:
            raise UserError(f"no training sample has a label for {objective.name} ({', '.join(objective.columns)})")
        fitted.append(ready)
    return tuple(fitted)


def make_loop(job: Job, feeder: Feeder, device: str, tell: Tell = lambda _: None) -> Loop:
    """Everything ready for the first step, or to go on from a checkpoint.

    Args:
        tell: called after every step, and while pictures are made ready for the first.

    Raises:
        UserError: see `read_packs`, `objectives_for`; the network cannot be built or has no such parts.
    """
    recipe = job.recipe
    packs = read_packs(recipe, job.packs, job.fold)
    objectives = objectives_for(recipe, packs)
    torch.manual_seed(recipe.seed)
    network = build_network(replace(recipe, objectives=objectives).card(**UNKNOWN))
    if recipe.network.weights:
        load_pretrained(network.get_submodule(recipe.network.part), recipe.network.weights)
    if recipe.network.channels_last:
        network = network.to(memory_format=torch.channels_last)
    learner = Learner(network, objectives, recipe.precision, recipe.network.cached).to(device)
    goals = [Goals.of(pack, objectives) for pack in packs]
    pictures = Pictures([_shards(pack) for pack in packs], recipe.network.crop.size, recipe.network.crop.count)
    if recipe.network.cached:
        check_augmentation(recipe.augmentation)
        stem = getattr(network, "stem", None)
        if not isinstance(stem, torch.nn.Module):
            raise UserError(f"network {recipe.network.name} has no stem whose features could be cached")
        name = f"{recipe.network.name} {recipe.network.arguments.get('trunk')}"
        feeder = StemCache(stem, name, feeder, pictures, device, job.cache, tell)
    return Loop(recipe, learner, packs, goals, pictures, feeder, device, tell)


def _shards(pack: PackLabels) -> Shards:
    return Shards(pack.uri, tuple(name for name, _ in pack.shards), tuple(accumulate(n for _, n in pack.shards)))


def run(job: Job, loop: Loop, resumed: Path | None, keep: Callable[[State, Loop], None]) -> dict[str, float]:
    """Train to the end, and write what there is to be written.

    Args:
        resumed: a checkpoint of the training to go on from. keep: called after every round, to write the next one.

    Returns:
        Figures of the best network on the held-out part.
    """
    output = Folder.at(job.output)
    if resumed is not None:
        loop.state = load_state(resumed, loop.learner, loop.optimiser)
    watch, _ = job.recipe.watched
    for state in loop.rounds():
        if watch not in state.history[-1]:
            raise UserError(f"no figure {watch} to watch, only {', '.join(state.history[-1])}")
        if world.rank() == 0:
            if loop.improved:
                weights = {name: value.cpu().contiguous() for name, value in loop.learner.state_dict().items()}
                output.write(BEST, safetensors.torch.save(weights))
            write_history(output, state.history)
        keep(state, loop)
    loop.learner.load_state_dict(safetensors.torch.load(output.read(BEST)))
    part = "test" if any(len(pack.rows("test")) for pack in loop.packs) else "val"
    judged = loop.judge(part)
    figures = {f"{part}/{name}": value for name, value in judged.figures.items() if name != "loss"}
    if world.rank() == 0:
        write_predictions(output, judged, loop.packs, loop.learner.objectives)
        _publish(job, loop, figures, output)
    return figures


def as_json(recipe: Recipe) -> dict[str, Any]:
    """Everything that can be set, and which kind of objective each is."""
    objectives = [{"kind": type(objective).__name__, **asdict(objective)} for objective in recipe.objectives]
    return {**asdict(recipe), "objectives": objectives}


def _publish(job: Job, loop: Loop, figures: dict[str, float], output: Folder) -> None:
    cards = [read_card(pack) for pack in job.packs]
    licences = "; ".join(f"{card['dataset']}: {card['licence']}" for card in cards)
    card = replace(job.recipe, objectives=loop.learner.objectives).card(
        version=__version__,
        metrics={name: value for name, value in figures.items() if value == value},
        training_data=", ".join(f"{pack.name} ({len(pack.rows('train')):,} faces)" for pack in loop.packs),
        recipe=as_json(job.recipe),
        licence=f"weights: of the terms of the data they were trained on ({licences})",
        intended_use="research on face analysis, on faces cut as `crop` says",
        limitations="as accurate, and as unfair, as its training data make it; `metrics` are of the same data sets",
    )
    save_checkpoint(output.uri, card, loop.learner.network, half=job.recipe.network.half)
    output.remove(BEST)
