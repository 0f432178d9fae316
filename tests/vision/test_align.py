"""Alignment: transforms against hand-worked cases, crops against facenet-pytorch and against themselves."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceray.errors import UserError
from faceray.vision.align import TEMPLATE_SIZES, TEMPLATES, Crop, similarity, template, transform, triple_box, warp

ARCFACE = TEMPLATES["arcface"]
CROPS = [
    Crop("similarity", 32),
    Crop("similarity", 48, "dlib"),
    Crop("margin", 32, margin=0.2),
    Crop("triple_box", 32),
]


def texture(height: int, width: int) -> np.ndarray:
    """A picture with detail at every scale, as photos have."""
    rng = np.random.default_rng(0)
    layers = [rng.normal(0, 1, (max(height >> k, 1), max(width >> k, 1), 3)) * 1.3**k for k in range(9)]
    picture = sum(cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) for layer in layers)
    low, high = picture.min(), picture.max()
    return ((picture - low) / (high - low) * 255).astype(np.uint8)


@given(scale=st.floats(0.01, 100), angle=st.floats(-180, 180), shift=arrays(float, 2, elements=st.floats(-1000, 1000)))
def test_similarity_finds_the_transform_that_made_the_target(scale, angle, shift):
    c, s = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    rotation = np.array([[c, -s], [s, c]])
    matrix = similarity(ARCFACE, ARCFACE @ rotation.T + shift)
    np.testing.assert_allclose(matrix, np.column_stack([rotation, shift]), rtol=1e-9, atol=1e-6)


def test_similarity_is_the_least_squares_one_and_never_a_reflection():
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)) @ [[-1, 0], [0, 1]]
    # the same problem as a linear system in (a, b, tx, ty): x' = a x - b y + tx, y' = b x + a y + ty
    one, zero = np.ones(5), np.zeros(5)
    x, y = source.T
    system = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, tx, ty = np.linalg.lstsq(system, target.T.ravel())[0]
    matrix = similarity(source, target)
    np.testing.assert_allclose(matrix, [[a, -b, tx], [b, a, ty]], atol=1e-12)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_a_weight_counts_like_repeated_points_and_zero_like_absence():
    rng = np.random.default_rng(2)
    source, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    repeated = [0, 0, 0, 1, 2, 3]
    np.testing.assert_allclose(
        similarity(source, target, np.array([3, 1, 1, 1, 0])), similarity(source[repeated], target[repeated])
    )


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((5, 2)),
        np.tile([70.1, 33.3], (5, 1)),
        np.full((5, 2), np.nan),
        np.full((5, 2), np.inf),
        np.arange(10.0).reshape(5, 2) * 1e300,
    ],
)
def test_similarity_refuses_landmarks_without_one(source):
    with pytest.raises(ValueError, match="without a similarity transform"):
        similarity(source, ARCFACE)


def test_a_template_of_twice_the_size_shows_the_same_picture():
    picture = texture(300, 300)
    small = Crop("similarity", 56).cut(picture, np.zeros(4), ARCFACE * 2)[0]
    large = Crop("similarity", 112).cut(picture, np.zeros(4), ARCFACE * 2)[0]
    halved = cv2.resize(large, (56, 56), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - halved).mean() < 2
    np.testing.assert_array_equal(template("dlib", TEMPLATE_SIZES["dlib"]), TEMPLATES["dlib"])


def test_landmarks_on_the_template_give_the_picture_itself():
    picture = texture(112, 112)
    np.testing.assert_array_equal(Crop("similarity", 112).cut(picture, np.zeros(4), ARCFACE)[0], picture)


@pytest.mark.parametrize("shrink", [3, 8])
def test_a_large_face_gives_the_crop_of_the_same_picture_made_smaller_first(shrink):
    small_landmarks = ARCFACE * 0.98 + [20, 30]
    small_size = 160
    large = texture(small_size * shrink, small_size * shrink)
    large_landmarks = (small_landmarks + 0.5) * shrink - 0.5
    small = cv2.resize(large, (small_size, small_size), interpolation=cv2.INTER_AREA)

    crop = Crop("similarity", 112)
    wanted = crop.cut(small, np.zeros(4), small_landmarks)[0].astype(int)
    got = crop.cut(large, np.zeros(4), large_landmarks)[0]
    plain = cv2.warpAffine(large, similarity(large_landmarks, ARCFACE), (112, 112))
    assert np.abs(got - wanted).mean() < 2.0
    assert np.abs(got - wanted).mean() < 0.5 * np.abs(plain - wanted).mean()


def test_outside_the_picture_is_black():
    crop = Crop("similarity", 112).cut(
        np.full((112, 112, 3), 200, np.uint8), np.zeros(4), ARCFACE + np.array([56, 0])
    )[0]
    assert (crop[:, :54] == 200).all()
    assert (crop[:, 58:] == 0).all()


@pytest.mark.parametrize("margin", [0, 20])
@pytest.mark.parametrize("box", [[30.7, 12.2, 90.4, 88.9], [-20.5, -3.2, 60.1, 70.7], [100.2, 80.3, 400.0, 300.0]])
def test_margin_crops_are_those_of_facenet(box, margin):
    from facenet_pytorch.models.utils.detect_face import extract_face

    picture = texture(120, 140)
    wanted = extract_face(picture, np.array(box), image_size=96, margin=margin)  # (3, 96, 96) float, 0 to 255
    got = Crop("margin", 96, margin=margin / 2 / (96 - margin)).cut(picture, np.array(box), ARCFACE)
    np.testing.assert_array_equal(got[0], wanted.permute(1, 2, 0).numpy())


def test_triple_box_by_hand():
    # 40 wide and 60 high: the outer box grows by 20. The nose is 35 below the top. The inner box is 40 wide.
    landmarks = np.array([[20, 30], [40, 30], [31, 55], [22, 70], [38, 70]])
    boxes = triple_box(np.array([10, 20, 50, 80]), landmarks)
    np.testing.assert_array_equal(boxes, [[-10, 0, 70, 100], [-4, 20, 66, 90], [11, 35, 51, 75]])


def test_triple_box_crops_stretch_each_box_and_fill_with_zeros():
    picture = texture(100, 50)
    landmarks = np.array([[20, 30], [40, 30], [31, 55], [22, 70], [38, 70]])
    crops = Crop("triple_box", 40).cut(picture, np.array([10, 20, 50, 80]), landmarks)
    padded = np.zeros((100, 90, 3), np.uint8)
    padded[:, 10:60] = picture
    np.testing.assert_array_equal(crops[2][:, :39], picture[35:75, 11:50])  # inner: 40 x 40, one column missing
    assert (crops[2][:, 39] == 0).all()
    outer = cv2.resize(padded[:, :80], (40, 40), interpolation=cv2.INTER_AREA)  # 80 x 100 -> 40 x 40
    assert np.abs(crops[0].astype(int) - outer).mean() < 2


@pytest.mark.parametrize("crop", CROPS, ids=lambda c: f"{c.kind}-{c.template}")
@given(
    box=arrays(float, 4, elements=st.floats(allow_nan=True, allow_infinity=True) | st.floats(-300, 300)),
    landmarks=arrays(float, (5, 2), elements=st.floats(allow_nan=True, allow_infinity=True) | st.floats(-300, 300)),
)
def test_no_geometry_is_too_odd(crop, box, landmarks):
    cut = crop.cut(np.full((40, 60, 3), 255, np.uint8), box, landmarks)
    assert cut.shape == (crop.count, crop.size, crop.size, 3)
    assert cut.dtype == np.uint8


@pytest.mark.parametrize("crop", CROPS, ids=lambda c: f"{c.kind}-{c.template}")
def test_boxes_of_a_pixel_show_it_and_boxes_outside_show_nothing(crop):
    picture, nowhere = np.full((40, 60, 3), 255, np.uint8), np.full((5, 2), np.nan)
    assert (crop.cut(picture, np.array([20.3, 20.3, 20.9, 20.9]), nowhere) == 255).mean() > 0.7
    for box in ([-90, 5, -60, 35], [5, -90, 35, -60], [100, 5, 130, 35], [5, 100, 35, 130]):
        assert (crop.cut(picture, np.array(box), nowhere) == 0).all()
    assert (crop.cut(picture, np.full(4, np.nan), nowhere) == 0).all()


def test_warp_may_shrink_by_different_factors():
    picture = texture(400, 200)
    crop = warp(picture, np.array([[0.25, 0, -0.375], [0, 0.125, -0.4375]]), 50)
    np.testing.assert_allclose(crop, cv2.resize(picture, (50, 50), interpolation=cv2.INTER_AREA), atol=1)


@pytest.mark.parametrize(
    "arguments", [{"kind": "square"}, {"template": "mean"}, {"size": 0}, {"size": 5000}, {"margin": -1.0}]
)
def test_a_crop_that_does_not_exist_is_refused(arguments):
    with pytest.raises(UserError, match=str(next(iter(arguments.values())))):
        Crop(**{"kind": "similarity", "size": 112, **arguments})


def test_on_photos_the_eyes_come_to_their_places():
    if "FACERAY_DATA" not in os.environ:
        pytest.skip("needs FACERAY_DATA, the folder of development data")
    from facenet_pytorch import MTCNN

    detector = MTCNN(device="cpu")
    for path in sorted(Path(os.environ["FACERAY_DATA"], "lfw").glob("A*/*_0001.jpg"))[:6]:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        boxes, _, landmarks = detector.detect(picture, landmarks=True)
        crop = Crop("similarity", 112).cut(picture, boxes[0], landmarks[0].astype(float))[0]
        _, _, found = detector.detect(cv2.copyMakeBorder(crop, 40, 40, 40, 40, cv2.BORDER_REPLICATE), landmarks=True)
        assert np.abs(found[0].astype(float) - 40 - ARCFACE).mean() < 5


@pytest.mark.parametrize("crop", CROPS, ids=lambda c: f"{c.kind}-{c.template}")
def test_the_matrix_says_where_a_point_comes_to_lie(crop):
    """A bright spot of the picture lies in the crop where the matrix says."""
    picture, spot = np.zeros((120, 140, 3), np.uint8), np.array([[64.0, 58.0]])
    cv2.circle(picture, (64, 58), 4, (255, 255, 255), -1)
    box, landmarks = np.array([30.4, 22.7, 95.2, 100.1]), ARCFACE * 0.6 + 25
    matrix = crop.matrix(140, 120, box, landmarks)
    crops = crop.cut(picture, box, landmarks)[0][:, :, 0].astype(float)
    y, x = np.indices(crops.shape)
    centre = [(x * crops).sum() / crops.sum(), (y * crops).sum() / crops.sum()]
    np.testing.assert_allclose(transform(spot, matrix)[0], centre, atol=0.3)


def test_where_nothing_is_cut_there_is_no_matrix():
    points, unknown = np.zeros((5, 2)), np.full((5, 2), np.nan)
    outside = Crop("margin", 32).matrix(60, 40, np.array([-90.0, 5, -60, 35]), unknown)
    nowhere = Crop("similarity", 32).matrix(60, 40, np.full(4, np.nan), unknown)
    assert np.isnan(transform(points, outside)).all()
    assert np.isnan(transform(points, nowhere)).all()
