"""Gaussian mixtures with full covariances, by expectation maximisation."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """Σ_k π_k N(μ_k, Σ_k), all float64: weights (k,) sum to 1, means (k, d), covariances (k, d, d)."""

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def log_joint(self, x: Tensor) -> Tensor:
        """log π_k + log N(x; μ_k, Σ_k): (n, d) -> (n, k)."""
        factors = torch.linalg.cholesky(self.covariances)
        centred = (x.to(self.means)[None] - self.means[:, None]).mT  # (k, d, n)
        white: Tensor = torch.linalg.solve_triangular(factors, centred, upper=False)
        log_det = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(1)
        constant: Tensor = self.weights.log() - 0.5 * (log_det + x.shape[1] * math.log(2 * math.pi))
        return constant - 0.5 * white.square().sum(1).T

    def assign(self, x: Tensor) -> Tensor:
        """The likeliest component of each sample: (n, d) -> (n,) int64."""
        return self.log_joint(x).argmax(1)


def fit_mixture(
    x: Tensor, components: int, seed: int = 0, iterations: int = 100, tolerance: float = 1e-3, ridge: float = 1e-6
) -> Mixture:
    """Fit by expectation maximisation (Dempster et al. 1977) from k-means++ centres (Arthur and Vassilvitskii 2007).

    Args:
        x: (n, d), n >= 1. With fewer samples than components there is one component for each.
        tolerance: it ends when the mean log-likelihood of a sample gains less.
        ridge: added to the variances, in units of the mean variance, so that few samples in many dimensions do.
    """
    x = x.double()
    components = min(components, len(x))
    floor = ridge * float(x.var(dim=0, correction=0).mean()) + 1e-12
    resp = torch.nn.functional.one_hot(_nearest(x, _spread(x, components, seed)), components).double()
    before = -math.inf
    for _ in range(iterations):
        mixture = _maximise(x, resp, floor)
        joint = mixture.log_joint(x)
        total = joint.logsumexp(1, keepdim=True)
        resp, now = (joint - total).exp(), float(total.mean())
        if now - before < tolerance:
            break
        before = now
    return mixture


def _maximise(x: Tensor, resp: Tensor, floor: float) -> Mixture:
    size = resp.sum(0) + 1e-9
    means = resp.T @ x / size[:, None]
    ridge = floor * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    covariances = []
    for share, mean, total in zip(resp.T, means, size, strict=True):
        centred = x - mean
        covariances.append((share[:, None] * centred).T @ centred / total + ridge)
    return Mixture(size / size.sum(), means, torch.stack(covariances))


def _spread(x: Tensor, count: int, seed: int, tries: int = 8) -> Tensor:
    """Samples far from each other: the best of several draws by squared distance from those chosen so far."""
    generator = torch.Generator().manual_seed(seed)
    chosen = [int(torch.randint(len(x), (1,), generator=generator))]
    square = torch.cdist(x, x[chosen])[:, 0].square()
    while len(chosen) < count:
        odds = square if bool((square > 0).any()) else torch.ones_like(square)  # copies only
        drawn = torch.multinomial(odds.cpu(), tries, replacement=True, generator=generator).to(x.device)
        left = torch.minimum(square[:, None], torch.cdist(x, x[drawn]).square())
        best = left.sum(0).argmin()
        chosen.append(int(drawn[best]))
        square = left[:, best]
    return x[chosen]


def _nearest(x: Tensor, centres: Tensor, rounds: int = 10) -> Tensor:
    """Numbers of the nearest centres after some rounds of k-means."""
    for _ in range(rounds):
        member = torch.nn.functional.one_hot(torch.cdist(x, centres).argmin(1), len(centres)).double()
        size = member.sum(0)[:, None]
        centres = torch.where(size > 0, member.T @ x / size.clamp(min=1), centres)
    return torch.cdist(x, centres).argmin(1)
