"""A network and its objectives: from pictures and targets to the loss of each task."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from faceray.training.losses import masked
from faceray.training.objectives.objective import Objective


class Learner(nn.Module):
    """What is trained: the network, and what the objectives learn beside it (margin heads).

    Args:
        network: rgb -> one output for each objective, in order.
        precision: `bf16` runs the network in bfloat16 where that is safe.
        from_stem: what comes in are features of the network's `stem`, for its `tail`.
    """

    def __init__(
        self, network: nn.Module, objectives: Sequence[Objective], precision: str = "fp32", from_stem: bool = False
    ) -> None:
        super().__init__()
        self.network = network
        self.objectives = tuple(objectives)
        self.precision, self.from_stem = precision, from_stem
        extra = {objective.name: objective.module() for objective in objectives}
        self.extra = nn.ModuleDict({name: module for name, module in extra.items() if module is not None})

    def forward(
        self,
        rgb: Tensor,
        targets: Mapping[str, Tensor],
        weights: Mapping[str, Tensor],
        counts: Mapping[str, float],
        step: int,
    ) -> dict[str, Tensor]:
        """Mean loss of each task in `targets`.

        Args:
            rgb: (n, 3, s, s) or (n, crops, 3, s, s), 0 to 255.
            targets: (n, …) each, NaN where missing. weights: (n,) each.
            counts: what the sums are divided by, see `losses.masked`.
            step: how many steps were taken before this one.
        """
        outputs = self.outputs(rgb)
        losses = {}
        for objective in self.objectives:
            name = objective.name
            if name in targets:
                output, target = outputs[name], targets[name]
                if name in self.extra:
                    output = self.extra[name](output, torch.nan_to_num(target, nan=-1).long())
                losses[name] = masked(objective.at(step).loss, output, target, weights[name], counts[name])
        return losses

    def outputs(self, rgb: Tensor) -> dict[str, Tensor]:
        """Of the network: task -> (n, outputs)."""
        with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            outputs = self.network.tail(rgb.float()) if self.from_stem else self.network(rgb.float())  # type: ignore[operator]
        return {objective.name: output for objective, output in zip(self.objectives, outputs, strict=True)}
