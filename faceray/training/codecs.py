"""Ages as targets of a network, and back: bins, ordinal bits, age groups.

Ages are float tensors (n,) in years. NaN says that a sample has no label, and gives a target row of NaN: what
`faceray.training.losses.masked` leaves out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

# Eidinger, Enbar and Hassner, "Age and gender estimation of unfiltered faces", TIFS 2014: first and last year.
ADIENCE_GROUPS = (
    (0.0, 2.0),
    (4.0, 6.0),
    (8.0, 13.0),
    (15.0, 20.0),
    (25.0, 32.0),
    (38.0, 43.0),
    (48.0, 53.0),
    (60.0, math.inf),
)


@dataclass(frozen=True)
class AgeBins:
    """An age as a distribution over `count` bins at 0, width, 2 width, … years, whose mean is the age.

    An age between two bins belongs to both: with x = age / width and k = floor(x), bin k + 1 gets x - k and bin k the
    rest. Ages beyond the last bin count as the last bin, where C3AE's code loses a part of the mass.

    - `AgeBins()`: a bin for each year from 0 to 100; a whole age is one-hot (Rothe et al., "DEX", ICCVW 2015).
    - `AgeBins(12, 10)`: the two-point representation (Zhang et al., "C3AE", CVPR 2019): 32 is 0.8 of bin 3 and 0.2 of
      bin 4.
    """

    count: int = 101
    width: float = 1.0

    def __post_init__(self) -> None:
        if self.count < 2 or not 0 < self.width < math.inf:
            raise ValueError(f"two or more bins of a positive width, not {self.count} of {self.width}")

    @property
    def ages(self) -> Tensor:
        """The bins' ages in years: (count,) float32."""
        return torch.arange(self.count) * self.width

    def encode(self, age: Tensor) -> Tensor:
        """(n,) years -> (n, count) float32, rows sum to 1.

        Raises:
            ValueError: an age is negative or infinite.
        """
        known = _known(age)
        x = (torch.nan_to_num(age.double()) / self.width).clamp(max=self.count - 1)
        left = x.floor().clamp(max=self.count - 2)
        target = torch.zeros(len(age), self.count, dtype=torch.float64, device=age.device)
        target.scatter_(1, left.long()[:, None], (1 - (x - left))[:, None])
        target.scatter_(1, left.long()[:, None] + 1, (x - left)[:, None])
        return _or_nan(target.float(), known)

    def decode(self, probabilities: Tensor) -> Tensor:
        """(n, count), rows sum to 1 -> (n,) years: the mean of the distribution."""
        return probabilities @ self.ages.to(probabilities)


TWO_POINT = AgeBins(12, 10)


def encode_ordinal(age: Tensor, bits: int = 100) -> Tensor:
    """Bit k says: older than k years. (n,) years -> (n, bits) float32 of 0 and 1; age 0 has none, `bits` has all.

    Niu et al., "Ordinal regression with multiple output CNN for age estimation", CVPR 2016. Parts of a year do not
    count. The number of bits is fixed, where original 2 takes the largest age it happens to find.

    Raises:
        ValueError: an age is negative or infinite.
    """
    known = _known(age)
    return _or_nan((age.floor()[:, None] > torch.arange(bits, device=age.device)).float(), known)


def decode_ordinal(probabilities: Tensor) -> Tensor:
    """(n, bits), 0 to 1 -> (n,) float32 years: how many bits are more likely set than not.

    Bits need not fall from left to right; a wrong one costs one year.
    """
    return (probabilities > 0.5).sum(1).float()


def age_group(
    age: Tensor,
    groups: Sequence[tuple[float, float]] = ADIENCE_GROUPS,
    gaps: Literal["nearest", "drop"] = "nearest",
) -> Tensor:
    """The group that each age belongs to: (n,) years -> (n,) float32 index, NaN where there is none.

    Args:
        groups: first and last year of each, both within.
        gaps: what an age between two groups gets: the nearest of them, the younger of two equally near, or none.

    Raises:
        ValueError: an age is negative or infinite.
    """
    known = _known(age)
    years = torch.nan_to_num(age).floor()[:, None]
    first, last = torch.tensor(groups, device=age.device).T
    distance = torch.maximum(first - years, years - last).clamp(min=0)
    nearest = distance.min(dim=1)
    if gaps == "drop":
        known = known & (nearest.values == 0)
    return torch.where(known, nearest.indices.float(), torch.nan)


def _known(age: Tensor) -> Tensor:
    if bool(((age < 0) | age.isinf()).any()):
        raise ValueError("ages are years from 0 up, or NaN where not known")
    return ~age.isnan()


def _or_nan(target: Tensor, known: Tensor) -> Tensor:
    return torch.where(known[:, None], target, torch.nan)
