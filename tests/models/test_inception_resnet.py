"""FaceNet: loads a checkpoint of facenet-pytorch's shape from the cache; the rest is one clear line."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from faceray.errors import UserError
from faceray.models import inception_resnet
from faceray.models.inception_resnet import DOWNLOADS, load_inception_resnet

NAMES = {"vggface2": "20180402-114759-vggface2.pt", "casia-webface": "20180408-102900-casia-webface.pt"}
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network: every address is one that refuses the connection at once."""
    monkeypatch.setenv("FACERAY_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    closed = {name: replace(DOWNLOADS[name], url=NOWHERE + file, sha256=None) for name, file in NAMES.items()}
    monkeypatch.setattr(inception_resnet, "DOWNLOADS", closed)
    return tmp_path


@pytest.fixture(scope="module")
def original() -> InceptionResnetV1:
    """facenet-pytorch's network with random weights and, like the published files, a classifier."""
    torch.manual_seed(0)
    return InceptionResnetV1(classify=True, num_classes=7).eval()


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "before torch 1.6"])
def test_loads_a_checkpoint_from_the_cache(original: InceptionResnetV1, cache: Path, new_format: bool):
    torch.save(original.state_dict(), cache / NAMES["vggface2"], _use_new_zipfile_serialization=new_format)
    network = load_inception_resnet("vggface2")
    pixels = torch.randint(0, 256, (2, 3, 160, 160), generator=torch.Generator().manual_seed(1)).float()
    with torch.inference_mode():
        original.classify = False
        torch.testing.assert_close(network(pixels), original((pixels - 127.5) / 128))
    assert network(pixels[:1]).shape == (1, 512)
    assert not network.training


def test_the_file_first_seen_is_the_only_one_accepted_later(original: InceptionResnetV1, cache: Path):
    file = cache / NAMES["casia-webface"]
    torch.save(original.state_dict(), file)
    load_inception_resnet("casia-webface")
    assert (cache / (file.name + ".sha256")).read_text().startswith(hashlib.sha256(file.read_bytes()).hexdigest())
    state = original.state_dict()
    state["last_bn.bias"] = state["last_bn.bias"] + 1
    torch.save(state, file)
    with pytest.raises(UserError, match="not the expected file"):
        load_inception_resnet("casia-webface")


@pytest.mark.parametrize("name", NAMES)
def test_offline_the_message_says_which_file_to_put_where(name: str, cache: Path):
    with pytest.raises(UserError, match=f"put that file at {cache / NAMES[name]}$") as caught:
        load_inception_resnet(name)
    assert "\n" not in str(caught.value)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match="'ms1m': one of vggface2, casia-webface"):
        load_inception_resnet("ms1m")


class Evil:
    """Would create a file while being unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)


def test_code_in_a_checkpoint_is_not_run(cache: Path):
    torch.save({"last_linear.weight": Evil(cache / "ran")}, cache / NAMES["vggface2"])
    with pytest.raises(UserError, match="does not hold the weights"):
        load_inception_resnet("vggface2")
    assert not (cache / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_checkpoint_is_refused(cache: Path, content: bytes):
    (cache / NAMES["vggface2"]).write_bytes(content)
    with pytest.raises(UserError, match="does not hold the weights of Inception-ResNet-v1") as caught:
        load_inception_resnet("vggface2")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "state", [{"last_bn.bias": torch.zeros(3)}, [1, 2], {"last_bn.bias": "zero"}, {3: torch.zeros(1)}]
)
def test_another_networks_checkpoint_is_refused(cache: Path, state: object):
    torch.save(state, cache / NAMES["vggface2"])
    with pytest.raises(UserError, match="does not hold the weights"):
        load_inception_resnet("vggface2")
