"""The second look at the mirrored picture: its answers turned back and averaged with the first."""

from collections.abc import Callable, Sequence

from torch import Tensor

from faceray.training.label_codecs import MIRRORED_POSES
from faceray.training.landmarks import AFLW_MIRRORED, mirror, mirror_pose

__all__ = ["average_passes", "mirror", "mirror_pose", "mirror_pose_class", "mirror_visibility"]


def average_passes(straight: Tensor, mirrored: Tensor, undo: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """The mean of two answers to a picture and its mirror image, as All-in-One has it for the aligned face.

    Args:
        straight, mirrored: (n, …) of the same shape: probabilities, years, landmarks relative to the region, angles;
            not logits.
        undo: turns the mirrored answer back: `landmarks.mirror`, `landmarks.mirror_pose`, `mirror_visibility`,
            `mirror_pose_class`. None for what has no sides, such as gender, smile and age.
    """
    return (straight + (mirrored if undo is None else undo(mirrored))) / 2


def mirror_visibility(visibility: Tensor, order: Sequence[int] = AFLW_MIRRORED) -> Tensor:
    """(n, k) of the mirrored picture -> of the picture."""
    return visibility[:, list(order)]


def mirror_pose_class(probabilities: Tensor) -> Tensor:
    """(n, 5) probabilities of `label_codecs.POSES` in the mirrored picture -> in the picture."""
    return probabilities[:, list(MIRRORED_POSES)]
