"""Trunks from torchvision: counts, shapes, and pretrained weights read without trust."""

import hashlib
import pickle

import pytest
import safetensors.torch
import torch
import torchvision

from faceray.errors import UserError
from faceray.models.trunks import TRUNKS, TorchvisionNet, count_parameters, load_pretrained
from tests.models.parity import PLAIN, check_exports, pictures, settled

COUNTS = {"vgg16": 264_708, "inception_v3": 1_051_140, "resnet50": 1_051_140}  # of the layers after the trunk
FOUR = {"eyeglasses": 1, "mustache": 1, "beard": 1, "hat": 1}


@pytest.mark.parametrize(("trunk", "count"), COUNTS.items())
def test_heads_of_the_original_attribute_networks(trunk, count):
    with torch.device("meta"):
        module = TorchvisionNet(FOUR, 224, PLAIN, trunk, hidden=[512], dropout=0.5)
    assert count_parameters(module) - count_parameters(module.trunk) == count


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_trunk_is_torchvisions_network_without_its_classifier(trunk):
    with torch.device("meta"):
        module = TorchvisionNet({"age": 101, "gender": 2}, 140, torch.nn.Identity(), trunk).eval()
        theirs = torchvision.models.get_model(trunk, weights=None)
        assert [tuple(o.shape) for o in module(torch.empty(2, 3, 140, 140))] == [(2, 101), (2, 2)]
    parts = [p.numel() for name, p in theirs.named_parameters() if not name.startswith(("fc", "classifier", "Aux"))]
    assert count_parameters(module.trunk) == sum(parts)


@pytest.mark.parametrize("trunk", ["resnet18", "mobilenet_v3_small"])
def test_exports_give_the_same_numbers(trunk):
    torch.manual_seed(0)
    module = settled(TorchvisionNet({"age": 101, "gender": 2}, 48, PLAIN, trunk), pictures(16, 3, 48, 48))
    check_exports(module, pictures(3, 3, 48, 48))


def mobilenet() -> torch.nn.Module:
    return torchvision.models.mobilenet_v3_small(weights=None)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_with_a_classifier_fits_its_trunk(tmp_path, suffix):
    theirs, path = mobilenet(), tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(theirs.state_dict(), path)
    else:
        safetensors.torch.save_file(theirs.state_dict(), path)
    module = TorchvisionNet(FOUR, 64, PLAIN, "mobilenet_v3_small").eval()
    load_pretrained(module.trunk, path, hashlib.sha256(path.read_bytes()).hexdigest())
    theirs.eval().classifier = torch.nn.Identity()
    batch = pictures(2, 3, 64, 64)
    torch.testing.assert_close(module.trunk(batch), theirs(batch))


def test_vgg16s_convolutions_have_the_files_names():
    with torch.device("meta"):
        theirs, ours = torchvision.models.vgg16(weights=None), TorchvisionNet(FOUR, 64, PLAIN, "vgg16").trunk
    names = [name for name in theirs.state_dict() if name.startswith("features")]
    assert list(ours.state_dict()) == names


class Malicious:
    """Unpickling this would create a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def test_nothing_in_a_file_is_executed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "weights.pt"
    torch.save({"weight": Malicious(str(victim))}, path)
    with pytest.raises(UserError, match="not weights that can be read safely"):
        load_pretrained(mobilenet(), path)
    path.write_bytes(pickle.dumps(Malicious(str(victim)), protocol=2))
    with pytest.raises(UserError, match="not weights that can be read safely"):
        load_pretrained(mobilenet(), path)
    assert not victim.exists()


def test_files_that_are_no_weights_of_the_network(tmp_path):
    linear = torch.nn.Linear(2, 2)
    with pytest.raises(UserError, match=r"cannot read .*: No such file"):
        load_pretrained(linear, tmp_path / "nothing.pt")
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="not weights that can be read safely"):
        load_pretrained(linear, path)
    safetensors.torch.save_file({"weight": torch.zeros(3, 2), "fc.bias": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"not the weights of this network: .*bias.*size mismatch for weight") as error:
        load_pretrained(linear, path)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="the sha256 differs"):
        load_pretrained(linear, path, "0" * 64)
    torch.save([torch.zeros(2, 2)], tmp_path / "list.pt")
    with pytest.raises(UserError, match="something else than the weights"):
        load_pretrained(linear, tmp_path / "list.pt")


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"PK\x03\x04" + b"x" * 50, b"\x80\x02}q\x00.", b"hello\n"])
def test_damaged_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_pretrained(torch.nn.Linear(2, 2), path)
    assert "\n" not in str(error.value)


def test_counting():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.BatchNorm1d(5))
    assert count_parameters(module) == (108 + 4) + 8 + 10
    assert count_parameters(module, statistics=True) == (108 + 4) + 16 + 20


@pytest.mark.parametrize(
    ("size", "arguments", "message"),
    [
        (112, {"trunk": "resnet34"}, "no trunk 'resnet34': one of resnet18"),
        (64, {"trunk": "inception_v3"}, "inception_v3 needs pictures of 75 pixels, not 64"),
        (112, {"hidden": [10**9]}, "widths"),
    ],
)
def test_what_makes_no_network(size, arguments, message):
    with pytest.raises(ValueError, match=message):
        TorchvisionNet(FOUR, size, PLAIN, **arguments)
