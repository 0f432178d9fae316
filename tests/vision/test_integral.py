"""Area resizing from summed-area tables: bit for bit what torch computes from the pixels."""

import numpy as np
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from faceray.vision.integral import Integral, _crops_torch

SIZES = st.integers(1, 200)  # torch sums in float32: exact up to 2^24, so up to 256 x 256 pixels in one bin


def noise(seed: int, count: int, height: int, width: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(count)]


def area(image: np.ndarray, height: int, width: int) -> torch.Tensor:
    """The reference: (1, 3, height, width)."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
    return interpolate(pixels, (height, width), mode="area")


@given(st.integers(0, 9), SIZES, SIZES, SIZES, SIZES)
def test_resizing_equals_torch(seed: int, height: int, width: int, out_height: int, out_width: int) -> None:
    assume(out_height * out_width > 1)
    images = noise(seed, 2, height, width)
    resized = Integral(images).resize(out_height, out_width)
    assert resized.shape == (2, 3, out_height, out_width)
    assert resized.dtype == torch.float32
    expected = torch.cat([area(image, out_height, out_width) for image in images])
    assert torch.equal(resized, expected)


@st.composite
def rectangles(draw: st.DrawFn) -> tuple[int, int, list[tuple[int, int, int, int, int]]]:
    """Height and width of three images, and rectangles in them: image, x1, y1, x2, y2."""
    height, width = draw(SIZES), draw(SIZES)
    crops = []
    for _ in range(draw(st.integers(1, 8))):
        x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
        crops.append((draw(st.integers(0, 2)), x1, y1, x2, y2))
    return height, width, crops


@given(rectangles(), st.integers(1, 60), st.integers(1, 60))
def test_crops_equal_torch_and_both_implementations_agree(
    drawn: tuple[int, int, list[tuple[int, int, int, int, int]]], out_height: int, out_width: int
) -> None:
    assume(out_height * out_width > 1)
    height, width, crops = drawn
    images = noise(0, 3, height, width)
    integral = Integral(images)
    table = torch.tensor(crops)
    compiled = integral.crops(table[:, 0], table[:, 1:], out_height, out_width)
    gathered = _crops_torch(integral.table, table[:, 0], table[:, 1:], out_height, out_width)
    expected = torch.cat([area(images[i][y1:y2, x1:x2], out_height, out_width) for i, x1, y1, x2, y2 in crops])
    assert torch.equal(compiled, expected)
    assert torch.equal(gathered, expected)


@given(st.integers(0, 9), SIZES, SIZES)
def test_a_single_pixel_is_the_mean(seed: int, height: int, width: int) -> None:
    (image,) = noise(seed, 1, height, width)
    torch.testing.assert_close(Integral([image]).resize(1, 1), area(image, 1, 1), rtol=1e-6, atol=0)


def test_sums_beyond_32_bits_wrap_around_and_come_back() -> None:
    """Sums of a white picture of 4200 x 4200 pixels pass 2^32; rows of both halves are still told apart."""
    image = np.full((4200, 4200, 3), 255, np.uint8)
    image[2100:] = 100
    resized = Integral([image]).resize(4, 3)
    assert torch.equal(resized[0, :, :2], torch.full((3, 2, 3), 255.0))
    assert torch.equal(resized[0, :, 2:], torch.full((3, 2, 3), 100.0))


def test_values_between_0_and_255_and_enlarging_repeats_pixels() -> None:
    (image,) = noise(1, 1, 2, 3)
    resized = Integral([image]).resize(4, 6)[0].permute(1, 2, 0)
    assert torch.equal(resized, torch.from_numpy(image.repeat(2, 0).repeat(2, 1)).float())


def test_pictures_that_are_views_of_others() -> None:
    """Turned and cut pictures are not contiguous."""
    (image,) = noise(2, 1, 40, 30)
    for view in (image[::-1], image[:, ::-1], image.transpose(1, 0, 2), image[3:20, 5:25]):
        assert torch.equal(Integral([view]).resize(7, 5), area(view, 7, 5))


def test_no_crops() -> None:
    integral = Integral(noise(3, 1, 5, 5))
    none = torch.zeros(0, dtype=torch.int64)
    assert integral.crops(none, none.view(0, 1).expand(0, 4), 24, 24).shape == (0, 3, 24, 24)
