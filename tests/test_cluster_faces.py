"""The cluster job: nights one after the other, in this process and on Ray."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from faceray.build_gallery import build_gallery
from faceray.cli import parse
from faceray.cluster_faces import cluster_faces
from faceray.cluster_options import ClusterOptions
from faceray.clustering.tables import IDENTITIES, PEOPLE
from faceray.errors import UserError
from faceray.evaluation.clustering import agreement
from faceray.gallery_options import GalleryOptions
from faceray.results.table import Table
from faceray.storage import Folder
from tests.clustering.people import annotated, embedding
from tests.corpora import write
from tests.faces import jpeg
from tests.gallery.outputs import write_output

PEOPLE_SEEN = [[i % 60] for i in range(180)]  # three photos each
MODELS = [{"role": "embedding", "name": "sface", "sha256": ["ab" * 32], "settings": {}}]


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """180 photos of 60 people, and four group photos of two of them; two faces are poor."""
    folder = tmp_path_factory.mktemp("labels") / "out"
    annotated(folder, [*PEOPLE_SEEN, [0, 1], [2, 3], [4, 5], [6, 7]])
    annotated(folder, [[8], [99]], first_image=185, quality=0.1)
    return folder


def run(faces: Path, output: Path, **options: Any) -> dict[str, Any]:
    return cluster_faces(ClusterOptions(str(faces), str(output), **options))


def table(output: Path, name: str) -> pd.DataFrame:
    """A table as its log says, which must be what the folder says."""
    schema = {"identities": IDENTITIES, "people": PEOPLE}[name]
    rows = Table(Folder.at(str(output)) / name, schema).dataset().to_table()
    assert pyarrow.parquet.read_table(output / name).num_rows == rows.num_rows
    return rows.to_pandas().set_index(schema.names[0]).sort_index()


def person_of(labels: Path) -> dict[int, int]:
    """Who each face of the module's labels shows."""
    shown = [*PEOPLE_SEEN, [0, 1], [2, 3], [4, 5], [6, 7], [8], [99]]
    faces = pyarrow.parquet.read_table(labels / "faces").to_pylist()
    return {f["face_id"]: shown[f["image_id"] - 1][f["face_index"]] for f in faces}


def numbers(output: Path) -> dict[int, int]:
    found = table(output, "identities")["identity"]
    return {int(face): -1 if pd.isna(n) else int(n) for face, n in found.items()}


def test_people_are_found_numbered_and_counted(labels: Path, tmp_path: Path) -> None:
    summary = run(labels, tmp_path / "out")
    truth, found = person_of(labels), table(tmp_path / "out", "identities")
    core = found[found["is_core"]]
    assert len(found) == 190
    assert len(core) == 188
    assert agreement(core["identity"].to_numpy(), np.array([truth[f] for f in core.index])).pairwise.f > 0.98
    poor = found[~found["is_core"]]
    by_person = {truth[face]: identity for face, identity in poor["identity"].items()}
    assert by_person[8] in set(core["identity"][[truth[f] == 8 for f in core.index]])  # attached to the right person
    assert pd.isna(by_person[99])  # like nobody
    assert found["confidence"].dropna().between(0, 1).all()

    people = table(tmp_path / "out", "people")
    assert people["faces"].sum() == 189
    assert people["faces"].tolist() == found["identity"].value_counts().sort_index().tolist()
    assert people["images"].max() <= 5
    assert people["faces"].is_monotonic_decreasing or people["core_faces"].is_monotonic_decreasing
    assert set(people["cover_face_id"]) <= set(core.index)
    counts = summary["counts"]
    assert (counts["faces"], counts["attached"], counts["left_out"]) == (190, 1, 1)
    assert counts["people"] == len(people)
    assert counts["contradictions"] == 0
    stored = json.loads((tmp_path / "out" / "runs" / f"{summary['run_id']}.json").read_text())
    assert stored == json.loads(json.dumps(summary))
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{counts['people']} people in 190 faces" in page
    assert "Person 1" in page
    assert "src=" not in page.replace('src="data:', "")  # self-contained
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["identities", "people", "report.html", "runs"]


def test_the_next_night_changes_nothing_where_nothing_is_new(labels: Path, tmp_path: Path) -> None:
    run(labels, tmp_path / "out")
    before = [table(tmp_path / "out", name).drop(columns="run_id") for name in ("identities", "people")]
    summary = run(labels, tmp_path / "out")
    after = [table(tmp_path / "out", name).drop(columns="run_id") for name in ("identities", "people")]
    for one, other in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert (summary["counts"]["new"], summary["counts"]["retired"]) == (0, 0)


