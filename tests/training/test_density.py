"""Density against a plain numpy version, and where it has nothing to say."""

import numpy as np
import pytest
import torch

from faceray.training.density import density

rng = np.random.default_rng(0)


def plain(x: np.ndarray, quantile: float, gaussian: bool = False) -> np.ndarray:
    distance = np.linalg.norm(x[:, None] - x[None], axis=2)
    pairs = np.sort(distance[np.triu_indices(len(x), 1)])
    if gaussian:
        raw = np.exp(-((distance / pairs[-1]) ** 2) / 2).sum(1)
    else:
        raw = (distance < pairs[int(quantile * len(pairs))]).sum(1)
    return (raw - raw.min()) / (raw.max() - raw.min())


@pytest.mark.parametrize("kernel", ["count", "gaussian"])
@pytest.mark.parametrize("block", [7, 1024])
def test_it_is_the_scaled_number_of_near_neighbours_in_the_class(kernel, block: int):
    x = rng.normal(size=(50, 6))
    classes = rng.integers(0, 2, 50)
    found = density(torch.tensor(x), torch.tensor(classes), 0.6, kernel, block).numpy()
    for label in (0, 1):
        expected = plain(x[classes == label], 0.6, kernel == "gaussian")
        np.testing.assert_allclose(found[classes == label], expected, atol=1e-6)


def test_the_middle_of_a_cloud_is_dense_and_an_outlier_is_not():
    x = torch.tensor(np.vstack([rng.normal(size=(40, 3)), [[50, 50, 50]]]))
    found = density(x, torch.zeros(41, dtype=torch.int64))
    assert found[40] == 0
    assert found[x.norm(dim=1).argmin()] > 0.8


def test_the_cutoff_of_a_large_class_is_estimated_on_some_of_its_samples():
    x = torch.tensor(rng.normal(size=(600, 3)))
    classes = torch.zeros(600, dtype=torch.int64)
    assert (density(x, classes, sample=300) - density(x, classes)).abs().max() < 0.1


def test_classes_without_differences_weigh_1():
    x = torch.cat([torch.zeros(5, 2), torch.tensor([[1.0, 2]])])
    assert density(x, torch.tensor([0, 0, 0, 0, 0, 1])).tolist() == [1] * 6
    assert density(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)).shape == (0,)
