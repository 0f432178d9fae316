"""Margin heads: softmax over identities that asks more of the right one, so that faces of a person draw together."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceray.errors import UserError

_SMALL = 1e-7  # cosines stay this far from 1, where the angle's slope is infinite


class Margin(nn.Module, ABC):
    """Scaled cosines between embeddings and one direction per identity (Wang et al., "NormFace", MM 2017).

    Subclasses make the cosine of the right identity smaller: `harder`. All is computed in float32, whatever the
    precision of the network: an angle of bfloat16 is useless.

    Args:
        features: dimensions of an embedding. classes: identities.
        scale: what cosines are multiplied with; alone they could not make the softmax sure of anything.
        margin: how much more is asked, in the unit of the subclass.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, features: int, classes: int, scale: float, margin: float = 0.0) -> None:
        super().__init__()
        if not (features > 0 and classes > 1 and scale > 0 and margin >= 0):
            raise ValueError(f"{classes} classes of {features} features, scale {scale}, margin {margin}")
        self.scale, self.margin = scale, margin
        self.weight = nn.Parameter(torch.empty(classes, features))
        nn.init.xavier_uniform_(self.weight)

    def cosines(self, embeddings: Tensor) -> Tensor:
        """(n, features) of any length -> float32 (n, classes), -1 to 1."""
        with torch.autocast(embeddings.device.type, enabled=False):
            return F.linear(F.normalize(embeddings.float()), F.normalize(self.weight.float()))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Logits for a cross-entropy.

        Args:
            embeddings: (n, features).
            labels: (n,) int64; where negative there is no label and no margin.

        Returns:
            float32 (n, classes).
        """
        cosines = self.cosines(embeddings)
        right = labels[:, None] == torch.arange(cosines.shape[1], device=labels.device)
        return self.scale * torch.where(right, self.harder(cosines), cosines)

    @abstractmethod
    def harder(self, cosines: Tensor) -> Tensor:
        """The cosines as the right identity's count, of the same shape; never more than the cosine itself."""


class ArcFace(Margin):
    """cos(θ + m), m in radians (Deng et al., "ArcFace: additive angular margin loss", CVPR 2019).

    Beyond θ = π - m that would rise again and reward the worst; there it goes on as cos θ - m sin m, as in the
    authors' code.
    """

    def __init__(self, features: int, classes: int, scale: float = 64.0, margin: float = 0.5) -> None:
        super().__init__(features, classes, scale, margin)

    def harder(self, cosines: Tensor) -> Tensor:
        """See Margin."""
        m = self.margin
        sines = (1 - cosines**2).clamp_min(_SMALL).sqrt()
        moved = math.cos(m) * cosines - math.sin(m) * sines
        return torch.where(cosines > -math.cos(m), moved, cosines - m * math.sin(m))


class CosFace(Margin):
    """cos θ - m (Wang et al., "CosFace: large margin cosine loss", CVPR 2018; Wang et al., "AM-Softmax", 2018)."""

    def __init__(self, features: int, classes: int, scale: float = 64.0, margin: float = 0.35) -> None:
        super().__init__(features, classes, scale, margin)

    def harder(self, cosines: Tensor) -> Tensor:
        """See Margin."""
        return cosines - self.margin


class SphereFace(Margin):
    """cos(mθ), made monotone: (-1)^k cos(mθ) - 2k where mθ is in [kπ, (k+1)π] (Liu et al., CVPR 2017, eq. 7).

    The paper has m = 4 and needs a slow start; m = 1.35 with scaled cosines does without.
    """

    def __init__(self, features: int, classes: int, scale: float = 64.0, margin: float = 1.35) -> None:
        super().__init__(features, classes, scale, margin)
        if margin < 1:
            raise ValueError(f"margin {margin} must be 1 or more: it multiplies the angle")

    def harder(self, cosines: Tensor) -> Tensor:
        """See Margin."""
        angles = self.margin * cosines.clamp(_SMALL - 1, 1 - _SMALL).acos()
        k = (angles / math.pi).floor()
        return (1 - 2 * (k % 2)) * angles.cos() - 2 * k


class AdaCos(Margin):
    """No margin; while training the scale follows the angles (Zhang et al., "AdaCos", CVPR 2019, eq. 13 to 15).

    The scale starts at √2 ln(classes - 1), so there must be 3 classes. It is kept with the weights.
    """

    fitted_scale: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes, scale=math.sqrt(2) * math.log(max(classes - 1, 1)))
        self.register_buffer("fitted_scale", torch.tensor(self.scale))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """See Margin. In training mode the scale is first fitted to this batch."""
        cosines = self.cosines(embeddings)
        if self.training:
            self._fit(cosines.detach(), labels)
        return self.fitted_scale * cosines

    def _fit(self, cosines: Tensor, labels: Tensor) -> None:
        known = labels >= 0
        if not known.any():
            return
        cosines, labels = cosines[known], labels[known, None]
        angle = cosines.gather(1, labels).clamp(-1, 1).acos().median().clamp_max(math.pi / 4)
        wrong = (self.fitted_scale * cosines).scatter(1, labels, -math.inf)
        mean = wrong.logsumexp((0, 1)) - math.log(len(cosines))  # ln B, without leaving the logarithm
        self.fitted_scale.copy_((mean / angle.cos()).clamp_min(1))  # a few identities can drive it to 0 and below

    def harder(self, cosines: Tensor) -> Tensor:
        """The cosines as they are."""
        return cosines


MARGINS: dict[str, Callable[..., Margin]] = {
    "arcface": ArcFace,
    "cosface": CosFace,
    "sphereface": SphereFace,
    "adacos": AdaCos,
}


def make_margin(name: str, features: int, classes: int, **arguments: float) -> Margin:
    """A margin head by name; each has its own default margin.

    Args:
        arguments: `scale` and `margin`, where they are not the paper's. AdaCos takes neither.

    Raises:
        UserError: no such head, an argument that it does not take, or a value out of range.
    """
    if name not in MARGINS:
        raise UserError(f"no margin head {name!r}: one of {', '.join(MARGINS)}")
    try:
        return MARGINS[name](features, classes, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"margin head {name!r}: {error}") from error
