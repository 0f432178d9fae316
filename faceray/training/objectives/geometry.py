"""Where a face's parts are and how the head is turned: landmarks, their visibility, pose angles."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from faceray.datasets.landmarks import AFLW_21
from faceray.models.tasks import Task
from faceray.training import regression_losses
from faceray.training.landmarks import AFLW_MIRRORED, mirror, mirror_pose
from faceray.training.metrics import binary_scores, mean, normalised_mean_error, pose_error
from faceray.training.objectives.objective import Objective, numbers

ANGLES = ("roll", "pitch", "yaw")
_DEGREES = 45.0  # one unit of the angles' outputs: all tasks then have errors of similar size


@dataclass(frozen=True, kw_only=True)
class PoseAngles(Objective):
    """Roll, pitch and yaw. The outputs are degrees / 45. Figures: `mae` in degrees, and of each angle."""

    name: str = "pose"
    figure: ClassVar[str] = "mae"
    higher: ClassVar[bool] = False

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "regression", tuple(f"{angle}_45" for angle in ANGLES))

    @property
    def columns(self) -> tuple[str, ...]:
        """See Objective."""
        return ANGLES

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, 3)."""
        return torch.stack([numbers(labels, angle) for angle in ANGLES], 1) / _DEGREES

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        return regression_losses.squared_error(output, target)

    def mirrored(self, target: Tensor) -> Tensor:
        """See Objective."""
        return mirror_pose(target)

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        errors = pose_error(_DEGREES * outputs.numpy(), _DEGREES * truth.numpy())
        return {"mae": float(errors.mean())} | {name: float(e) for name, e in zip(ANGLES, errors, strict=True)}


@dataclass(frozen=True, kw_only=True)
class Keypoints(Objective):
    """What both landmark tasks see: AFLW's 21 points relative to the picture."""

    higher: ClassVar[bool] = False

    @property
    def columns(self) -> tuple[str, ...]:
        """See Objective."""
        return ("keypoints",)

    def marked(self, labels: pa.Table) -> Tensor:
        """(n, 21, 3): x, y from -0.5 to 0.5 in the picture, 0 where they cannot be seen in it; visibility 0 or 1, NaN
        where the set has not marked the point."""
        rows = labels["keypoints"].to_pylist()
        nothing = [float("nan")] * 3 * len(AFLW_21)
        points = torch.from_numpy(np.array([row or nothing for row in rows], np.float32)).reshape(-1, len(AFLW_21), 3)
        inside = (points[..., :2].abs() <= 0.5).all(2)
        visible = torch.where(points[..., 2].isnan(), torch.nan, (inside & (points[..., 2] > 0)).float())
        where = torch.where((visible > 0)[..., None], points[..., :2], 0.0)
        return torch.cat([where, visible[..., None]], 2)

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, 21, 3), rows of NaN where no point is marked; single points that are not marked weigh nothing."""
        marked = self.marked(labels)
        unknown = marked[..., 2].isnan().all(1)
        return torch.where(unknown[:, None, None], torch.nan, torch.nan_to_num(marked))

    def mirrored(self, target: Tensor) -> Tensor:
        """See Objective."""
        return mirror(target, AFLW_MIRRORED)


@dataclass(frozen=True, kw_only=True)
class Landmarks(Keypoints):
    """Their places. Figure: `nme`, the mean distance of visible ones over the picture's side."""

    name: str = "landmarks"
    figure: ClassVar[str] = "nme"

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "regression", tuple(f"{name}_{axis}" for name in AFLW_21 for axis in "xy"))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        return regression_losses.landmark_error(output, target)

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        seen = (truth[..., 2:] > 0).expand(-1, -1, 2)
        places = torch.where(seen, truth[..., :2], torch.nan).numpy()
        said = outputs.reshape(-1, len(AFLW_21), 2).numpy()
        return {"nme": mean(normalised_mean_error(said, places, np.ones(len(said))))}


@dataclass(frozen=True, kw_only=True)
class Visibility(Keypoints):
    """Which of them can be seen. Figure: `accuracy`."""

    name: str = "visibility"
    figure: ClassVar[str] = "accuracy"
    higher: ClassVar[bool] = True

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "regression", AFLW_21)

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, 21, 3), rows of NaN where a point is not marked: then nobody knows whether it can be seen."""
        marked = self.marked(labels)
        return torch.where(marked[..., 2].isnan().any(1)[:, None, None], torch.nan, marked)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        return regression_losses.visibility_error(output, target)

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        return {"accuracy": binary_scores(outputs.numpy(), truth[..., 2].numpy())["accuracy"]}
