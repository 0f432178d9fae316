"""CSV files of users: names, and who must go."""

from pathlib import Path

import pytest

from faceray.errors import UserError
from faceray.gallery.labels import read_labels, read_removal


def written(folder: Path, text: str) -> str:
    path = folder / "list.csv"
    path.write_text(text)
    return str(path)


def test_names_by_picture_or_by_face(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "uri,identity\ns3://b/1.jpg,Ann\nsub/2.jpg,Bob\n/x/3.jpg,Bob\n4.jpg,\n"))
    assert sorted(labels.to_pylist(), key=str) == sorted(
        [
            {"face_id": None, "uri": "s3://b/1.jpg", "identity": "Ann"},
            {"face_id": None, "uri": f"file://{tmp_path}/sub/2.jpg", "identity": "Bob"},
            {"face_id": None, "uri": "file:///x/3.jpg", "identity": "Bob"},
        ],
        key=str,
    )
    labels = read_labels(written(tmp_path, "identity,note,face_id\n007,x,-5\n007,y,-5\n"))
    assert labels.to_pylist() == [{"face_id": -5, "uri": None, "identity": "007"}]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "cannot read"),
        ("identity\nAnn\n", "columns identity and face_id or uri"),
        ("uri,name\n1.jpg,Ann\n", "columns identity and face_id or uri"),
        ("face_id,identity\none,Ann\n", "cannot read"),
        ("face_id,identity\n1,Ann\n1,Bob\n", "face_id 1 has more than one identity"),
        ("uri,identity\ns3://a,Ann\ns3://a,Bob\n", "uri s3://a has more than one identity"),
    ],
)
def test_other_lists_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        read_labels(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_list_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*nobody\.csv"):
        read_labels(f"{tmp_path}/nobody.csv")


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("identity=Ann = Lee, Dr.", "identity", ["Ann = Lee, Dr."]),
        ("face_id=-12", "face_id", [-12]),
        ("image_id=7", "image_id", [7]),
        ("uri=s3://b/a?x=1", "uri", ["s3://b/a?x=1"]),
        ("prefix=s3://b/", "prefix", ["s3://b/"]),
    ],
)
def test_who_must_go_in_a_word(text: str, kind: str, values: list[object]) -> None:
    removal = read_removal(text)
    assert (removal.kind, removal.values.to_pylist()) == (kind, values)


def test_who_must_go_as_a_list(tmp_path: Path) -> None:
    removal = read_removal(written(tmp_path, "identity,reason\nAnn,asked\nBob,asked\nAnn,again\n"))
    assert (removal.kind, sorted(removal.values.to_pylist())) == ("identity", ["Ann", "Bob"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("face_id=Ann", "'Ann' is not a face_id"),
        ("face_id=99999999999999999999", "is not a face_id"),
        ("Ann", "neither a CSV file, missing, nor one of uri=…"),
        ("name=Ann", "nothing is called 'name'"),
        ("/nowhere/a=b.csv", "there is no file /nowhere/a=b.csv"),
    ],
)
def test_other_wishes_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read_removal(text)


@pytest.mark.parametrize("text", ["name\nAnn\n", "identity,uri\nAnn,x\n"])
def test_lists_without_one_known_column_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="exactly one column of"):
        read_removal(written(tmp_path, text))
