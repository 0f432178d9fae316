import json
from pathlib import Path

import pyarrow as pa
import pytest

from faceray.datasets.pack import LABELS, PACK, label_row, open_pack, read_card, samples
from faceray.datasets.sample import Sample
from faceray.errors import UserError
from faceray.results.parts import write_part
from faceray.storage import Folder


def test_labels_that_a_set_does_not_have_are_null() -> None:
    row = label_row(Sample(image="a.jpg", age=30.0, attributes={"smile": True, "Bald": False}), "train")
    table = pa.Table.from_pylist([row], schema=LABELS)
    (back,) = table.to_pylist()
    assert back["age"] == 30
    assert back["smile"] is True
    assert dict(back["attributes"]) == {"smile": True, "Bald": False}
    assert back["beard"] is None
    assert back["gender"] is None
    assert back["points"] is None
    assert back["keypoints"] is None


@pytest.mark.parametrize(("limits", "middle"), [((20, 29), 24.5), ((70, float("inf")), None)])
def test_a_range_becomes_its_middle_unless_it_is_open(limits: tuple[float, float], middle: float | None) -> None:
    row = label_row(Sample(image="a", age_range=limits), "test")
    assert (row["age"], row["age_low"], row["age_high"]) == (middle, *limits)


def test_landmarks_count_only_when_all_five_are_there() -> None:
    five = {"left_eye": (1, 2), "right_eye": (3, 4), "nose": (5, 6), "mouth_left": (7, 8), "mouth_right": (9, 10)}
    assert label_row(Sample(image="a", landmarks=five), "train")["points"] == list(range(1, 11))
    del five["nose"]
    assert label_row(Sample(image="a", landmarks=five), "train")["points"] is None


def test_a_pack_without_its_card_is_not_complete(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a complete pack"):
        open_pack(str(tmp_path))


def test_one_part_of_a_pack(tmp_path: Path) -> None:
    pack = Folder.at(str(tmp_path))
    rows = [
        {"sample_id": i, "image": f"{i}.jpg", "pictures": [b"x"], **label_row(Sample(image=f"{i}.jpg"), part)}
        for i, part in enumerate(("train", "test", "train"))
    ]
    write_part(pack / "shards", "shard-1.parquet", pa.Table.from_pylist(rows, schema=PACK))
    (tmp_path / "card.json").write_text(json.dumps({"dataset": "mine"}))
    assert read_card(str(tmp_path)) == {"dataset": "mine"}
    assert samples(pack).count_rows() == 3
    assert open_pack(str(tmp_path), "train").to_table(columns=["sample_id"])["sample_id"].to_pylist() == [0, 2]
