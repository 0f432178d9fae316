"""Matches from beginning to end, on made-up faces and on photos."""

import json
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest

from faceray.build_gallery import build_gallery
from faceray.cli import parse
from faceray.errors import UserError
from faceray.gallery.gallery import Gallery
from faceray.gallery.matches import MATCHES
from faceray.gallery_options import GalleryOptions
from faceray.match import match
from faceray.match_options import MatchOptions
from tests.corpora import write
from tests.faces import jpeg, portrait, scenery
from tests.gallery.outputs import people, uris, write_output

pytestmark = pytest.mark.timeout(600)  # a busy machine takes a minute to start Ray
KNOWN, STRANGERS = 80, 60


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`gallery`: 80 people with 2 photos each. `probes`: another photo of each, and 60 strangers."""
    folder = tmp_path_factory.mktemp("world")
    known, strangers = people(KNOWN, 3, seed=1), people(STRANGERS, 1, seed=2)
    addresses, others = uris(KNOWN, 3), uris(STRANGERS, 1, first=KNOWN)
    last = np.arange(KNOWN * 3) % 3 == 2
    write_output(folder / "enrolled", known[~last], [a for a, p in zip(addresses, last, strict=True) if not p])
    probes = np.concatenate([known[last], strangers])
    write_output(folder / "probes", probes, [a for a, p in zip(addresses, last, strict=True) if p] + others)
    build_gallery(GalleryOptions(faces=f"{folder}/enrolled", output=f"{folder}/gallery", identities="folder"))
    return folder


def options(world: Path, output: Path, *more: str) -> MatchOptions:
    arguments = ["--probes", f"{world}/probes", "--output", str(output), *more]
    return parse(MatchOptions, [a if a != "GALLERY" else f"{world}/gallery" for a in arguments], "match")


def rows(output: Path) -> list[dict[str, object]]:
    return ds.dataset(output / "matches", format="parquet").to_table().to_pylist()


@pytest.fixture(scope="module")
def matched(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("matched") / "out"
    match(
        options(world, output, "--gallery", "GALLERY", "--identities", "folder", "--top", "3", "--score-files", "AA")
    )
    return output


def test_who_is_known_is_found_and_strangers_are_not(matched: Path):
    table = ds.dataset(matched / "matches", format="parquet").to_table()
    assert table.schema.equals(MATCHES)
    first = table.filter(ds.field("rank") == 1).to_pylist()
    assert len(first) == KNOWN + STRANGERS
    numbers = {row["probe_uri"]: int(str(row["probe_identity"]).split()[1]) for row in first}
    known = [row for row in first if numbers[row["probe_uri"]] < KNOWN]
    assert np.mean([row["identity"] == row["probe_identity"] and row["accepted"] for row in known]) > 0.95
    assert np.mean([row["accepted"] for row in first if numbers[row["probe_uri"]] >= KNOWN]) <= 0.1
    assert np.mean([row["probability"] for row in known]) > 0.9


def test_what_is_left_behind(matched: Path, world: Path):
    assert sorted(path.name for path in matched.iterdir()) == ["match.json", "matches", "report.html", "scores"]
    manifest = json.loads((matched / "match.json").read_text())
    assert manifest["counts"]["probes"] == KNOWN + STRANGERS
    assert manifest["counts"]["matches"] == 3 * (KNOWN + STRANGERS)
    assert manifest["counts"]["gallery_faces"] == 2 * KNOWN
    page = (matched / "report.html").read_text()
    assert "rank 1: the first candidate is a mate" in page
    assert "not readable" in page  # made-up faces have no pictures
    stored = Gallery.open(f"{world}/gallery").card.calibration
    assert stored == manifest["calibration"]


def test_the_stored_calibration_decides_from_then_on(matched: Path, world: Path, tmp_path: Path):
    before = json.loads((matched / "match.json").read_text())
    again = match(options(world, tmp_path / "again", "--gallery", "GALLERY"))
    assert json.loads(json.dumps(again["calibration"])) == before["calibration"]
    assert again["threshold"] == before["threshold"]
    strict = match(options(world, tmp_path / "again", "--gallery", "GALLERY", "--fpir", "0.001"))
    assert strict["threshold"] > again["threshold"]
    given = match(options(world, tmp_path / "again", "--gallery", "GALLERY", "--threshold", "0.99"))
    assert given["threshold"] == 0.99
    assert given["counts"]["accepted"] < again["counts"]["accepted"]
    assert len(rows(tmp_path / "again")) == 10 * (KNOWN + STRANGERS)


def test_score_files_hold_every_named_pair(matched: Path):
    authentic, impostor = (np.load(matched / "scores" / f"AA_{kind}.npy") for kind in ("authentic", "impostor"))
    assert len(authentic) == 2 * KNOWN
    assert len(authentic) + len(impostor) == (KNOWN + STRANGERS) * 2 * KNOWN
    labels = [line.split(" ", 1) for line in (matched / "scores" / "AA_labels.txt").read_text().splitlines()]
    entries = [line.split(" ", 1) for line in (matched / "scores" / "AA_gallery_labels.txt").read_text().splitlines()]
    assert [int(number) for number, _ in labels] == list(range(KNOWN + STRANGERS))
    for probe, entry, score in authentic:
        assert labels[int(probe)][1].split("/")[0] == entries[int(entry)][1].split("/")[0]
        assert -1 <= score <= 1


def test_probes_with_each_other(world: Path, tmp_path: Path):
    everybody = f"{world}/probes,{world}/enrolled"
    found = match(parse(MatchOptions, ["--probes", everybody, "--output", f"{tmp_path}/out"], "match"))
    assert found["counts"]["gallery_faces"] == found["counts"]["probes"] == 3 * KNOWN + STRANGERS
    assert not (tmp_path / "out" / "gallery").exists()
    pairs = rows(tmp_path / "out")
    assert all(pair["probe_face_id"] != pair["gallery_face_id"] for pair in pairs)
    best = [pair for pair in pairs if pair["rank"] == 1]
    same = [str(p["probe_uri"]).split("/")[-2] == str(p["gallery_uri"]).split("/")[-2] for p in best]
    accepted = [bool(pair["accepted"]) for pair in best]
    assert np.mean([a for a, s in zip(accepted, same, strict=True) if s]) > 0.9
    assert np.mean([a for a, s in zip(accepted, same, strict=True) if not s]) < 0.15


def test_a_cluster_gives_the_same_answer_as_one_index(world: Path, tmp_path: Path, ray_address: str):
    small = GalleryOptions(faces=f"{world}/enrolled", output=f"{tmp_path}/gallery", identities="folder", memory="30KB")
    assert len(build_gallery(small).shards) > 2
    alone = match(options(world, tmp_path / "alone", "--gallery", "GALLERY"))
    shared = options(world, tmp_path / "shared", "--gallery", f"{tmp_path}/gallery", "--address", ray_address)
    assert match(shared)["counts"] == alone["counts"]
    order = lambda row: (row["probe_face_id"], row["rank"])  # noqa: E731
    for one, other in zip(
        sorted(rows(tmp_path / "alone"), key=order), sorted(rows(tmp_path / "shared"), key=order), strict=True
    ):
        assert one["gallery_face_id"] == other["gallery_face_id"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-6)


def test_photos_are_annotated_first(tmp_path: Path, ray_address: str):
    for name, picture in {"a": portrait(160), "b": portrait(150, mirrored=True), "c": scenery(100, 100)}.items():
        write(tmp_path / "photos" / f"{name}.jpg", jpeg(picture))
    found = match(MatchOptions(f"{tmp_path}/photos", f"{tmp_path}/out", address=ray_address))
    assert found["counts"]["probes"] == 2
    assert found["threshold"] is None  # two faces say nothing about scores
    assert "could not be calibrated" in found["remark"]
    pairs = rows(tmp_path / "out")
    assert len(pairs) == 2
    assert all(pair["accepted"] is None and pair["score"] > 0.5 for pair in pairs)
    assert "data:image/jpeg" in (tmp_path / "out" / "report.html").read_text()


def test_probes_of_another_network_are_refused_in_one_line(world: Path, tmp_path: Path):
    write_output(tmp_path / "others", people(3), uris(3), network="dlib")
    other = MatchOptions(f"{tmp_path}/others", f"{tmp_path}/out", f"{world}/gallery")
    with pytest.raises(UserError, match="the probes are of the embedding network dlib, the gallery of sface"):
        match(other)


def test_a_folder_of_something_else_is_not_touched(world: Path, tmp_path: Path):
    write(tmp_path / "out" / "labels" / "mine.txt", b"mine")
    with pytest.raises(UserError, match="not of a match"):
        match(options(world, tmp_path / "out", "--gallery", "GALLERY"))
    assert (tmp_path / "out" / "labels" / "mine.txt").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--where", "quality > 2"], "no probe passes|no face of the tables passes"),
        (["--gallery", "/nowhere/at/all"], "no gallery at"),
        (["--fpir", "0"], "--fpir must be above 0"),
        (["--threshold", "2"], "--threshold must be from -1 to 1"),
        (["--generation", "x"], "--generation is of a gallery"),
        (["--score-files", "a/b"], "letters, digits"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(world: Path, tmp_path: Path, more: list[str], message: str):
    with pytest.raises(UserError, match=message):
        match(options(world, tmp_path / "out", *more))
