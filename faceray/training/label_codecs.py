"""Named labels as targets of a network: class numbers, one-hot rows, smoothed rows, head pose in five classes."""

from collections.abc import Sequence

import torch
from torch import Tensor

# The seven emotions of FER2013, SFEW and ExpW in their order. FER+ has the schema's eight in another order, so labels
# travel by name: contempt has no number here.
FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")

# By yaw as in the faces table: right is the viewer's right. Half: 10 to 60 degrees.
POSES = ("frontal", "half right", "half left", "left", "right")
MIRRORED_POSES = (0, 2, 1, 4, 3)


def class_index(labels: Sequence[str | None], classes: Sequence[str]) -> Tensor:
    """The numbers of labels: (n,) float32, NaN where the label is None or not among the classes."""
    number = {name: float(i) for i, name in enumerate(classes)}
    return torch.tensor([number.get(label, float("nan")) if label else float("nan") for label in labels])


def one_hot(index: Tensor, classes: int) -> Tensor:
    """(n,) class numbers, NaN where not known -> (n, classes) float32, rows of NaN there.

    Raises:
        ValueError: a number is not a whole one from 0 to classes - 1.
    """
    known = ~index.isnan()
    number = torch.nan_to_num(index, nan=0.0)
    if bool(((number != number.floor()) | (number < 0) | (number >= classes)).any()):
        raise ValueError(f"class numbers are whole, from 0 to {classes - 1}, or NaN where not known")
    rows = torch.nn.functional.one_hot(number.long(), classes).float()
    return torch.where(known[:, None], rows, torch.nan)


def smooth(target: Tensor, amount: float) -> Tensor:
    """Label smoothing: (1 - a) t + a / K over K classes, any (n, K) rows that sum to 1.

    Szegedy et al., "Rethinking the Inception architecture", CVPR 2016. C3AE v2's gender targets of 0.99 and 0.01 are
    a = 0.02.
    """
    return (1 - amount) * target + amount / target.shape[1]


def draw(target: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One class of each row at random by its probability: (n, K) -> one-hot (n, K); rows of NaN stay.

    For FER+ votes by its `probability` scheme, in every epoch anew (Barsoum et al., ICMI 2016).
    """
    known = target.isfinite().all(1)
    index = torch.multinomial(torch.where(known[:, None], target, 1.0), 1, generator=generator)
    return torch.where(known[:, None], torch.zeros_like(target).scatter_(1, index, 1.0), torch.nan)


def class_weights(counts: Tensor) -> Tensor:
    """Weights by inverse frequency, w_c = N / (C n_c) over the C classes that occur: (classes,) -> the same, float32.

    Original 2 has max(n) / n_c. The ratios are those; on this scale the samples' mean weight is 1, so that balancing
    leaves the learning rate alone. Classes that do not occur weigh 0, and the others keep their places.
    """
    n = counts.double()
    seen = n > 0
    weights = torch.where(seen, n.sum() / (seen.sum().clamp(min=1) * n.clamp(min=1e-12)), 0.0)
    return weights.float()


def pose_class(yaw: Tensor) -> Tensor:
    """Number of the pose in POSES: (n,) degrees, NaN where not known -> (n,) float32.

    0: |yaw| < 10; 1: 10 <= yaw < 60; 2: -60 < yaw <= -10; 3: yaw <= -60; 4: yaw >= 60. In a mirrored picture pose i is
    MIRRORED_POSES[i].
    """
    index = torch.zeros_like(yaw, dtype=torch.float32)
    for number, where in enumerate((yaw >= 10, yaw <= -10, yaw <= -60, yaw >= 60), start=1):
        index = torch.where(where, float(number), index)
    return torch.where(yaw.isnan(), torch.nan, index)
