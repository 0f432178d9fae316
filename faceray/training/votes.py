"""Votes of several annotators as targets, by the four ways of FER+.

Barsoum et al., "Training deep networks for facial expression recognition with crowd-sourced label distribution",
ICMI 2016.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Mode = Literal["majority", "crossentropy", "probability", "multi_target"]
Votes = Sequence[float]


def encode_votes(votes: Tensor, mode: Mode, emotions: int = 8, fewest: float = 2) -> Tensor:
    """Counts of votes -> targets; a row of NaN where the annotators do not agree enough.

    Emotions with fewer votes than `fewest` are taken for slips and get none. Then, of the votes left:

    - `majority`: the emotion with more than half of them, one-hot.
    - `crossentropy` and `probability`: emotions by falling votes, those with equal votes together, until three
      quarters of the votes, three emotions, or a vote for no emotion are reached; the row is their shares. Needed: more
      than half of the votes, and at most three emotions. For `probability`, `draw` one emotion in every epoch.
    - `multi_target`: 1 for each emotion with 30 % or more, for the loss `best_of_set`; these must have more than half
      of the votes, and the first among them must be an emotion.

    Args:
        votes: (n, emotions + m) counts; the last m columns are no emotion ("unknown", "not a face").

    Returns:
        (n, emotions) float32; rows sum to 1, but for `multi_target`.
    """
    kept = torch.where(votes >= fewest, votes.double(), 0.0).tolist()
    rule = {"majority": _majority, "multi_target": _multi_target}.get(mode, _shares)
    rows = [rule(row, emotions) or [float("nan")] * emotions for row in kept]
    return torch.tensor(rows, dtype=torch.float32, device=votes.device).reshape(-1, emotions)


def draw(target: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One class of each row at random by its probability: (n, K) -> one-hot (n, K); rows of NaN stay."""
    known = target.isfinite().all(1)
    filled = torch.where(known[:, None], target, 1.0)
    index = torch.multinomial(filled, 1, generator=generator)
    return torch.where(known[:, None], torch.zeros_like(target).scatter_(1, index, 1.0), torch.nan)


def _majority(votes: Votes, emotions: int) -> list[float] | None:
    best = max(votes)
    winner = votes.index(best)
    if best <= 0.5 * sum(votes) or winner >= emotions:
        return None
    return [float(i == winner) for i in range(emotions)]


def _shares(votes: Votes, emotions: int) -> list[float] | None:
    taken: list[int] = []
    for level in sorted({v for v in votes if v > 0}, reverse=True):
        tied = [i for i, v in enumerate(votes) if v == level]
        taken += [i for i in tied if i < emotions]
        if tied[-1] >= emotions or len(taken) >= 3 or sum(votes[i] for i in taken) >= 0.75 * sum(votes):
            break
    total = sum(votes[i] for i in taken)
    if total <= 0.5 * sum(votes) or len(taken) > 3:
        return None
    return [votes[i] / total if i in taken else 0.0 for i in range(emotions)]


def _multi_target(votes: Votes, emotions: int) -> list[float] | None:
    taken = [v if v > 0 and v >= 0.3 * sum(votes) else 0.0 for v in votes]
    if sum(taken) <= 0.5 * sum(votes) or taken.index(max(taken)) >= emotions:
        return None
    return [float(v > 0) for v in taken[:emotions]]
