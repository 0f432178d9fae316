"""dlib's ResNet without dlib: equal to dlib on a photo and on noise; foreign bytes are refused at once."""

import cv2
import dlib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from faceray.errors import UserError
from faceray.models.dlib_resnet import WEIGHTS, DlibResNet, load_dlib_resnet, parse_dlib_resnet

CONTENT = WEIGHTS.read()


@pytest.fixture(scope="module")
def network() -> DlibResNet:
    return load_dlib_resnet()


def pictures() -> np.ndarray:
    """(4, 150, 150, 3) uint8: a face at two sizes, noise, black."""
    face = data.astronaut()
    noise = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)
    crops = [cv2.resize(face[20:200, 130:310], (150, 150)), face[40:190, 150:300], noise, np.zeros_like(noise)]
    return np.stack(crops)


def test_equals_dlib(network: DlibResNet):
    reference = dlib.face_recognition_model_v1(str(WEIGHTS.locate()))
    expected = np.array([reference.compute_face_descriptor(picture) for picture in pictures()])
    with torch.inference_mode():
        actual = network(torch.from_numpy(pictures().transpose(0, 3, 1, 2)).float())
    assert actual.dtype == torch.float32
    np.testing.assert_allclose(actual.numpy(), expected, rtol=0, atol=1e-5)


def test_is_ready_for_use(network: DlibResNet):
    assert not network.training
    assert sum(parameter.numel() for parameter in network.parameters()) == 5_607_488


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(content: bytes):
    with pytest.raises(UserError, match="not the weights of dlib's face recognition ResNet"):
        parse_dlib_resnet(content)


@pytest.mark.parametrize("length", [400, 20_000, 1_000_000, len(CONTENT) - 200])
def test_a_file_that_ends_early_is_refused(length: int):
    with pytest.raises(UserError, match="not the weights"):
        parse_dlib_resnet(CONTENT[:length])


def test_a_file_that_announces_another_size_is_refused_without_allocating_it():
    start = CONTENT.index(b"\x01\x05con_4")
    enormous = b"\x01\x02" + b"\x08" + b"\xff" * 7 + b"\x7f" + b"\x01\x01" * 3  # one size of 2**63 - 1
    with pytest.raises(UserError, match=r"con_4 .* has shape \[9223372036854775807, 1, 1, 1\], not 4736 parameters"):
        parse_dlib_resnet(CONTENT[: start + 7] + enormous + CONTENT[start + 17 :])
    negative = b"\x01\x02" + b"\x82\x80\x12" + b"\x81\x01" + b"\x01\x01" * 2  # (-4736) * (-1) is 4736 again
    with pytest.raises(UserError, match="shape"):
        parse_dlib_resnet(CONTENT[: start + 7] + negative + CONTENT[start + 17 :])


def test_layers_in_another_order_are_refused():
    swapped = CONTENT.replace(b"\x01\x07affine_", b"\x01\x07xffine_", 1)
    with pytest.raises(UserError, match="no layer affine_"):
        parse_dlib_resnet(swapped)