def test_people_keep_their_numbers_when_faces_come_and_go(tmp_path: Path) -> None:
    faces, output = tmp_path / "labels", tmp_path / "out"
    annotated(faces, [[i % 20] for i in range(60)])
    run(faces, output, threshold=0.45)
    first = numbers(output)
    annotated(faces, [[0], [1], [50], [50]], first_image=100, run="second")
    summary = run(faces, output, threshold=0.45)
    second = numbers(output)
    assert {face: second[face] for face in first} == first
    assert summary["counts"]["new"] == 1
    assert max(second.values()) == 21
    for name in ("images", "faces"):
        Folder.at(str(faces)).remove(name)
    annotated(faces, [[i] for i in range(19)], run="third")  # persons 19 and 50 are forgotten
    annotated(faces, [[60]], first_image=200, run="third")
    run(faces, output, threshold=0.45)
    third, people = numbers(output), table(output, "people")
    assert {face: first.get(face, 22) for face in third} == third
    gone = people[people["faces"] == 0]
    assert len(gone) == 2
    assert 21 in gone.index
    assert gone[["name", "became", "cover_face_id"]].isna().all(axis=None)
    annotated(faces, [[50]], first_image=300, run="fourth")
    run(faces, output, threshold=0.45)
    assert max(numbers(output).values()) == 23  # 21 is not given again


def test_numbers_that_grow_together_say_what_became_of_them(labels: Path, tmp_path: Path) -> None:
    run(labels, tmp_path / "out", threshold=0.999)
    alone = table(tmp_path / "out", "people")
    assert len(alone) == 188
    run(labels, tmp_path / "out", threshold=0.45)
    people, now = table(tmp_path / "out", "people"), set(numbers(tmp_path / "out").values())
    gone = people[people["faces"] == 0]
    assert len(people) == 188
    assert set(gone["became"].astype(int)) <= now
    assert "Numbers that became another" in (tmp_path / "out" / "report.html").read_text()
    run(labels, tmp_path / "out", threshold=0.45)
    again = table(tmp_path / "out", "people")
    pd.testing.assert_series_equal(again["became"], people["became"])


def test_names_come_from_labels_and_stay_with_the_number(labels: Path, tmp_path: Path) -> None:
    truth = person_of(labels)
    rows = pyarrow.parquet.read_table(labels / "faces").to_pylist()
    three = next(row for row in rows if truth[row["face_id"]] == 3)
    name_of = {17: "Ann", 3: "Bob"}
    seventeen = [face for face, person in truth.items() if person == 17]
    listing = "".join(f"{face},Ann\n" for face in seventeen[:2]) + f"{seventeen[2]},Someone else\n"
    (tmp_path / "faces.csv").write_text(f"face_id,identity\n{listing}{three['face_id']},Bob\n")
    run(labels, tmp_path / "out", names=str(tmp_path / "faces.csv"))

    def check(named_by: str) -> None:
        found = table(tmp_path / "out", "identities")
        named = found[found["name"].notna()]
        assert {truth[face]: name for face, name in named["name"].items()} == name_of
        assert len(named) == sum(person in name_of for person in truth.values())
        people = table(tmp_path / "out", "people")
        assert set(people["named_by"].dropna()) == {named_by}
        assert set(people["name"].dropna()) == {"Ann", "Bob"}

    check("labels")
    run(labels, tmp_path / "out")
    check("before")


def test_names_come_from_a_gallery_of_the_same_network(labels: Path, tmp_path: Path) -> None:
    (labels / "runs").mkdir(exist_ok=True)
    (labels / "runs" / "run.json").write_text(json.dumps({"run_id": "run", "models": MODELS}))
    vectors = [embedding(person, 500).astype(np.float32) for person in (3, 17)]
    write_output(tmp_path / "known", vectors, ["file:///known/Bob/1.jpg", "file:///known/Ann/1.jpg"])
    manifest = next((tmp_path / "known" / "runs").glob("*.json"))
    manifest.write_text(json.dumps({"run_id": manifest.stem, "models": MODELS}))
    gallery = GalleryOptions(faces=str(tmp_path / "known"), output=str(tmp_path / "gallery"), identities="folder")
    build_gallery(gallery)
    run(labels, tmp_path / "out", gallery=gallery.output)
    truth, found = person_of(labels), table(tmp_path / "out", "identities")
    assert {truth[face]: name for face, name in found["name"].dropna().items()} == {3: "Bob", 17: "Ann"}
    assert set(table(tmp_path / "out", "people")["named_by"].dropna()) == {"gallery"}

    manifest.write_text(json.dumps({"run_id": manifest.stem, "models": [MODELS[0] | {"name": "dlib"}]}))
    build_gallery(gallery)
    with pytest.raises(UserError, match="sface, the gallery of dlib"):
        run(labels, tmp_path / "out", gallery=gallery.output)


