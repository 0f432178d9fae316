"""Files whose answers are not the checkpoint's are noticed."""

import numpy as np
import pytest

from faceray.errors import UserError
from faceray.exporting.parity import check, compare
from faceray.models.tasks import Task

TASKS = (Task("age", "expectation"), Task("gender", "softmax", ("male", "female")), Task("hat", "sigmoid"))
EXPECTED = {
    "age": np.array([[20.0], [40.0]]),
    "gender": np.array([[0.9, 0.1], [0.2, 0.8]]),
    "hat": np.array([[0.7], [0.1]]),
}


def test_figures_of_each_task() -> None:
    found = {**EXPECTED, "age": np.array([[21.0], [43.0]]), "hat": np.array([[0.4], [0.2]])}
    age, gender, hat = compare(TASKS, EXPECTED, found)
    assert (age.largest, age.mean, age.share, age.agreement) == (3, 2, 0.02, None)
    assert (gender.largest, gender.mean, gender.agreement) == (0, 0, 1)
    assert hat.agreement == 0.5
    assert hat.largest == pytest.approx(0.3)


def test_numbers_are_measured_by_their_own_size() -> None:
    tasks = (Task("pose", "regression", ("roll", "yaw")),)
    (pose,) = compare(tasks, {"pose": np.array([[0.0, -4.0]])}, {"pose": np.array([[0.0, -3.0]])})
    assert (pose.mean, pose.share) == (0.5, 0.125)


def test_less_exact_precisions_may_differ_more() -> None:
    near = compare(TASKS, EXPECTED, {**EXPECTED, "age": EXPECTED["age"] + 0.5})
    check(near, "fp16")
    with pytest.raises(UserError, match=r"not written: in fp32 the answers for age differ by 0\.5 in the mean"):
        check(near, "fp32")


def test_other_labels_are_refused_in_int8() -> None:
    turned = {**EXPECTED, "gender": np.array([[0.49, 0.51], [0.2, 0.8]])}
    far = compare(TASKS, {**EXPECTED, "gender": np.array([[0.51, 0.49], [0.2, 0.8]])}, turned)
    with pytest.raises(UserError, match=r"the same label for 50\.0% of the faces"):
        check(far, "int8")


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_nan_is_refused(precision: str) -> None:
    broken = compare(TASKS, EXPECTED, {**EXPECTED, "hat": np.array([[np.nan], [0.1]])})
    with pytest.raises(UserError, match="hat"):
        check(broken, precision)  # type: ignore[arg-type]


def test_another_shape_is_refused() -> None:
    with pytest.raises(UserError, match=r"hat has shape \(2,\) instead of \(2, 1\)"):
        compare(TASKS, EXPECTED, {**EXPECTED, "hat": np.array([0.7, 0.1])})
