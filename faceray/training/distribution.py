"""How near the clusters of guessed samples are to the labelled ones, by earth mover's distance."""

import torch
from torch import Tensor

from faceray.training.mixture import fit_mixture


def partial_emd(distance: Tensor, mass: Tensor | float, masses: Tensor) -> Tensor:
    """Earth mover's distance from one pile of earth to several holes: the mean way of what can be moved.

    Rubner et al., IJCV 2000, with partial matching: the smaller total is moved. From a single pile the cheapest plan
    fills the nearest hole first, so that no linear programme is needed.

    Args:
        distance: (k,) from the pile to each hole. mass: of the pile. masses: (k,) of the holes.
    """
    order = distance.argsort()
    room = masses[order]
    before = room.cumsum(0) - room
    flow = torch.minimum(room, (mass - before).clamp(min=0))
    return (flow * distance[order]).sum() / flow.sum()


def distribution_weights(features: Tensor, labelled: Tensor, clusters: int = 4, seed: int = 0) -> Tensor:
    """A weight for each guessed sample: the inverse distance of its cluster from the labelled samples' mixture.

    Hong et al., ICME 2020: one Gaussian mixture for each of the two sets; component j of the guessed ones, with mean
    μ_j and mass π_j, has the distance d_j = EMD({(μ_j, π_j)}, {(μ_i, π_i)} labelled), and its samples the weight
    1 / d_j, divided by the largest. Scales of the features do not matter.

    Args:
        features: (n, d) of the guessed samples. labelled: (m, d).

    Returns:
        (n,) float32 in (0, 1]; all 1 where either set is empty.
    """
    if len(features) == 0 or len(labelled) == 0:
        return torch.ones(len(features), device=features.device)
    guessed, known = fit_mixture(features, clusters, seed), fit_mixture(labelled, clusters, seed)
    ways = torch.cdist(guessed.means, known.means)
    pairs = zip(ways, guessed.weights, strict=True)
    distance = torch.stack([partial_emd(way, mass, known.weights) for way, mass in pairs])
    used = guessed.assign(features)
    distance = distance.clamp(min=1e-6 * float(distance.max()) + 1e-12)
    inverse = distance[used].reciprocal()
    return (inverse / inverse.max()).float()
