"""AFLW: the official database, its tables as CSV, and folders of crops."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets.aflw import AflwOptions, pose_from_aflw, read_aflw
from faceray.datasets.aflw2000 import pose_from_300w_lp
from faceray.datasets.landmarks import AFLW_21
from faceray.errors import UserError
from faceray.results.schema import LANDMARKS
from tests.datasets.layout import reasons, sort_out, touch, write

SCHEMA = """
CREATE TABLE Faces (face_id INTEGER PRIMARY KEY, file_id TEXT NOT NULL, db_id TEXT NOT NULL);
CREATE TABLE FaceImages (image_id INTEGER PRIMARY KEY, db_id TEXT, file_id TEXT, filepath TEXT, bw INTEGER,
                         width INTEGER, height INTEGER);
CREATE TABLE FaceRect (face_id INTEGER, x INTEGER, y INTEGER, w INTEGER, h INTEGER, annot_type_id INTEGER);
CREATE TABLE FacePose (face_id INTEGER, roll REAL, pitch REAL, yaw REAL, annot_type_id INTEGER);
CREATE TABLE FaceMetaData (face_id INTEGER, sex TEXT, occluded INTEGER, glasses INTEGER, bw INTEGER);
CREATE TABLE FeatureCoordTypes (feature_id INTEGER PRIMARY KEY, descr TEXT, code TEXT, x REAL, y REAL, z REAL);
CREATE TABLE FeatureCoords (face_id INTEGER, feature_id INTEGER, x REAL, y REAL, annot_type_id INTEGER);
"""
ROWS = """
INSERT INTO Faces VALUES (39341, 'image00002.jpg', 'aflw'), (39342, 'image00002.jpg', 'aflw'),
                         (9, 'image00013.jpg', 'aflw');
INSERT INTO FaceImages VALUES (1, 'aflw', 'image00002.jpg', '0/image00002.jpg', 0, 640, 480),
                              (2, 'aflw', 'image00013.jpg', '3/image00013.jpg', 0, 640, 480);
