"""A checkpoint as one graph that needs nothing around it: from pixels to answers."""

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from faceray import __version__
from faceray.models.card import ModelCard
from faceray.models.checkpoint import AttributeModel
from faceray.models.tasks import YEARS, Task
from faceray.vision.align import Crop

INPUT = "rgb"
_MEANINGS = {
    "expectation": "the age in years",
    "ordinal": "the age in years",
    "softmax": "the probability of each label",
    "sigmoid": "a probability",
    "regression": "the numbers that the labels name",
    "embedding": "whose face it is: compare two by their cosine",
}


class Answer(nn.Module):
    """From a task's outputs to its answer, as `faceray.models.tasks.answer` in torch."""

    ages: Tensor

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.kind, self.is_age = task.kind, task.name == "age"
        ages = [float(age) for age in task.labels or YEARS] if task.kind == "expectation" else []
        self.register_buffer("ages", torch.tensor(ages), persistent=False)

    def forward(self, outputs: Tensor) -> Tensor:
        """(n, task.outputs) -> (n, k) float32."""
        if self.kind == "softmax":
            return outputs.softmax(1)
        if self.kind == "sigmoid":
            return outputs.sigmoid()
        if self.kind == "expectation":
            outputs = (outputs.softmax(1) * self.ages).sum(1, keepdim=True)
        elif self.kind == "ordinal":
            outputs = (outputs > 0).float().sum(1, keepdim=True)
        return outputs.clamp_min(0) if self.is_age else outputs


class Portable(nn.Module):
    """Pixels as a decoder gives them, the network with its own normalisation, and the answers."""

    def __init__(self, model: AttributeModel) -> None:
        super().__init__()
        self.network = model.module
        self.answers = nn.ModuleDict({task.name: Answer(task) for task in model.tasks})

    def forward(self, rgb: Tensor) -> dict[str, Tensor]:
        """uint8 RGB (n, size, size, 3), or (n, 3, size, size, 3) of three boxes -> task -> its answers (n, k)."""
        outputs = self.network(rgb.float().movedim(-1, -3))
        return {name: answer(output) for (name, answer), output in zip(self.answers.items(), outputs, strict=True)}


def input_shape(crop: Crop) -> tuple[int, ...]:
    """Of one face."""
    return (*((crop.count,) if crop.count > 1 else ()), crop.size, crop.size, 3)


def describe(card: ModelCard, precision: str, batch: int | None) -> dict[str, Any]:
    """What an exported file says of itself: JSON values.

    Args:
        batch: faces that it takes at once; any number where None.
    """
    crop = {**asdict(card.crop), "pictures": card.crop.count}
    rgb = {"type": "uint8", "shape": [batch or "n", *input_shape(card.crop)], "colour": "RGB", "crop": crop}
    known = asdict(card)
    words = ("metrics", "training_data", "licence", "intended_use", "limitations")
    return {
        **{name: known[name] for name in ("name", "version", "network")},
        "precision": precision,
        "input": {"name": INPUT, **rgb},
        "outputs": [{**asdict(task), "meaning": _MEANINGS[task.kind]} for task in card.tasks],
        **{name: known[name] for name in words},
        "weights_sha256": card.sha256,
        "faceray": __version__,
    }
