"""Which part of a set a sample belongs to: the official one, or drawn by a seed with no person on both sides."""

import hashlib
from dataclasses import dataclass
from itertools import accumulate

from faceray.datasets.sample import Sample
from faceray.errors import UserError

PARTS = ("train", "val", "test")
RATIOS = {"70/30": (70, 0, 30), "80/20": (80, 0, 20), "80/10/10": (80, 10, 10), "90/10": (90, 10, 0)}


def part_named(stem: str) -> str | None:
    """The part that a file's name ends in: `val` of `val` and `race_val`; None where it ends in none."""
    word = stem.rpartition("_")[2]
    return word if word in PARTS else None


@dataclass(frozen=True)
class Split:
    """How to split.

    Args:
        rule: `official` (samples without an official part are drawn by `80/10/10`), one of RATIOS, or `5-fold` and the
            like, of which fold `fold` is the test part.
        seed: another seed draws other people.
        fold: from 0.

    A person is drawn as a whole: samples of one identity or subject end in one part. The draw is a hash of the seed
    and the person, so that it does not depend on the order of the files, and adding people moves nobody.
    """

    rule: str = "official"
    seed: int = 0
    fold: int = 0

    def __post_init__(self) -> None:
        folds = self._folds()
        if self.rule not in ("official", *RATIOS) and not folds:
            raise UserError(f"unknown split {self.rule!r}: official, {', '.join(RATIOS)}, or 5-fold and the like")
        if folds and not 0 <= self.fold < folds:
            raise UserError(f"split {self.rule} has folds 0 to {folds - 1}, not {self.fold}")

    def part(self, sample: Sample) -> str:
        """`train`, `val` or `test`."""
        if self.rule == "official" and sample.split:
            return sample.split
        drawn = self._draw(sample.identity or sample.subject or sample.image)
        if folds := self._folds():
            return "test" if int(drawn * folds) == self.fold else "train"
        limits = accumulate(RATIOS.get(self.rule, RATIOS["80/10/10"]))
        return next(part for part, limit in zip(PARTS, limits, strict=True) if drawn * 100 < limit)

    def _folds(self) -> int:
        number, dash, word = self.rule.partition("-")
        return int(number) if dash and word == "fold" and number.isdecimal() and int(number) > 1 else 0

    def _draw(self, person: str) -> float:
        """A number from 0 to 1, the same for the same person and seed everywhere."""
        digest = hashlib.blake2b(f"{self.seed} {person}".encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48
