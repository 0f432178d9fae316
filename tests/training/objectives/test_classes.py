"""Classes, votes, poses, yes and no: targets and figures by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from faceray.results.schema import EMOTIONS, GENDERS, RACES
from faceray.training.objectives.classes import Classes, Emotion, PoseClasses, YesNo
from tests.training.objectives.labels import labels

VOTES = {"neutral": 0.5, "happiness": 0.3, "sadness": 0.2}


def votes(**shares: float) -> dict[str, list[float]]:
    return {"emotion_votes": [shares.get(name, 0.0) for name in EMOTIONS]}


def calling(*classes: int, of: int) -> torch.Tensor:
    return 10 * torch.nn.functional.one_hot(torch.tensor(classes), of).float()


def test_labels_are_matched_by_name_in_any_order() -> None:
    rows = labels({"race": "Asian"}, {"race": "White"}, {}, {"race": "Martian"})
    objective = Classes(name="race", classes=("White", "Indian", "Asian"))
    torch.testing.assert_close(objective.truth(rows), torch.tensor([2.0, 0.0, nan, nan]), equal_nan=True)
    assert objective.encode(rows)[:2].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert objective.encode(rows)[2:].isnan().all()


@pytest.mark.parametrize("classes", [GENDERS, GENDERS[::-1]])
def test_gender_is_a_number_in_the_pack_and_a_name_in_the_network(classes: tuple[str, ...]) -> None:
    objective = Classes(name="sex", column="gender", classes=classes)
    truth = objective.truth(labels({"gender": 0}, {"gender": 1}, {}))
    assert [classes[int(i)] for i in truth[:2]] == ["female", "male"]
    assert truth[2].isnan()


def test_classes_come_from_the_training_samples_where_none_are_given() -> None:
    fitted = Classes(name="race").fitted(labels({"race": "White"}, {"race": "Asian"}, {}, {"race": "White"}))
    assert fitted.task.labels == ("Asian", "White")
    assert fitted.fitted(labels({"race": "Black"})) == fitted


def test_balanced_classes_weigh_the_same_together() -> None:
    rows = labels(*[{"race": "White"}] * 3, {"race": "Black"}, {})
    fitted = Classes(name="race", classes=("White", "Black", "Other"), balanced=True).fitted(rows)
    assert fitted.class_weights == pytest.approx((4 / 6, 4 / 2, 0))
    loss = fitted.loss(torch.zeros(4, 3), fitted.encode(rows)[:4])
    assert loss.tolist() == pytest.approx([math.log(3) * 2 / 3] * 3 + [math.log(3) * 2])


def test_smoothing() -> None:
    target = Classes(name="gender", classes=GENDERS, smoothing=0.02).encode(labels({"gender": 1}, {}))
    assert target[0].tolist() == pytest.approx([0.01, 0.99])
    assert target[1].isnan().all()


def test_figures_of_classes() -> None:
    truth = torch.tensor([0.0, 0.0, 1.0, 1.0, nan])
    found = Classes(name="race", classes=RACES[:3]).figures(calling(0, 1, 1, 1, 0, of=3), truth)
    assert found["accuracy"] == 0.75
    assert found["f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)  # the third class neither is nor was called


def test_votes_are_the_target_and_labels_where_there_are_none() -> None:
    rows = labels({"emotion": "neutral", **votes(**VOTES)}, {"emotion": "fear"}, {})
    target = Emotion().encode(rows)
    assert target[0].tolist() == pytest.approx([VOTES.get(name, 0) for name in EMOTIONS])
    assert target[1].argmax() == EMOTIONS.index("fear")
    assert target[2].isnan().all()


def test_any_emotion_with_enough_votes_will_do() -> None:
    rows = labels({"emotion": "neutral", **votes(**VOTES)}, {"emotion": "fear"}, {})
    target = Emotion(votes="multi_target").encode(rows)
    assert [EMOTIONS[i] for i in target[0].nonzero()[:, 0]] == ["neutral", "happiness"]
    assert target[1].argmax() == EMOTIONS.index("fear")
    assert target[2].isnan().all()
    objective = Emotion(votes="multi_target")
    sure = [objective.loss(calling(i, of=8), target[:1]).item() for i in range(8)]
    assert max(sure[0], sure[1]) < 0.01 < 9 < min(sure[2:])


def test_one_emotion_is_drawn_by_the_votes_while_learning() -> None:
    objective = Emotion(votes="probability")
    target = objective.encode(labels({"emotion": "neutral", **votes(**VOTES)}))
    output = torch.randn(1, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.manual_seed(1)
    losses = objective.loss(output.expand(4000, 8), target.expand(4000, 8))
    of_classes = -output.log_softmax(1)[0]
    drawn = (losses[:, None] - of_classes[None]).abs() < 1e-6
    shares = drawn.float().mean(0)
    assert shares.tolist() == pytest.approx([VOTES.get(name, 0) for name in EMOTIONS], abs=0.03)
    torch.manual_seed(1)
    assert torch.equal(losses, objective.loss(output.expand(4000, 8), target.expand(4000, 8))), "seeded, so resumable"
    with torch.no_grad():
        torch.testing.assert_close(objective.loss(output, target), Emotion().loss(output, target))


def test_votes_too_scattered_for_any_fall_back_to_the_label() -> None:
    even = votes(**dict.fromkeys(EMOTIONS[:4], 0.25))
    target = Emotion(votes="multi_target").encode(labels({"emotion": "surprise", **even}))
    assert target[0].argmax() == EMOTIONS.index("surprise")


def test_the_foremost_emotion_is_what_counts() -> None:
    rows = labels({"emotion": "neutral", **votes(sadness=0.6, neutral=0.4)}, {"emotion": "fear"}, {})
    for objective in (Emotion(votes=v) for v in ("shares", "majority", "probability", "multi_target")):  # type: ignore[arg-type]
        truth = objective.truth(rows)
        assert truth[:2].tolist() == [EMOTIONS.index("sadness"), EMOTIONS.index("fear")]
        assert truth[2].isnan()


def test_majority_is_one_emotion() -> None:
    target = Emotion(votes="majority").encode(labels({"emotion": "neutral", **votes(**VOTES)}))
    assert target[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def test_majority_is_of_the_votes_where_there_is_no_label() -> None:
    target = Emotion(votes="majority").encode(labels(votes(sadness=0.6, neutral=0.4)))
    assert target[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


def test_votes_for_emotions_that_the_network_does_not_have_are_left_out() -> None:
    rows = labels(votes(neutral=0.3, happiness=0.1, contempt=0.6), votes(contempt=1.0))
    objective = Emotion(classes=("happiness", "neutral"))
    assert objective.encode(rows)[0].tolist() == pytest.approx([0.25, 0.75])
    assert objective.truth(rows)[0] == 1
    assert objective.encode(rows)[1].isnan().all()
    assert objective.truth(rows)[1].isnan()


@given(st.lists(st.one_of(st.none(), st.floats(-180, 180)), min_size=1, max_size=20))
def test_mirrored_poses_are_the_poses_of_mirrored_heads(yaws: list[float | None]) -> None:
    objective = PoseClasses()
    target = objective.encode(labels(*({"yaw": yaw} for yaw in yaws)))
    turned = objective.encode(labels(*({"yaw": None if yaw is None else -yaw} for yaw in yaws)))
    torch.testing.assert_close(objective.mirrored(target), turned, equal_nan=True)


def test_poses_by_hand() -> None:
    rows = labels(*({"yaw": yaw} for yaw in (0.0, 30.0, -30.0, -80.0, 80.0)))
    assert PoseClasses().truth(rows).tolist() == [0, 1, 2, 3, 4]


def test_yes_and_no_of_columns_and_of_the_sets_own_attributes() -> None:
    rows = labels({"smile": True, "attributes": [("Wavy_Hair", False), ("Bald", True)]}, {"smile": False}, {})
    smile, hair = YesNo(name="smile"), YesNo(name="Wavy_Hair")
    torch.testing.assert_close(smile.encode(rows), torch.tensor([1.0, 0.0, nan]), equal_nan=True)
    torch.testing.assert_close(hair.encode(rows), torch.tensor([0.0, nan, nan]), equal_nan=True)
    bald = YesNo(name="no_hair", column="Bald")
    assert (smile.columns, hair.columns, bald.columns) == (("smile",), ("attributes",), ("attributes",))
    assert bald.encode(rows)[0] == 1
    faces = labels({"is_face": True, "gender": 0}, {"is_face": False, "gender": 1})
    assert YesNo(name="detection", column="is_face").encode(faces).tolist() == [1, 0]
    assert YesNo(name="man", column="gender").encode(faces).tolist() == [0, 1]


def test_loss_and_figures_of_yes_and_no() -> None:
    objective = YesNo(name="smile")
    logits = torch.tensor([[math.log(9)], [math.log(4)], [math.log(2 / 3)], [math.log(3 / 7)], [0.0]])
    truth = torch.tensor([1.0, 0.0, 1.0, 0.0, nan])  # probabilities 0.9, 0.8, 0.4, 0.3
    assert objective.loss(logits[:2], truth[:2]).tolist() == pytest.approx([-math.log(0.9), -math.log(0.2)])
    expected = {"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5, "auc": 0.75}
    assert objective.figures(logits, truth) == pytest.approx(expected)
