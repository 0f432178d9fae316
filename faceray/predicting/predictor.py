"""Checkpoints ready to be asked: from crops of faces to answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from faceray.corpus.listing import chunks
from faceray.errors import UserError
from faceray.inference.backend import Precision, compile_network, pick_device
from faceray.inference.rows import Row
from faceray.models.checkpoint import load_checkpoint
from faceray.models.tasks import Task, answer
from faceray.predicting.mirror import unmirror
from faceray.training.second_pass import average_passes
from faceray.vision.align import Crop

_FACES = 64  # in one call of a network


class Predictor:
    """One or more checkpoints that look at the same faces.

    Attributes:
        crops: what they want to see, each once. tasks: of all, in their order.

    Args:
        checkpoints: their folders.
        device: `auto`, `cpu` or `cuda`.
        mirror: average the answers to a picture and to its mirror image.

    Raises:
        UserError: a checkpoint is not sound, two have the same task, or a task has sides that cannot be told apart.
    """

    def __init__(
        self, checkpoints: Sequence[str], device: str = "auto", precision: Precision = "fp32", mirror: bool = False
    ) -> None:
        self.device = pick_device(device)
        models = [load_checkpoint(folder) for folder in checkpoints]
        self.crops: tuple[Crop, ...] = tuple(dict.fromkeys(model.crop for model in models))
        self.tasks: tuple[Task, ...] = tuple(task for model in models for task in model.tasks)
        names = [task.name for task in self.tasks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(f"more than one of the models answers {', '.join(twice)}")
        self._undo = {task.name: unmirror(task) for task in self.tasks} if mirror else None
        self._networks = [
            (compile_network(model.module, torch.zeros(_shape(model.crop)), self.device, precision), model.crop)
            for model in models
        ]
        self._tasks = [model.tasks for model in models]

    def __call__(self, pictures: Mapping[Crop, NDArray[np.uint8]]) -> list[NDArray[np.float64]]:
        """The answers of each task, (n, k) as `faceray.models.tasks.answer` gives them.

        Args:
            pictures: for each of `crops` (n, crop.count, crop.size, crop.size, 3) RGB.
        """
        answers: list[NDArray[np.float64]] = []
        for (network, crop), tasks in zip(self._networks, self._tasks, strict=True):
            shape = (-1, *_shape(crop)[1:])
            rgb = torch.from_numpy(pictures[crop]).movedim(-1, -3).reshape(shape).to(self.device).float()
            found = _answers(tasks, network(rgb))
            if self._undo is not None:
                second = zip(tasks, found, _answers(tasks, network(rgb.flip(-1))), strict=True)
                found = [average_passes(once, again, self._undo[task.name]) for task, once, again in second]
            answers += [answer.numpy() for answer in found]
        return answers

    def answer(self, rows: Iterable[Row], together: int) -> Iterator[Row]:
        """Rows whose faces have `answers`, an array (k,) for each task, in place of their `crops`.

        Args:
            rows: with `faces`, a list of dictionaries, each with `crops`: (count, size, size, 3) by Crop.
            together: so many rows are looked at together.
        """
        for chunk in chunks(rows, together):
            crops = [face["crops"] for row in chunk for face in row["faces"]]
            answers = iter(zip(*self._answer(crops), strict=True) if crops else ())
            for row in chunk:
                plain = ({k: v for k, v in face.items() if k != "crops"} for face in row["faces"])
                yield {**row, "faces": [{**face, "answers": next(answers)} for face in plain]}

    def _answer(self, faces: list[Mapping[Crop, NDArray[np.uint8]]]) -> list[NDArray[np.float64]]:
        parts = [self({c: np.stack([face[c] for face in part]) for c in self.crops}) for part in chunks(faces, _FACES)]
        return [np.concatenate(answers) for answers in zip(*parts, strict=True)]


def _shape(crop: Crop) -> tuple[int, ...]:
    """Of two faces, as the networks take them."""
    return (2, *((crop.count,) if crop.count > 1 else ()), 3, crop.size, crop.size)


def _answers(tasks: Sequence[Task], outputs: Sequence[Tensor]) -> list[Tensor]:
    return [torch.from_numpy(answer(task, o.cpu().numpy())) for task, o in zip(tasks, outputs, strict=True)]