def photos(folder: Path, seeds: Sequence[int]) -> list[Path]:
    """Different photos; where a seed comes again, the same one saved with less quality."""
    paths = []
    for i, seed in enumerate(seeds):
        coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
        write(folder / f"{i}.jpg", jpeg(np.kron(coarse, np.ones((16, 16, 1), np.uint8)), quality=95 - 5 * i))
        paths.append(folder / f"{i}.jpg")
    return paths


def test_near_duplicates_are_found_and_photos_shown(tmp_path: Path) -> None:
    files = photos(tmp_path / "photos", [1, 2, 1, 3, 1, 2])
    annotated(tmp_path / "labels", [[7]] * 6, photos=files)
    output = tmp_path / "out"
    summary = run(tmp_path / "labels", output, threshold=0.4, near_duplicates=True)
    rows = pyarrow.parquet.read_table(output / "near_duplicates.parquet").to_pylist()
    groups: dict[int, set[str]] = {}
    for row in rows:
        groups.setdefault(row["best_image_id"], set()).add(Path(row["uri"]).name)
    assert sorted(map(sorted, groups.values())) == [["0.jpg", "2.jpg", "4.jpg"], ["1.jpg", "5.jpg"]]
    assert (summary["counts"]["near_duplicates"], summary["counts"]["duplicate_groups"]) == (5, 2)
    assert (output / "report.html").read_text().count('src="data:image/jpeg') == 6 + 5
    assert not (output / "hashes.plan").exists()
    for file in files:
        file.unlink()  # hashes are kept; the report does without pictures
    again = run(tmp_path / "labels", output, threshold=0.4, near_duplicates=True)
    assert again["counts"]["near_duplicates"] == 5
    assert "not readable" in (output / "report.html").read_text()


@pytest.mark.timeout(600)
def test_on_ray_the_result_is_the_same(tmp_path: Path, ray_address: str) -> None:
    annotated(tmp_path / "labels", PEOPLE_SEEN[:40])  # photos that are not there
    files = photos(tmp_path / "photos", [1, 2, 1])
    annotated(tmp_path / "labels", [[7]] * 3, first_image=500, photos=files)
    here = run(tmp_path / "labels", tmp_path / "here", near_duplicates=True)
    there = run(tmp_path / "labels", tmp_path / "ray", near_duplicates=True, address=ray_address)
    assert here["counts"] == there["counts"]
    assert there["counts"]["near_duplicates"] == 2
    for name in ("identities", "people"):
        one, other = (table(tmp_path / place, name).drop(columns="run_id") for place in ("here", "ray"))
        pd.testing.assert_frame_equal(one, other)


def test_one_face_is_one_person(tmp_path: Path) -> None:
    annotated(tmp_path / "labels", [[1]])
    assert run(tmp_path / "labels", tmp_path / "out")["counts"]["people"] == 1


def test_what_the_user_can_mend_is_one_line(tmp_path: Path) -> None:
    annotated(tmp_path / "labels", [[]])
    with pytest.raises(UserError, match="no faces in"):
        run(tmp_path / "labels", tmp_path / "out")
    with pytest.raises(UserError, match="no faces table"):
        run(tmp_path / "nothing", tmp_path / "out")
    for wrong in (["--threshold", "2"], ["--neighbours", "0"], ["--duplicate-bits", "11"], ["--algorithm", "magic"]):
        with pytest.raises(UserError):
            parse(ClusterOptions, ["--faces", "a", "--output", "b", *wrong], "cluster")
    write(tmp_path / "other" / "identities" / "mine.txt", b"mine")
    annotated(tmp_path / "some", [[1]])
    for wrong in ({"names": "/nowhere.csv"}, {"gallery": f"{tmp_path}/nowhere"}):
        with pytest.raises(UserError, match=r"there is no file|no gallery at"):
            run(tmp_path / "some", tmp_path / "out", **wrong)
        assert not (tmp_path / "out" / "people").exists(), "found before the work"
    with pytest.raises(UserError, match="not a table's"):
        run(tmp_path / "some", tmp_path / "other")
