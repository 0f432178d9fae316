"""The three networks: facenet-pytorch's weights give facenet-pytorch's numbers."""

import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import nn

from faceray.models.mtcnn import ONET_FILE, PNET_FILE, RNET_FILE, onet, pnet, rnet

NETWORKS = [(pnet, PNet), (rnet, RNet), (onet, ONet)]


def pictures(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("ours", "theirs", "size"), [(*n, s) for n, s in zip(NETWORKS, (12, 24, 48), strict=True)])
def test_outputs_are_those_of_facenet_pytorch(ours: type, theirs: type, size: int) -> None:
    batch = pictures(8, 3, size, size)
    with torch.inference_mode():
        face, box, *points = ours()(batch)
        *regressions, probabilities = theirs()(batch)
    torch.testing.assert_close(face, probabilities[:, 1])
    torch.testing.assert_close(box, regressions[0])
    assert len(points) == len(regressions) - 1
    for mine, reference in zip(points, regressions[1:], strict=True):
        torch.testing.assert_close(mine, reference)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (13, 29), (64, 64), (101, 77)])
def test_the_proposal_network_takes_any_size(height: int, width: int) -> None:
    batch = pictures(2, 3, height, width)
    with torch.inference_mode():
        face, box = pnet()(batch)
        reference, probabilities = PNet()(batch)
    assert face.shape == (2, (height - 1) // 2 - 4, (width - 1) // 2 - 4)
    torch.testing.assert_close(face, probabilities[:, 1])
    torch.testing.assert_close(box, reference)


@pytest.mark.parametrize("network", [pnet, rnet, onet])
def test_ready_to_run(network: type) -> None:
    module: nn.Module = network()
    assert not module.training


def test_three_files_of_one_package() -> None:
    files = (PNET_FILE, RNET_FILE, ONET_FILE)
    assert len({file.sha256 for file in files}) == 3
    for file in files:
        assert file.locate().is_file()
        assert "MIT" in file.licence
