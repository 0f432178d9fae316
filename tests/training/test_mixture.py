"""Gaussian mixtures: known clusters are found, densities are those of scipy, few samples do."""

from itertools import pairwise

import numpy as np
import torch
from scipy.stats import multivariate_normal

from faceray.training.mixture import Mixture, fit_mixture

rng = np.random.default_rng(1)
CENTRES = np.array([[0.0, 0, 0], [6, 0, 0], [0, 7, 3]])
SPREAD = np.array([[1.0, 0.6, 0], [0.6, 1, 0], [0, 0, 0.3]])
SIZES = (300, 600, 100)
X = np.vstack([rng.multivariate_normal(c, SPREAD, n) for c, n in zip(CENTRES, SIZES, strict=True)])


def test_it_finds_weights_means_and_full_covariances():
    found = fit_mixture(torch.tensor(X), 3)
    order = [int(np.linalg.norm(found.means.numpy() - c, axis=1).argmin()) for c in CENTRES]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(found.means[order], CENTRES, atol=0.3)
    np.testing.assert_allclose(found.weights[order], [0.3, 0.6, 0.1], atol=0.02)
    np.testing.assert_allclose(found.covariances[order[1]], SPREAD, atol=0.15)
    assigned = found.assign(torch.tensor(X)).numpy()
    assert (assigned[300:900] == order[1]).mean() > 0.99


def test_its_density_is_that_of_scipy():
    weights, covariances = torch.tensor(np.array([0.3, 0.7])), torch.tensor(np.stack([SPREAD, 2 * SPREAD]))
    mixture = Mixture(weights, torch.tensor(CENTRES[:2]), covariances)
    expected = [
        np.log(0.3) + multivariate_normal(CENTRES[0], SPREAD).logpdf(X),
        np.log(0.7) + multivariate_normal(CENTRES[1], 2 * SPREAD).logpdf(X),
    ]
    np.testing.assert_allclose(mixture.log_joint(torch.tensor(X)).T, expected, rtol=1e-9)


def test_the_likelihood_never_falls():
    x = torch.tensor(X)
    fits = [fit_mixture(x, 4, seed=3, iterations=n, tolerance=-1) for n in (1, 2, 4, 8, 16)]
    likelihood = [float(fit.log_joint(x).logsumexp(1).mean()) for fit in fits]
    assert all(b >= a - 1e-6 for a, b in pairwise(likelihood))


def test_few_samples_in_many_dimensions():
    found = fit_mixture(torch.tensor(rng.normal(size=(6, 128))), 4)
    assert found.means.isfinite().all()
    assert found.log_joint(torch.tensor(rng.normal(size=(2, 128)))).isfinite().all()


def test_fewer_samples_than_components_and_copies():
    assert len(fit_mixture(torch.ones(2, 3), 4).means) == 2
    assert fit_mixture(torch.ones(9, 3), 4).assign(torch.ones(1, 3)).shape == (1,)


def test_the_same_seed_gives_the_same_fit():
    x = torch.tensor(X)
    assert torch.equal(fit_mixture(x, 3, seed=5).means, fit_mixture(x, 3, seed=5).means)
