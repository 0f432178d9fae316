"""The training loop: epochs of rounds of steps. Runs in every worker; knows nothing of Ray."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

from faceray.training import world
from faceray.training.answers import Answers, ask
from faceray.training.freezing import set_trainable, train_mode
from faceray.training.goals import FILLED, Goals, batch_goals, counts
from faceray.training.held_out import Judged, judge
from faceray.training.learner import Learner
from faceray.training.losses import weighted_sum
from faceray.training.mixing import mixed_epoch
from faceray.training.news import News
from faceray.training.optimisers import build_optimiser
from faceray.training.pack_labels import PackLabels
from faceray.training.phases import Phase, missing_tasks, phase_at
from faceray.training.pictures import Pictures
from faceray.training.recipe import Recipe
from faceray.training.schedules import best_at, should_stop
from faceray.training.state import State

MOST_FEATURES = 5000  # of labelled samples, that guessed ones are compared with
# (stage, rows (n, 2), samples of each batch) -> batches of pixels uint8 (b, [crops,] 3, s, s), mirrored bool (b,)
Feeder = Callable[[Pictures, NDArray[np.int64], int], Iterator[tuple[Tensor, Tensor]]]


@dataclass
class Loop:
    """One training.

    Attributes:
        learner: on its device. packs, goals: labels and targets, in the recipe's order of packs.
        pictures: the stage that makes pictures, without augmentation.
        tell: called after every step.
    """

    recipe: Recipe
    learner: Learner
    packs: Sequence[PackLabels]
    goals: Sequence[Goals]
    pictures: Pictures
    feeder: Feeder
    device: str = "cpu"
    tell: Callable[[News], None] = lambda _: None
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.optimiser = build_optimiser(self.learner, self.recipe.optimiser)
        self.names = _names(self.packs)
        known = {name: goals.known for name, goals in zip(self.names, self.goals, strict=True)}
        self.phases = self.recipe.phases(self.names, known)
        self.known = known
        self.epochs = sum(phase.epochs for phase in self.phases)

    def rounds(self) -> Iterator[State]:
        """Train, and stop after every round for who wants to keep what there is."""
        watch, higher = self.recipe.watched
        while self.state.epoch < self.epochs:
            _, phase = phase_at(self.phases, self.state.epoch)
            yield from self._epoch(phase)
            history = self.state.values(watch)
            if self.recipe.patience and should_stop(history, self.recipe.patience, self.recipe.improvement, higher):
                return

    @property
    def improved(self) -> bool:
        """Whether the newest round is the best so far."""
        watch, higher = self.recipe.watched
        best = best_at(self.state.values(watch), self.recipe.improvement, higher)
        return best in (None, len(self.state.history) - 1)

    def _epoch(self, phase: Phase) -> Iterator[State]:
        chosen = [self.names.index(pack) for pack in phase.packs]
        rows = [self.packs[number].rows("train") for number in chosen]
        ends = [self.pictures.packs[number].ends for number in chosen]
        shards = [np.searchsorted(end, own, side="right") for end, own in zip(ends, rows, strict=True)]
        plan = mixed_epoch(shards, self.recipe.batch, self.recipe.seed, self.state.epoch, self.recipe.window)
        plan = np.stack([np.array(chosen)[plan[..., 0]], _looked_up(rows, plan)], 2)
        model = self._model(phase)
        stops = [math.ceil(len(plan) * (i + 1) / self.recipe.rounds) for i in range(self.recipe.rounds)]
        while self.state.round < self.recipe.rounds:
            first = stops[self.state.round - 1] if self.state.round else 0
            last, start = stops[self.state.round], time.monotonic()
            figures = self._steps(model, self._filled(phase), phase, plan, first, last) if last > first else {}
            self.state.round += 1
            figures |= {"epoch": self.state.epoch + last / len(plan), "step": float(self.state.step)}
            figures |= self.judge("val", self.recipe.validation).figures
            figures |= {"seconds": time.monotonic() - start}
            self.state.history.append(figures)
            if self.state.round == self.recipe.rounds:
                self.state.round, self.state.epoch = 0, self.state.epoch + 1
                yield self.state
                return
            yield self.state

    def _steps(
        self,
        model: torch.nn.Module,
        goals: Sequence[Goals],
        phase: Phase,
        plan: NDArray[np.int64],
        first: int,
        last: int,
    ) -> dict[str, float]:
        """Optimiser steps `first` to `last` of an epoch. Returns the mean losses."""
        recipe, objectives = self.recipe, self.learner.objectives
        tasks = [o.name for o in objectives if not phase.tasks or o.name in phase.tasks]
        taught = [o for o in objectives if o.name in tasks]
        lambdas = {o.name: o.weight for o in objectives}
        stage = replace(self.pictures, augmentation=recipe.augmentation, seed=(recipe.seed, self.state.epoch))
        mine = plan[first:last, world.rank() :: world.size()]
        batches = self.feeder(stage, mine.reshape(-1, 2), mine.shape[1])
        losses: dict[str, Tensor] = {}
        before = None
        train_mode(self.learner)
        for number, (pixels, mirrored) in enumerate(batches):
            done = self.state.epoch + (first + number) / len(plan)
            self._set_rate(phase, done)
            _seed(recipe.seed, self.state.step, world.rank())
            targets, weights = batch_goals(goals, taught, mine[number], mirrored)
            whole = counts(goals, tasks, plan[first + number], world.size())
            found = model(pixels.to(self.device), self._on(targets), self._on(weights), whole, self.state.step)
            loss = weighted_sum(found, lambdas)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.clip:
                clip_grad_norm_(self.learner.parameters(), recipe.clip)
            self.optimiser.step()
            self.state.step += 1
            for name, value in (("loss", loss), *found.items()):
                losses[name] = losses.get(name, 0) + value.detach()
            left = len(plan) * (self.epochs - self.state.epoch) - (first + number + 1)
            self._tell(left, float(loss.detach() if before is None else before))
            before = loss.detach()  # told a step later: a GPU that is asked at once would have to finish first
        whole_losses = world.total(torch.stack(list(losses.values()))).cpu() / world.size() / (last - first)
        return {f"train/{name}": float(value) for name, value in zip(losses, whole_losses, strict=True)} | {
            "learning_rate": self.optimiser.param_groups[0]["lr"]
        }

    def _tell(self, left: int, loss: float) -> None:
        figures = self.state.history[-1] if self.state.history else {}
        epoch = self.state.epoch + 1
        self.tell(News(self.state.step, self.state.step + left, epoch, self.epochs, loss, figures))

    def _model(self, phase: Phase) -> torch.nn.Module:
        """The learner with the phase's parts learning, shared with the other workers."""
        set_trainable(self.learner.network, phase.parts)
        for name, parameter in self.learner.network.named_parameters():
            if any(name == part or name.startswith(f"{part}.") for part in self.recipe.network.frozen):
                parameter.requires_grad, parameter.grad = False, None
        if world.size() == 1:
            return self.learner
        devices = [torch.device(self.device)] if self.device.startswith("cuda") else None
        return DistributedDataParallel(self.learner, device_ids=devices, find_unused_parameters=True)

    def _set_rate(self, phase: Phase, done: float) -> None:
        watch, higher = self.recipe.watched
        factor = self.recipe.schedule.at(done, self.epochs, self.state.values(watch), higher)
        for group in self.optimiser.param_groups:
            group["lr"] = factor * (phase.learning_rate or self.recipe.optimiser.learning_rate)

    def _filled(self, phase: Phase) -> list[Goals]:
        """Goals with the missing labels of this epoch's packs filled by what the network says now."""
        strategy, goals = self.recipe.strategy, list(self.goals)
        if strategy.filling.method == "naive":
            return goals
        objectives = {o.name: o for o in self.learner.objectives if o.task.kind in FILLED}
        for pack, missing in missing_tasks(phase, tuple(objectives), self.known).items():
            tasks = [task for task in missing if task in objectives]
            number = self.names.index(pack)
            rows = self.packs[number].rows("train")
            selected_by = tasks if set(strategy.selection.selectors) - {"confidence"} else []
            if not tasks:
                continue
            answers = self._ask(_numbered(number, rows), selected_by)
            for task in tasks:
                features = self._labelled_features(task) if "distribution" in strategy.selection.selectors else None
                goals[number] = goals[number].filled(rows, objectives[task], answers, strategy, features)
        return goals

    def _labelled_features(self, task: str) -> Tensor:
        """(m, d) of training samples that have the task's label, from all packs."""
        having = [number for number, name in enumerate(self.names) if task in self.known[name]]
        rows = [_numbered(number, self.packs[number].rows("train")[:MOST_FEATURES]) for number in having]
        return self._ask(np.concatenate(rows), [task]).features[task]

    def _ask(self, rows: NDArray[np.int64], features: Sequence[str] = ()) -> Answers:
        def feed(mine: NDArray[np.int64], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
            return self.feeder(self.pictures, mine, batch)

        return ask(self.learner, feed, rows, self.recipe.batch, features, self.device)

    def judge(self, part: str, most: int | None = None) -> Judged:
        """The network as it is now on a part of all packs, at most so many samples of each."""
        rows = np.concatenate([_numbered(i, pack.rows(part)[:most]) for i, pack in enumerate(self.packs)])
        return judge(rows, self._ask(rows), self.goals, self.learner.objectives)

    def _on(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.to(self.device) for name, tensor in tensors.items()}


def _seed(*numbers: int) -> None:
    """Of dropout, anew in each step: a resumed run draws what an unbroken one would."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def _numbered(pack: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) rows of a pack -> (n, 2)."""
    return np.stack([np.full_like(rows, pack), rows], 1)


def _names(packs: Sequence[PackLabels]) -> tuple[str, ...]:
    """A name for each pack: its set's, with a number where sets come twice."""
    names: list[str] = []
    for pack in packs:
        same = sum(name.split("#")[0] == pack.name for name in names)
        names.append(f"{pack.name}#{same + 1}" if same else pack.name)
    return tuple(names)


def _looked_up(rows: Sequence[NDArray[np.int64]], plan: NDArray[np.int64]) -> NDArray[np.int64]:
    """From numbers within each pack's training rows to rows of the pack."""
    found = np.empty(plan.shape[:2], np.int64)
    for number, own in enumerate(rows):
        here = plan[..., 0] == number
        found[here] = own[plan[..., 1][here]]
    return found
