"""FER+: votes become a label by the paper's rules, in an order that is not FER2013's."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets.ferplus import FerplusOptions, _raw_shares, read_ferplus, vote_shares, vote_target
from faceray.errors import UserError
from faceray.results.schema import EMOTIONS
from tests.datasets.layout import reasons, sort_out, write

RAMP = " ".join(str(value % 256) for value in range(48 * 48))
NEW_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
RULES = ("majority", "probability", "crossentropy", "multi_target")


def votes(**counts):
    return [float(counts.get(name, 0)) for name in (*EMOTIONS, "unknown", "NF")]


def shares(result):
    """Only what is not zero."""
    return result if isinstance(result, str) else {n: s for n, s in zip(EMOTIONS, result, strict=True) if s}


@pytest.mark.parametrize(
    ("rule", "counts", "expected"),
    [
        ("majority", {"sadness": 6, "neutral": 4}, {"sadness": 1}),
        ("majority", {"sadness": 5, "neutral": 5}, "no agreement among the voters"),  # half is not more than half
        ("majority", {"sadness": 5, "neutral": 4, "fear": 1}, {"sadness": 1}),  # 5 of 9: single votes do not count
        ("majority", {"unknown": 6, "neutral": 4}, "voted unknown"),
        ("majority", {"NF": 10}, "voted not a face"),
        ("majority", dict.fromkeys(EMOTIONS, 1), "no agreement among the voters"),
        ("probability", {"sadness": 8, "neutral": 2}, {"sadness": 1}),  # 8 of 10 are three quarters
        ("probability", {"sadness": 6, "neutral": 4}, {"sadness": 0.6, "neutral": 0.4}),
        ("crossentropy", {"sadness": 4, "neutral": 3, "fear": 2}, {"sadness": 4 / 7, "neutral": 3 / 7}),
        ("crossentropy", {"sadness": 6, "unknown": 4}, {"sadness": 1}),
        ("crossentropy", {"sadness": 5, "unknown": 5}, "no agreement among the voters"),
        ("crossentropy", {"unknown": 6, "sadness": 4}, "voted unknown"),
        ("crossentropy", dict.fromkeys(EMOTIONS[:4], 2), "no agreement among the voters"),  # a tie of four
        ("multi_target", {"sadness": 6, "neutral": 4}, {"sadness": 0.5, "neutral": 0.5}),
        ("multi_target", {"sadness": 8, "neutral": 2}, {"sadness": 1}),
        ("multi_target", {"sadness": 4, "fear": 2, "anger": 2, "neutral": 2}, "no agreement among the voters"),
    ],
)
def test_hand_worked_votes(rule, counts, expected):
    assert shares(vote_shares(votes(**counts), rule)) == pytest.approx(expected)


@given(st.lists(st.integers(0, 10), min_size=10, max_size=10), st.sampled_from(RULES))
def test_shares_are_a_distribution_or_a_reason(counts, rule):
    result = vote_shares(counts, rule)
    if isinstance(result, str):
        return
    assert len(result) == len(EMOTIONS)
    assert sum(result) == pytest.approx(1)
    assert all(share == 0 for count, share in zip(counts, result, strict=False) if count <= 1)
    counted = [count for count in counts if count > 1]
    assert max(counts[: len(EMOTIONS)]) == max(counted)  # neither unknown nor NF was ahead


@given(st.lists(st.integers(0, 10) | st.integers(1, 3), min_size=9, max_size=9), st.sampled_from(RULES))
def test_every_rule_can_be_chosen_after_the_pack_was_made(counts, rule):
    """Through float32, as packs store shares; nobody says NF."""
    counts = [*counts, 0]
    wanted = vote_shares(counts, rule)
    raw = _raw_shares(counts)
    if isinstance(raw, str):
        assert isinstance(wanted, str)
        return
    target = vote_target(np.array(raw, np.float32).tolist(), rule)
    if isinstance(wanted, str):
        assert target is None
    else:
        assert target == pytest.approx(wanted, abs=1e-5)


def make_folders(root, rows, folder="FER2013Train"):
    lines = [f'fer{number:07d}.png,"(0, 0, 48, 48)",{",".join(map(str, row))}\n' for number, row in enumerate(rows)]
    write(root, f"{folder}/label.csv", "".join(lines))


def test_folders_in_the_order_of_the_schema_not_of_fer2013(tmp_path):
    make_folders(tmp_path, [[10 * (i == column) for i in range(10)] for column in range(10)])
    samples, dropped = sort_out(read_ferplus(tmp_path))
    assert [sample.emotion for sample in samples] == list(EMOTIONS)
    assert samples[0].emotion == "neutral"  # FER2013's 0 is anger
    assert reasons(dropped) == {"voted unknown": 1, "voted not a face": 1}
    assert (samples[3].image, samples[3].box) == ("FER2013Train/fer0000003.png", None)


def test_a_box_counts_unless_it_is_the_whole_image(tmp_path):
    write(tmp_path, "FER2013Test/label.csv", 'a.png,"(4, 2, 40, 44)",10,0,0,0,0,0,0,0,0,0\n')
    (sample,) = read_ferplus(tmp_path)
    assert sample.box == (4, 2, 40, 44)


def test_rules_for_training_and_for_held_out_images(tmp_path):
    row = [6, 4, 0, 0, 0, 0, 0, 0, 0, 0]
    for folder in ("FER2013Train", "FER2013Valid", "FER2013Test"):
        make_folders(tmp_path / "data", [row], folder)
    samples, _ = sort_out(read_ferplus(tmp_path, FerplusOptions(train_votes="crossentropy")))
    assert [sample.split for sample in samples] == ["train", "val", "test"]
    assert [sample.emotion_votes[:2] for sample in samples] == [(0.6, 0.4), (1, 0), (1, 0)]
    assert {sample.emotion for sample in samples} == {"neutral"}


def test_the_emotion_has_most_votes_also_where_the_target_makes_all_alike(tmp_path):
    make_folders(tmp_path, [[4, 0, 0, 6, 0, 0, 0, 0, 0, 0]])
    (sample,), _ = sort_out(read_ferplus(tmp_path, FerplusOptions(train_votes="multi_target")))
    assert (sample.emotion, shares(sample.emotion_votes)) == ("sadness", {"neutral": 0.5, "sadness": 0.5})


def test_all_keeps_what_any_rule_could_use_with_the_votes_as_they_are(tmp_path):
    split_vote, agreed = [4, 4, 0, 0, 0, 0, 0, 0, 2, 1], [0, 8, 0, 0, 0, 1, 0, 0, 0, 0]
    make_folders(tmp_path, [split_vote, agreed, [0, 0, 0, 0, 0, 0, 0, 0, 0, 10], [2, 2, 2, 2, 2, 0, 0, 0, 0, 0]])
    samples, dropped = sort_out(read_ferplus(tmp_path, FerplusOptions(train_votes="all")))
    assert [sample.emotion for sample in samples] == [None, "happiness"]
    assert samples[0].emotion_votes == (0.4, 0.4, 0, 0, 0, 0, 0, 0)
    assert samples[1].emotion_votes == (0, 1, 0, 0, 0, 0, 0, 0)
    assert reasons(dropped) == {"voted not a face": 1, "no agreement among the voters": 1}


def test_an_unknown_rule():
    with pytest.raises(UserError, match="no rule 'most'"):
        FerplusOptions(held_out_votes="most")


def test_a_broken_row_is_dropped(tmp_path):
    write(tmp_path, "FER2013Test/label.csv", 'a.png,"(0, 0, 48, 48)",1,2\n\nb.png\n')
    samples, dropped = sort_out(read_ferplus(tmp_path))
    assert not samples
    assert reasons(dropped) == {"row is not ten counts of votes": 2}


def make_tables(root, rows):
    old = [f"0,{RAMP},{usage}\n" for usage, _ in rows]
    write(root, "fer2013.csv", "emotion,pixels,Usage\n" + "".join(old))
    write(root, "fer2013new.csv", NEW_HEADER + "".join(f"{usage},{rest}\n" for usage, rest in rows))


def test_the_two_tables_go_row_by_row(tmp_path):
    rows = [("Training", "fer0000000.png,0,9,0,0,0,0,0,0,0,1"), ("PublicTest", ",0,0,0,0,0,0,0,0,0,10")]
    make_tables(tmp_path, [*rows, ("PrivateTest", "fer0000002.png,0,0,0,0,8,2,0,0,0,0")])
    samples, dropped = sort_out(read_ferplus(tmp_path))
    assert [(sample.image, sample.emotion, sample.split) for sample in samples] == [
        ("fer2013.csv#0", "happiness", "train"),
        ("fer2013.csv#2", "anger", "test"),
    ]
    assert samples[0].data.startswith(b"\x89PNG")
    assert [(entry.image, entry.reason) for entry in dropped] == [("fer2013.csv#1", "voted not a face")]


def test_tables_that_do_not_belong_together(tmp_path):
    make_tables(tmp_path, [("Training", "a.png,0,9,0,0,0,0,0,0,0,1")])
    write(tmp_path, "fer2013new.csv", NEW_HEADER + "PublicTest,a.png,0,9,0,0,0,0,0,0,0,1\n")
    with pytest.raises(UserError, match=r"row 0 .* not of the same image"):
        list(read_ferplus(tmp_path))
    write(tmp_path, "fer2013new.csv", NEW_HEADER)
    with pytest.raises(UserError, match="differ in length"):
        list(read_ferplus(tmp_path))


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="FER2013Train"):
        list(read_ferplus(tmp_path))


def test_real_counts(data):
    samples, dropped = sort_out(read_ferplus(data / "ferplus"))
    assert len(samples) + len(dropped) == 12_152
    assert Counter(sample.split for sample in samples) == {"train": 4_407, "val": 3_191, "test": 3_137}
    assert reasons(dropped) == {"no agreement among the voters": 1_377, "voted unknown": 40}
    assert all((data / "ferplus" / sample.image).exists() for sample in samples[::100])


@pytest.mark.parametrize(("rule", "val", "test"), [("probability", 3_508, 3_507), ("multi_target", 3_472, 3_466)])
def test_real_counts_of_the_other_rules(data, rule, val, test):
    samples, _ = sort_out(read_ferplus(data / "ferplus", FerplusOptions(rule, rule)))
    splits = Counter(sample.split for sample in samples)
    assert (splits["val"], splits["test"]) == (val, test)


def test_real_votes_give_the_same_targets_before_and_after_the_pack(data):
    """But for an image whose votes for unknown and for NF cannot be told apart any more."""
    samples, _ = sort_out(read_ferplus(data / "ferplus", FerplusOptions("all", "all")))
    kept = {sample.image: sample for sample in samples}
    for rule in RULES:
        expected, _ = sort_out(read_ferplus(data / "ferplus", FerplusOptions(rule, rule)))
        targets = {image: vote_target(sample.emotion_votes, rule) for image, sample in kept.items()}
        used, wanted = {image for image, target in targets.items() if target}, {sample.image for sample in expected}
        assert used <= wanted
        assert len(wanted - used) <= 1
        assert all(targets[sample.image] == pytest.approx(sample.emotion_votes) for sample in expected[::50])
    assert Counter(bool(sample.emotion) for sample in samples)[True] == 4_407 + 3_191 + 3_137
