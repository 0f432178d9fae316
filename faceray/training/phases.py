"""The course of a training as data: which packs, tasks and parts of the network, for how many epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# Original 0's run.sh: every stage starts from what the one before has learnt.
ALL_IN_ONE = (("aflw", ("detection",)), ("wiki", ("age",)), ("wiki", ("gender",)), ("celeba", ("smile",)))


@dataclass(frozen=True)
class Phase:
    """Some epochs of the same kind.

    Attributes:
        packs: what is read, in proportional batches if there are several.
        tasks: whose loss counts; all that the recipe has where empty.
        epochs: how many.
        parts: of the network that learn, by the beginning of their name; all where empty.
        learning_rate: instead of the recipe's.
    """

    packs: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    epochs: int = 1
    parts: tuple[str, ...] = ()
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if not self.packs or self.epochs < 0:
            raise ValueError(f"a phase needs packs, and epochs from 0 up, not {self.packs} and {self.epochs}")


def joint(packs: Sequence[str], epochs: int) -> tuple[Phase, ...]:
    """All packs in every batch, all tasks, missing labels masked."""
    return (Phase(tuple(packs), epochs=epochs),)


def alternating(groups: Sequence[Sequence[str]], epochs: int, warm_up: int = 1) -> tuple[Phase, ...]:
    """Epochs on one group of packs after the other: even ones on the first of two groups, odd ones on the second.

    All tasks count in each; the labels that a group lacks are filled (`targets.fill`) before each phase.

    Args:
        warm_up: so many epochs at the start are on all packs at once, and take the turns that they replace.
    """
    everything = tuple(pack for group in groups for pack in group)
    turns = [tuple(groups[epoch % len(groups)]) for epoch in range(epochs)]
    return tuple(Phase(everything if epoch < warm_up else turn) for epoch, turn in enumerate(turns))


def unfreezing(
    packs: Sequence[str], epochs: int, head: Sequence[str], frozen_epochs: int, frozen_rate: float, rate: float
) -> tuple[Phase, ...]:
    """The heads first, then all: original 1's single task has Adam at 1e-3 on the heads and then 1e-5 on everything.

    Args:
        epochs: all of them, of which `frozen_epochs` with only the parts in `head` learning.
    """
    frozen = min(frozen_epochs, epochs)
    phases = (
        Phase(tuple(packs), epochs=frozen, parts=tuple(head), learning_rate=frozen_rate),
        Phase(tuple(packs), epochs=epochs - frozen, learning_rate=rate),
    )
    return tuple(phase for phase in phases if phase.epochs)


def curriculum(
    stages: Sequence[tuple[str, Sequence[str]]] = ALL_IN_ONE,
    epochs: int = 10,
    earlier: Literal["joint", "frozen", "none"] = "joint",
    parts: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Phase, ...]:
    """Data sets one after the other, as a pack and its tasks for each stage.

    Args:
        epochs: of each stage.
        earlier: what happens to what was learnt before. `joint`: each stage goes on with the packs and tasks of all
            stages up to it, so that nothing is forgotten. `frozen`: after the first stage only the stage's own parts
            learn. `none`: nothing, as original 0 does: training the trunk for one task spoils the others.
        parts: for `frozen`: the parts of the network that belong to each task; the task's own name where missing.
    """
    phases: list[Phase] = []
    for number, (pack, tasks) in enumerate(stages, start=1):
        if earlier == "joint":
            packs = tuple(dict.fromkeys(name for name, _ in stages[:number]))
            known = tuple(dict.fromkeys(task for _, names in stages[:number] for task in names))
            phases.append(Phase(packs, known, epochs))
        else:
            own = tuple(part for task in tasks for part in (parts or {}).get(task, (task,)))
            frozen = earlier == "frozen" and number > 1
            phases.append(Phase((pack,), tuple(tasks), epochs, own if frozen else ()))
    return tuple(phases)


def phase_at(phases: Sequence[Phase], epoch: int) -> tuple[int, Phase]:
    """The phase of an epoch, counted from 0, and its number.

    Raises:
        ValueError: training is over by then.
    """
    end = 0
    for number, phase in enumerate(phases):
        end += phase.epochs
        if epoch < end:
            return number, phase
    raise ValueError(f"there are {end} epochs, no epoch {epoch}")


def missing_tasks(phase: Phase, tasks: Sequence[str], labels: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """For each pack of a phase the tasks that count and whose labels it lacks: those to be filled.

    Args:
        tasks: of the recipe. labels: the tasks that each pack has labels for.
    """
    wanted = phase.tasks or tasks
    return {pack: [task for task in wanted if task not in labels[pack]] for pack in phase.packs}
