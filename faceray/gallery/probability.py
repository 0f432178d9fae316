"""How probable it is that a candidate shows the probe's person."""

import numpy as np
from numpy.typing import NDArray

from faceray.gallery.calibration import Calibration

Floats = NDArray[np.floating]
_MOST = 1e12  # odds that are as good as certain


def probabilities(
    scores: Floats, people: NDArray[np.int64], calibration: Calibration, faces: int, prior: float
) -> NDArray[np.float32]:
    """By Bayes' rule over the candidates of a probe: (n, k). NaN where nothing is known of pairs of one person.

    The probe's person is one of the candidates' people, or in the gallery and not among them, or not there at all. So
    what speaks for one person speaks against all others; a candidate without a name is judged alone.

    Args:
        scores: (n, k) in any order, -inf where there is no candidate.
        people: (n, k) numbers of the candidates' people, -1 for those without a name.
        faces: of the gallery. prior: probability that a probe's person is in it.
    """
    if not calibration.genuine:
        return np.full(scores.shape, np.nan, np.float32)
    odds = np.minimum(calibration.odds(scores, faces, prior), _MOST)
    lowest = np.where(np.isfinite(scores), scores, np.inf).min(axis=1, initial=np.inf)
    nobody = 1 - prior + prior * calibration.missed(np.where(np.isfinite(lowest), lowest, -1.0))
    named = people >= 0
    keys = np.arange(len(scores))[:, None] * (people.max(initial=0) + 1) + people
    _, first, person = np.unique(keys[named], return_index=True, return_inverse=True)
    best = np.zeros(len(first))
    np.maximum.at(best, person, odds[named])
    own, others = np.zeros_like(odds), np.zeros(len(odds))
    own[named] = best[person]
    np.add.at(others, np.nonzero(named)[0][first], best)
    rivals = np.where(named, others[:, None] - own, 0.0)
    total = odds + np.maximum(rivals, 0.0) + nobody[:, None]
    return np.asarray(odds / np.maximum(total, 1e-12), np.float32)
