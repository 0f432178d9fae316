"""One's own tables: fields of Sample as columns, mistakes named."""

from dataclasses import fields
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceray.datasets import own_table
from faceray.datasets.own_table import read_own_table
from faceray.datasets.sample import Sample
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write

FULL = Sample(
    image="a.jpg",
    box=(1.5, 2, 30, 40),
    landmarks={"left_eye": (3.0, 4.5), "nose": (5.0, 6.0)},
    marked=("left_eye", "nose", "chin"),
    age=31.5,
    age_range=(25, float("inf")),
    gender=1,
    race="Asian",
    emotion="anger",
    emotion_votes=(0.5, 0.5, 0, 0, 0, 0, 0, 0),
    yaw=-3.5,
    pitch=2.0,
    roll=0.0,
    attributes={"smile": True, "hat": False},
    is_face=True,
    identity="7",
    subject="s1",
    split="val",
    fold=3,
    pair_fold=0,
)
CSV = (
    "image,box,landmarks,marked,age,age_range,gender,race,emotion,emotion_votes,yaw,pitch,roll,attributes,is_face,"
    "identity,subject,split,fold,pair_fold\n"
    'a.jpg,"[1.5, 2, 30, 40]","{""left_eye"": [3, 4.5], ""nose"": [5, 6]}","[""left_eye"", ""nose"", ""chin""]",31.5,'
    '"[25, Infinity]",male,Asian,anger,'
    '"[0.5, 0.5, 0, 0, 0, 0, 0, 0]",-3.5,2,0,"{""smile"": true, ""hat"": false}",true,7,s1,val,3,0\n'
)


def test_every_field_from_csv(tmp_path: Path):
    touch(tmp_path, "a.jpg")
    write(tmp_path, "table.csv", CSV)
    assert list(read_own_table(tmp_path / "table.csv")) == [FULL]


@pytest.mark.parametrize("as_map", [False, True])
def test_every_field_from_parquet(tmp_path: Path, as_map: bool):
    row = {field.name: getattr(FULL, field.name) for field in fields(Sample)} | {"data": b"JPEG"}
    columns = {name: pa.array([value]) for name, value in row.items()}
    if as_map:
        points = pa.map_(pa.string(), pa.list_(pa.float32(), 2))
        columns["landmarks"] = pa.array([list(FULL.landmarks.items())], points)
        columns["attributes"] = pa.array([list(FULL.attributes.items())], pa.map_(pa.string(), pa.bool_()))
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    (sample,) = read_own_table(tmp_path)
    assert sample == Sample(**{field.name: getattr(FULL, field.name) for field in fields(Sample)} | {"data": b"JPEG"})


def test_the_reader_knows_every_field():
    assert set(own_table._FIELDS) == {field.name for field in fields(Sample)}


def test_missing_values_are_none(tmp_path: Path):
    touch(tmp_path, "a.jpg", "b.jpg")
    write(tmp_path, "t.csv", "image,age,gender,attributes\na.jpg,,0,\nb.jpg,7,,\n")
    first, second = read_own_table(tmp_path)
    assert first == Sample(image="a.jpg", gender=0)
    assert second == Sample(image="b.jpg", age=7.0)


def test_tables_as_pandas_writes_them(tmp_path: Path):
    """Integers with gaps become floats there, structs get the fields of all rows."""
    touch(tmp_path, "a.jpg", "b.jpg")
    frame = pd.DataFrame(
        {
            "image": ["a.jpg", "b.jpg"],
            "gender": [1, None],
            "attributes": [{"smile": True}, {"hat": False}],
            "landmarks": [{"nose": [1.0, 2.0]}, {"chin": [3.0, 4.0]}],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    assert list(read_own_table(tmp_path)) == [
        Sample(image="a.jpg", gender=1, attributes={"smile": True}, landmarks={"nose": (1, 2)}),
        Sample(image="b.jpg", attributes={"hat": False}, landmarks={"chin": (3, 4)}),
    ]


def test_absent_images_are_dropped_addresses_are_not_looked_up(tmp_path: Path):
    write(tmp_path, "t.csv", "image,age\ngone.jpg,3\ns3://bucket/a.jpg,4\n")
    (sample,), dropped = sort_out(read_own_table(tmp_path))
    assert sample.image == "s3://bucket/a.jpg"
    assert reasons(dropped) == {"no such file": 1}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_unknown_columns_are_named(tmp_path: Path, kind: str):
    frame = pd.DataFrame({"image": ["a.jpg"], "Age": [3], "sex": ["f"]})
    frame.to_csv(tmp_path / "t.csv", index=False) if kind == "csv" else frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="unknown columns: Age, sex; known are age, age_range, "):
        list(read_own_table(tmp_path))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("gender", "2"),
        ("gender", "Male"),
        ("gender", "0.5"),
        ("race", "white"),
        ("emotion", "joy"),
        ("split", "dev"),
        ("age", "-1"),
        ("age", "old"),
        ("age", "inf"),
        ("yaw", "nan"),
        ("box", "[1, 2, 3]"),
        ("box", "1 2 3 4"),
        ("box", '"[1, 2, 3, NaN]"'),
        ("attributes", '"{""smile"": 2}"'),
        ("attributes", "[1]"),
        ("landmarks", '"{""nose"": [1]}"'),
        ("is_face", "perhaps"),
        ("fold", "1.5"),
        ("box", "[" * 30000),
    ],
)
def test_values_that_do_not_fit_are_named(tmp_path: Path, column: str, value: str):
    touch(tmp_path, "a.jpg")
    write(tmp_path, "t.csv", f"image,{column}\na.jpg,\na.jpg,{value}\n")
    with pytest.raises(UserError, match=rf"^[^\n]*t\.csv, row 2: .* does not fit column {column}$"):
        list(read_own_table(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"age\n3\n", "has no column image"),
        ("t.csv", b"image,data\na.jpg,x\n", "unknown columns: data"),
        ("t.csv", b"", "has no column image"),
        ("t.csv", b"\xff\xfe\x00", "cannot read"),
        ("t.parquet", b"PAR1 or not", "cannot read"),
        ("t.txt", b"image\n", "does not have exactly one"),
    ],
)
def test_other_files(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_own_table(tmp_path))


def test_two_tables(tmp_path: Path):
    write(tmp_path, "a.csv", "image\n")
    write(tmp_path, "b.csv", "image\n")
    with pytest.raises(UserError, match="exactly one"):
        list(read_own_table(tmp_path))
    assert list(read_own_table(tmp_path / "a.csv")) == []
