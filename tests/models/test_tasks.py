"""Tasks: logits become columns that the faces table takes, matched by name."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceray.errors import UserError
from faceray.models.tasks import Task, answer, decode
from faceray.results.schema import EMOTIONS, FACES, GENDERS, LABELS


def one_hot(task: Task, *labels: str) -> np.ndarray:
    logits = np.zeros((len(labels), task.outputs))
    logits[range(len(labels)), [task.labels.index(label) for label in labels]] = 50
    return logits


def test_age_is_the_mean_of_its_distribution():
    task = Task("age", "expectation")
    logits = np.full((2, 101), -np.inf)
    logits[0, 30] = 0  # certainly 30
    logits[1, [20, 40]] = np.log([0.75, 0.25])
    np.testing.assert_allclose(decode(task, logits)["age"], [30, 25], rtol=1e-6)


def test_age_may_have_coarse_bins_or_a_single_output():
    bins = Task("age", "expectation", tuple(str(10 * i) for i in range(12)))
    assert bins.outputs == 12
    logits = np.full((1, 12), -np.inf)
    logits[0, [3, 4]] = np.log([0.8, 0.2])  # C3AE's two-point code of 32
    np.testing.assert_allclose(decode(bins, logits)["age"], [32], rtol=1e-6)
    np.testing.assert_array_equal(decode(Task("age", "regression"), np.array([[41.5], [-3]]))["age"], [41.5, 0])


def test_labels_are_matched_by_name_not_by_place():
    task = Task("gender", "softmax", ("male", "female"))
    columns = decode(task, one_hot(task, "male", "female"))
    assert columns["gender"] == ["male", "female"]
    np.testing.assert_allclose(columns["gender_probabilities"], [[0, 1], [1, 0]], atol=1e-12)
    assert GENDERS == ("female", "male")


def test_a_label_that_the_network_does_not_know_has_probability_0():
    seven = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")  # FER2013's order
    task = Task("emotion", "softmax", seven)
    columns = decode(task, one_hot(task, *seven))
    assert columns["emotion"] == list(seven)
    probabilities = np.array(columns["emotion_probabilities"])
    assert (probabilities[:, EMOTIONS.index("contempt")] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_a_binary_attribute_is_a_probability():
    column = decode(Task("hat", "sigmoid"), np.array([[0.0], [np.log(3)], [-2000], [2000]]))["hat"]
    np.testing.assert_allclose(column, [0.5, 0.75, 0, 1], rtol=1e-6)
    assert column.dtype == np.float32


@given(logits=arrays(np.float32, (3, 5), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_probabilities_are_a_distribution_whatever_the_logits(logits):
    task = Task("race", "softmax", LABELS["race"])
    probabilities = np.array(decode(task, logits)["race_probabilities"])
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("count", [0, 2])
def test_the_columns_are_those_of_the_table(count):
    for task in (Task("age", "expectation"), Task("race", "softmax", LABELS["race"]), Task("beard", "sigmoid")):
        for name, values in decode(task, np.zeros((count, task.outputs), np.float32)).items():
            assert len(pa.array(values, FACES.field(name).type)) == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wrin kles", "sigmoid"), "letters"),
        (("wrinkles", "softmax", ("many",)), "two or more"),
        (("identity", "embedding", ("wide",)), "dimension"),
        (("age", "softmax"), "softmax"),
        (("smile", "expectation"), "expectation"),
        (("smile", "sigmoid", ("yes", "no")), "takes no labels"),
        (("race", "softmax", ("White", "Martian")), "Martian"),
        (("gender", "softmax", ("male", "male")), "different"),
        (("gender", "softmax"), "not none"),
        (("age", "expectation", ("young", "old")), "young"),
        (("age", "expectation", ("nan", "1")), "ages"),
    ],
)
def test_a_task_that_the_table_cannot_hold_is_refused_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        Task(*arguments)
    assert "\n" not in str(error.value)


def test_logits_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"'age' has 101 outputs .* shape \(4, 100\)"):
        decode(Task("age", "expectation"), np.zeros((4, 100)))


def test_an_ordinal_age_is_the_number_of_levels_passed():
    outputs = np.full((2, 100), -1.0)
    outputs[0, :31] = 1
    np.testing.assert_array_equal(decode(Task("age", "ordinal"), outputs)["age"], [31, 0])


def test_a_task_that_the_table_does_not_have_is_answered_but_fills_no_column():
    pose = Task("pose", "softmax", ("frontal", "left", "right"))
    np.testing.assert_allclose(answer(pose, np.log([[0.2, 0.5, 0.3]])), [[0.2, 0.5, 0.3]])
    assert decode(pose, np.zeros((1, 3))) == {}
    angles = Task("angles", "regression", ("yaw", "pitch", "roll"))
    np.testing.assert_array_equal(answer(angles, np.array([[-10.0, 5, 0]])), [[-10, 5, 0]])
    assert Task("identity", "embedding").outputs == 512
    assert Task("identity", "embedding", ("128",)).outputs == 128