INSERT INTO FaceRect VALUES (39341, 10, 20, 30, 40, 0), (9, -5, 7, 100, 100, 0);
INSERT INTO FacePose VALUES (39341, 0.1, 0.2, 0.3, 0);
INSERT INTO FaceMetaData VALUES (39341, 'm', 0, 1, 0), (39342, 'f', 1, 0, 0);
INSERT INTO FeatureCoords VALUES (39341, 8, 15.5, 25, 0), (39341, 21, 20, 60, 0), (39342, 15, 1, 2, 0);
"""
PHOTOS = ("0/image00002.jpg", "3/image00013.jpg")


def make(root: Path, rows: str = ROWS, schema: str = SCHEMA, photos: tuple[str, ...] = PHOTOS) -> None:
    touch(root / "aflw/data/flickr", *photos)
    with closing(sqlite3.connect(root / "aflw/data/aflw.sqlite")) as database:
        database.executescript(schema + rows)


def test_faces_of_the_database(tmp_path: Path):
    make(tmp_path)
    (other, first, second), dropped = sort_out(read_aflw(tmp_path))
    assert not dropped
    assert first.image == second.image == first.subject == "aflw/data/flickr/0/image00002.jpg"
    assert first.box == (10, 20, 40, 60)
    assert (first.gender, second.gender, other.gender) == (1, 0, None)
    assert first.attributes == {"eyeglasses": True, "occluded": False}
    assert other.attributes == {}
    assert other.box == (-5, 7, 95, 107)
    assert (second.box, second.yaw) == (None, None)


def test_a_landmark_without_row_is_invisible(tmp_path: Path):
    make(tmp_path)
    (other, first, second), _ = sort_out(read_aflw(tmp_path))
    assert first.landmarks == {"left_eye_center": (15.5, 25), "left_eye": (15.5, 25), "chin": (20, 60)}
    assert second.landmarks == {"nose_center": (1, 2), "nose": (1, 2)}
    assert other.landmarks is None
    assert (first.marked, other.marked) == (AFLW_21, ())


def test_all_landmarks_in_the_order_of_the_database(tmp_path: Path):
    """Names in FeatureCoordTypes: LeftBrowLeftCorner, LeftBrowCenter, …, ChinCenter."""
    coordinates = ", ".join(f"(9, {i}, {i}, {100 + i}, 0)" for i in range(1, 22))
    make(tmp_path, ROWS + f"INSERT INTO FeatureCoords VALUES {coordinates};")
    other = next(read_aflw(tmp_path))
    assert [other.landmarks[name] for name in AFLW_21] == [(i, 100 + i) for i in range(1, 22)]
    assert [other.landmarks[name][0] for name in LANDMARKS] == [8, 11, 15, 18, 20]


def test_angles_are_turned_into_the_signs_of_the_faces_table(tmp_path: Path):
    make(tmp_path)
    _, first, _ = read_aflw(tmp_path)
    assert (first.yaw, first.pitch, first.roll) == pytest.approx((math.degrees(-0.3), math.degrees(0.2), -5.72957795))


@given(angle=st.floats(-1.2, 1.2))
def test_signs_are_those_of_aflw2000_but_for_roll(angle: float):
    """How the published loaders of both sets bring them together: yaw and pitch as they are, roll negated."""
    assert pose_from_aflw(0, 0, angle) == pytest.approx(pose_from_300w_lp(0, angle, 0), abs=1e-9)
    assert pose_from_aflw(0, angle, 0) == pytest.approx(pose_from_300w_lp(angle, 0, 0), abs=1e-9)
    assert pose_from_aflw(angle, 0, 0) == pytest.approx(pose_from_300w_lp(0, 0, -angle), abs=1e-9)


def test_what_is_dropped(tmp_path: Path):
    rows = (
        ROWS
        + """
    INSERT INTO Faces VALUES (50000, 'nowhere.jpg', 'aflw'), (50001, 'image00002.jpg', 'aflw'),
                             (50002, 'image00002.jpg', 'aflw'), (50003, 'gone.jpg', 'aflw');
    INSERT INTO FaceImages VALUES (3, 'aflw', 'gone.jpg', '2/gone.jpg', 0, 640, 480);
    INSERT INTO FaceRect VALUES (50002, 10, 20, 0, 40, 0), (50003, 1, 1, 9, 9, 0);
    """
    )
    make(tmp_path, rows)
    samples, dropped = sort_out(read_aflw(tmp_path, AflwOptions(min_landmarks=2)))
    assert len(samples) == 1
    assert reasons(dropped) == {
        "fewer than 2 visible landmarks": 2,
        "the table of images does not have its photo": 1,
        "neither box nor landmarks": 1,
        "the box is empty": 1,
        "no such file": 1,
    }


def test_columns_that_hold_anything(tmp_path: Path):
    rows = """
    INSERT INTO Faces VALUES (1, 'a.jpg', 'aflw');
    INSERT INTO FaceImages VALUES (1, 'aflw', 'a.jpg', '0/image00002.jpg', 0, 1, 1);
    INSERT INTO FaceRect VALUES (1, 1, 2, 3, 4, 0);
    INSERT INTO FacePose VALUES (1, 'tilted', NULL, 0.3, 0);
    INSERT INTO FaceMetaData VALUES (1, NULL, 'yes', NULL, 0);
    INSERT INTO FeatureCoords VALUES (1, 8, 'left', 25, 0);
    """
    make(tmp_path, rows)
    (sample,) = read_aflw(tmp_path)
    assert (sample.yaw, sample.gender, sample.attributes, sample.landmarks) == (None, None, {}, None)


def test_tables_as_csv(tmp_path: Path):
    touch(tmp_path, "images/image00002.jpg", "images/image00013.jpg")
    write(tmp_path, "faceid.csv", "face_id,file_id,db_id\n39341,image00002.jpg,aflw\n9,image00013.jpg,aflw\n")
    write(tmp_path, "facepose.csv", "face_id,roll,pitch,yaw\n39341,0.1,0.2,0.3\n9,0,0,-1\n")
    write(tmp_path, "facerect.csv", "face_id,x,y,w,h\n39341,10,20,30,40\n9,1,2,3,4\n")
    (other, first), dropped = sort_out(read_aflw(tmp_path))
    assert not dropped
    assert (first.image, first.box) == ("images/image00002.jpg", (10, 20, 40, 60))
    assert first.yaw == pytest.approx(-17.18873385)
    assert other.yaw == pytest.approx(57.29577951)
    assert (first.gender, first.landmarks) == (None, None)
    write(tmp_path, "facemetadata.csv", "face_id,sex,occluded,glasses\n9,f,0,1\n")
    write(tmp_path, "featurecoords.csv", "face_id,feature_id,x,y\n9,15,3.5,4\n")
    other = next(read_aflw(tmp_path))
    assert (other.gender, other.attributes["eyeglasses"], other.landmarks["nose"]) == (0, True, (3.5, 4))


def test_folders_of_crops(tmp_path: Path):
    touch(tmp_path, "face/b.png", "face/a.jpg", "non-face/c.jpg", "face/notes.txt")
    samples, dropped = sort_out(read_aflw(tmp_path))
    assert not dropped
    assert [(s.image, s.is_face) for s in samples] == [
        ("face/a.jpg", True),
        ("face/b.png", True),
        ("non-face/c.jpg", False),
    ]


def test_nothing_of_the_three(tmp_path: Path):
    with pytest.raises(UserError, match="has neither"):
        list(read_aflw(tmp_path))


def test_damaged_databases_are_one_line(tmp_path: Path):
    make(tmp_path)
    path = tmp_path / "aflw/data/aflw.sqlite"
    sound = path.read_bytes()
    for content in (
        b"",
        b"no database" * 1000,
        sound[: len(sound) // 2],
        sound[:4096] + b"\xff" * (len(sound) - 4096),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"^[^\n]*aflw\.sqlite[^\n]*$"):
            list(read_aflw(tmp_path))


def test_a_view_in_place_of_a_table_is_refused(tmp_path: Path):
    """It could have rows without end."""
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS face_id, 'a' AS file_id FROM n"
    )
    table = SCHEMA[SCHEMA.index("CREATE TABLE Faces ") : SCHEMA.index("CREATE TABLE FaceImages")]
    make(tmp_path, "", SCHEMA.replace(table, f"CREATE VIEW Faces AS {endless};"))
    with pytest.raises(UserError, match="has no table Faces"):
        list(read_aflw(tmp_path))


def test_features_that_do_not_exist(tmp_path: Path):
    make(tmp_path, ROWS + "INSERT INTO FeatureCoords VALUES (9, 22, 1, 1, 0);")
    with pytest.raises(UserError, match="feature_id '22' is not 1 to 21"):
        list(read_aflw(tmp_path))
