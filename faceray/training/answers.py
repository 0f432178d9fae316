"""What the network says of many samples: outputs, and the features before a head, over all workers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceray.training import world
from faceray.training.learner import Learner

# (rows (n, 2): pack and row) -> batches of pixels uint8 (b, …) and whether they are mirrored (b,)
Feed = Callable[[NDArray[np.int64], int], Iterator[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class Answers:
    """Of n samples, on the CPU: task -> (n, outputs) float32, and where asked for task -> (n, features)."""

    outputs: dict[str, Tensor]
    features: dict[str, Tensor]


def ask(
    learner: Learner, feed: Feed, rows: NDArray[np.int64], batch: int, tasks: Sequence[str] = (), device: str = "cpu"
) -> Answers:
    """Run the network in eval mode over rows of packs, shared out among the workers.

    Args:
        rows: (n, 2): number of the pack, row in it.
        tasks: whose features are wanted: what goes into the last layer of the task's head.
    """
    names = [objective.name for objective in learner.objectives]
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    inputs: dict[str, list[Tensor]] = {name: [] for name in tasks}
    mine = rows[world.rank() :: world.size()]
    was_training = learner.training
    learner.eval()
    hooks = [_last_layer(learner.network, task).register_forward_pre_hook(_keeper(inputs[task])) for task in tasks]
    try:
        with torch.inference_mode():
            for pixels, _ in feed(mine, batch) if len(mine) else ():
                for name, output in learner.outputs(pixels.to(device)).items():
                    found[name].append(output.float().cpu())
    finally:
        for hook in hooks:
            hook.remove()
        learner.train(was_training)
    widths = {objective.name: objective.task.outputs for objective in learner.objectives}
    return Answers(
        {n: world.interleaved(torch.cat(found[n]) if found[n] else torch.empty(0, widths[n])) for n in names},
        {task: world.interleaved(torch.cat(kept)) for task, kept in inputs.items() if kept},
    )


def _keeper(kept: list[Tensor]) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        features = inputs[0].float()
        kept.append((features.mean((2, 3)) if features.ndim == 4 else features).cpu())

    return keep


def _last_layer(network: nn.Module, task: str) -> nn.Module:
    """The layer whose outputs are the task's.

    Raises:
        ValueError: the network does not say which it is.
    """
    heads = getattr(network, "heads", None)
    if not isinstance(heads, nn.ModuleDict) or task not in heads:
        raise ValueError(f"a network without a head {task!r} of its own gives no features to select by")
    layers = [layer for layer in heads[task].modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    return layers[-1]
