"""VGG-Face: counts, layers numbered as torchvision's, what cross-stitching mixes."""

import pytest
import torch
import torchvision
from torch import nn

from faceray.models.trunks import count_parameters
from faceray.models.vgg_face import CrossStitch, VGGFace, vgg16_features
from tests.models.parity import PLAIN, pictures

EAGP = {"emotion": 7, "pose": 5, "age": 8, "gender": 2}


def small(heads: dict[str, int], **arguments: object) -> VGGFace:
    """The whole trunk, with pictures of 32 pixels and thin layers after it."""
    return VGGFace(heads, 32, PLAIN, common=16, branch=8, **arguments).eval()


def test_parameters_as_published():
    with torch.device("meta"):
        module = VGGFace(EAGP, 224, PLAIN)
    assert count_parameters(module.trunk) == 14_714_688
    assert count_parameters(module.common) == 25_691_136
    assert count_parameters(module) == 40_998_998


def test_layers_have_torchvisions_names_and_shapes():
    with torch.device("meta"):
        theirs = torchvision.models.vgg16(weights=None).features.state_dict()
        ours = vgg16_features().state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


def test_one_output_per_task_at_full_size():
    with torch.device("meta"):
        outputs = VGGFace(EAGP, 224, nn.Identity(), batch_norm=True, dropout=0.5)(torch.empty(2, 3, 224, 224))
    assert [tuple(o.shape) for o in outputs] == [(2, 7), (2, 5), (2, 8), (2, 2)]


def test_cross_stitching_starts_as_nothing_and_gives_each_branch_its_part():
    stitch, branches = CrossStitch(3, 4), torch.randn(3, 2, 4)
    for before, after in zip(branches, stitch(branches), strict=True):
        torch.testing.assert_close(after, before)
    with torch.no_grad():
        stitch.weight[0, 8] = 10.0  # from the first number of the first branch to the first of the third
    first, second, third = stitch(branches)
    torch.testing.assert_close(first, branches[0])
    torch.testing.assert_close(second, branches[1])
    torch.testing.assert_close(third[:, 0], branches[2, :, 0] + 10 * branches[0, :, 0])


def test_only_stitched_branches_see_each_other():
    torch.manual_seed(0)
    module = small({"emotion": 7, "pose": 5, "age": 8})
    with torch.no_grad():
        assert module.stitch is not None
        module.stitch.weight.normal_()
        features = module.features(pictures(2, 3, 32, 32) * 10)
        before = module.logits(features)
        features["pose"] = features["pose"] + 1
        after = module.logits(features)
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [False, False, True]


def test_nothing_to_stitch_for_a_single_task():
    assert small({"emotion": 7}).stitch is None
    assert small({"emotion": 7, "age": 8}).stitch is None
    assert small({"emotion": 7, "age": 8}, stitch=["age", "emotion"]).stitched == ["age", "emotion"]


def test_features_are_those_of_each_task_before_the_activation():
    features = small(EAGP).features(pictures(4, 3, 32, 32))
    assert list(features) == list(EAGP)
    assert all(f.shape == (4, 8) and f.min() < 0 for f in features.values())


@pytest.mark.parametrize(("size", "arguments"), [(31, {}), (224, {"common": 10**9}), (224, {"branch": 0})])
def test_what_makes_no_vgg_face(size, arguments):
    with pytest.raises(ValueError, match="out of range"):
        VGGFace(EAGP, size, PLAIN, **arguments)
