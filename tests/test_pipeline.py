"""Whole runs on a real local Ray: what comes in comes out, once, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import torch
import yaml

from faceray import cli, commands
from faceray.annotate import annotate, prepare
from faceray.corpus.decode import Limits, decode
from faceray.models.checkpoint import save_checkpoint
from faceray.models.networks import build_network
from faceray.models.zoo import load_models
from faceray.options import AnnotateOptions, Workers
from faceray.results.committer import Committer
from faceray.results.manifest import read_manifests
from faceray.results.schema import ATTRIBUTES, BINARY_ATTRIBUTES, FACES, IMAGES, LABELS
from faceray.show import find_faces
from faceray.storage import Folder
from faceray.vision.mtcnn import MtcnnOptions
from tests.corpora import Expected, crowd, mixed_corpus, write
from tests.faces import group, jpeg, portrait, scenery
from tests.models.test_attribute_net import CARD, lively
from tests.results.batches import contents
from tests.tables import assert_same

pytestmark = pytest.mark.timeout(600)  # a busy machine takes a minute to start Ray
ROOT = Path(__file__).parent.parent
FEW = Workers(fetch=1, detect=1, recognise=1)
CROWD = 100


@dataclass(frozen=True)
class Night:
    """What a run left behind."""

    output: Folder
    manifest: dict[str, Any]
    images: pd.DataFrame
    faces: pd.DataFrame

    @classmethod
    def of(cls, output: Folder, manifest: dict[str, Any]) -> "Night":
        committer = Committer(output, 0)
        tables = (committer.images, committer.faces)
        return cls(output, manifest, *(table.dataset().to_table().to_pandas() for table in tables))


@dataclass(frozen=True)
class Place:
    """A corpus, what is in it, and how it is annotated."""

    folder: Path
    expected: dict[str, Expected]
    options: AnnotateOptions

    def by_name(self, images: pd.DataFrame) -> pd.DataFrame:
        return images.assign(name=images["uri"].str.removeprefix(f"file://{self.folder}/")).set_index("name")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, ray_address: str) -> Place:
    root = tmp_path_factory.mktemp("mixed")
    torch.manual_seed(0)
    save_checkpoint(f"{root}/checkpoint", CARD, lively(build_network(CARD)))
    expected = mixed_corpus(root / "photos")
    expected |= {f"crowd/{name}": e for name, e in crowd(root / "photos" / "crowd", CROWD).items()}
    options = AnnotateOptions(
        f"{root}/photos",
        f"{root}/photos/labels #1 ü",  # inside the input, where it must not be found
        attributes=f"{root}/checkpoint",
        workers=FEW,
        address=ray_address,
    )
    return Place(root / "photos", expected, options)


@pytest.fixture(scope="module")
def first(place: Place) -> Night:
    """The first night: everything is new."""
    return Night.of(Folder.at(place.options.output), annotate(place.options))


def test_one_row_for_every_image_with_its_status(place: Place, first: Night) -> None:
    found = place.by_name(first.images)
    assert found.index.is_unique
    assert found["status"].to_dict() == {name: str(e.status) for name, e in place.expected.items()}
    assert found["face_count"].to_dict() == {name: e.faces for name, e in place.expected.items()}
    assert (found["run_id"] == first.manifest["run_id"]).all()
    assert (found["models"] == first.manifest["fingerprint"]).all()


def test_rows_keep_the_rules_of_the_schema(first: Night) -> None:
    for rows, schema in ((first.images, IMAGES), (first.faces, FACES)):
        assert list(rows.columns) == schema.names
        for field in schema:
            assert field.nullable or rows[field.name].notna().all(), field.name
    done = first.images[first.images["status"] == "ok"]
    assert done[["width", "height", "format", "sha256", "bytes"]].notna().all(axis=None)
    failed = first.images[first.images["status"] != "ok"]
    assert failed["error"].notna().all()
    assert failed["width"].isna().all()


def test_faces_and_images_agree(first: Night) -> None:
    assert {image: faces for image, (_, _, faces) in contents(first.output).items()} == dict(
        zip(first.images["image_id"], first.images["face_count"], strict=True)
    )
    assert len(first.faces) == first.images["face_count"].sum() == first.manifest["counts"]["faces"]
    images = {image["image_id"]: image for image in first.images.to_dict("records")}
    for face in first.faces.to_dict("records"):
        image = images[face["image_id"]]
        assert face["uri"] == image["uri"]
        assert 0 < (face["x1"] + face["x2"]) / 2 < image["width"]
        assert 0 < (face["y1"] + face["y2"]) / 2 < image["height"]


def test_counts_of_the_manifest_are_those_of_the_tables(place: Place, first: Night) -> None:
    counts = first.manifest["counts"]
    images = len(place.expected)
    assert counts["listed"] == counts["new"] == counts["planned"] == counts["written"] == images == len(first.images)
    assert counts["ignored"] == 2
    assert counts["by_status"] == Counter(first.images["status"])
    assert counts["errors"] == (first.images["status"] != "ok").sum()
    assert counts["already_done"] == counts["deferred"] == counts["duplicates"] == 0
    assert [stage["images"] for stage in first.manifest["stages"]] == [images] * 4
    assert all(stage["busy_seconds"] > 0 for stage in first.manifest["stages"])
    assert first.manifest["bottleneck"] in ("load", "detect", "recognise", "write")


def test_every_attribute_is_filled_and_the_manifest_names_its_network(first: Night) -> None:
    columns = [*ATTRIBUTES, *(f"{name}_probabilities" for name in LABELS), "embedding"]
    assert first.faces[columns].notna().all(axis=None)
    for name in BINARY_ATTRIBUTES:
        assert first.faces[name].between(0, 1).all()
    assert np.allclose(np.linalg.norm(np.stack(list(first.faces["embedding"])), axis=1), 1, atol=1e-4)
    filled = {column: model["name"] for model in first.manifest["models"] for column in model["columns"]}
    assert {filled[name] for name in ATTRIBUTES} == {CARD.name}
    assert filled["embedding"] == "sface"
    assert filled["x1"] == filled["landmarks"] == "mtcnn"


def test_the_manifest_is_saved_with_all_options(place: Place, first: Night) -> None:
    (saved,) = read_manifests(first.output)
    assert saved == json.loads(json.dumps(first.manifest))
    assert saved["state"] == "finished"
    options = saved["options"]
    assert options["input"] == place.options.input
    assert options["detector"]["min_face_size"] == 20
    assert options["workers"]["detect"] == 1
    assert options["commit_seconds"] == 5.0


def test_a_run_leaves_nothing_but_its_results(first: Night) -> None:
    assert sorted(first.output.names()) == ["faces", "images", "report.html", "runs"]
    assert (first.output / "runs").names() == [f"{first.manifest['run_id']}.json"]
    for name, rows in (("images", first.images), ("faces", first.faces)):
        plain = pyarrow.parquet.read_table(Path(first.output.path) / name)
        assert plain.num_rows == len(rows)
    report = first.output.read("report.html").decode()
    assert "do not add up" not in report
    assert first.manifest["run_id"] in report


def test_a_second_run_has_nothing_to_do(place: Place, first: Night, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--input", place.options.input, "--output", place.options.output]
    arguments += ["--attributes", place.options.attributes, "--address", "no:1"]  # it never gets as far as Ray
    assert cli.run(commands.annotate, arguments) == 0
    said = capsys.readouterr().out
    assert f"nothing to do: all {len(place.expected)} images listed are in" in said
    assert len(Night.of(first.output, {}).images) == len(first.images)
    assert (first.output / "runs").names() == [f"{first.manifest['run_id']}.json"]


@pytest.fixture(scope="module")
def second(place: Place, first: Night) -> Night:
    """The second night: a photo is new, two are other ones, a broken one is whole, one is gone."""
    write(place.folder / "people/late.jpg", jpeg(portrait(130)))
    write(place.folder / "people/one 50% #1.jpg", jpeg(group(160, 120)))
    write(place.folder / "people/三人 🙂.JPG", jpeg(scenery()))
    write(place.folder / "broken/empty.jpg", jpeg(portrait(150)))
    (place.folder / "nature/pixel.jpg").unlink()
    return Night.of(first.output, annotate(place.options))


def test_the_second_night_does_what_is_new_or_changed(place: Place, first: Night, second: Night) -> None:
    before, after = place.by_name(first.images), place.by_name(second.images)
    changed = {"people/one 50% #1.jpg": 2, "people/三人 🙂.JPG": 0, "broken/empty.jpg": 1, "people/late.jpg": 1}
    assert after.index.is_unique
    assert set(after.index) == {*before.index, "people/late.jpg"}
    assert after.loc[list(changed), "face_count"].to_dict() == changed
    assert (after.loc[list(changed), "run_id"] == second.manifest["run_id"]).all()
    untouched = [name for name in before.index if name not in changed]
    same = [column for column in before.columns if column != "gone_at"]
    pd.testing.assert_frame_equal(after.loc[untouched, same], before.loc[untouched, same], check_like=True)
    assert after.index[after["gone_at"].notna()].tolist() == ["nature/pixel.jpg"]
    assert contents(second.output).keys() == set(second.images["image_id"])
    counts = second.manifest["counts"]
    assert (counts["new"], counts["changed"], counts["gone"], counts["written"]) == (1, 3, 1, 4)
    assert counts["already_done"] == len(before) - 4
    assert len(read_manifests(second.output)) == 2


def test_old_faces_of_changed_images_are_gone(place: Place, first: Night, second: Night) -> None:
    ids = place.by_name(second.images)["image_id"]
    faces = second.faces.groupby("image_id")
    assert len(faces.get_group(ids["people/one 50% #1.jpg"])) == 2
    assert ids["people/三人 🙂.JPG"] not in faces.groups
    same = set(first.faces["face_id"]) & set(second.faces["face_id"])
    kept = first.faces[
        first.faces["image_id"].isin(second.images.query("run_id == @first.manifest['run_id']")["image_id"])
    ]
    assert set(kept["face_id"]) <= same
    plain = pyarrow.parquet.read_table(Path(second.output.path) / "faces")
    assert sorted(plain["face_id"].to_pylist()) == sorted(second.faces["face_id"])


def test_faces_of_the_tables_are_those_of_one_picture(place: Place, first: Night) -> None:
    """The pipeline's batches give what `faceray show` gives."""
    name = "people/no ending"
    row = place.by_name(first.images).loc[name]
    pixels = decode((place.folder / name).read_bytes(), name, Limits()).pixels
    shown = find_faces(pixels, MtcnnOptions(), "sface", place.options.attributes)
    stored = first.faces[first.faces["image_id"] == row["image_id"]].sort_values("face_index")
    assert len(shown) == len(stored) == 2
    expected = pd.DataFrame(shown)
    assert_same(stored[expected.columns].reset_index(drop=True), expected)


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[str]:
    """Where the Ray of a command-line run keeps its files; all processes that name it end with the tests."""
    with tempfile.TemporaryDirectory(prefix="fr", ignore_cleanup_errors=True) as folder:
        yield folder
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{folder}/".encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:  # ended meanwhile
                continue


def job(place: Place, output: Path, ray_folder: str, *more: str) -> subprocess.Popen[str]:
    """`python jobs/annotate.py` on the crowd, in a process group of its own."""
    arguments = ["--input", f"{place.folder}/crowd", "--output", str(output), "--workers.detect", "1"]
    return subprocess.Popen(
        [sys.executable, "jobs/annotate.py", *arguments, "--attributes", place.options.attributes, *more],
        cwd=ROOT,
        env={**os.environ, "RAY_TMPDIR": ray_folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def killed(place: Place, ray_folder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that was killed when it had committed a part of its work."""
    output = tmp_path_factory.mktemp("killed") / "out"
    process = job(place, output, ray_folder, "--commit_seconds", "0", "--address", str(place.options.address))
    log = output / "images" / "_delta_log"
    while len(list(log.glob("*.json"))) < 3:  # made, claimed, and a first commit
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return output


def test_a_killed_run_keeps_what_it_had_committed(killed: Path) -> None:
    committer = Committer(Folder.at(str(killed)), 0)
    assert 0 < committer.images.dataset().count_rows() < CROWD
    (manifest,) = read_manifests(Folder.at(str(killed)))
    assert manifest["state"] == "running"


@dataclass(frozen=True)
class Restart:
    night: Night
    said: str


@pytest.fixture(scope="module")
def restarted(place: Place, killed: Path, ray_folder: str) -> Restart:
    """The next run on the output of the killed one, on the command line and with a file of options."""
    done = Committer(Folder.at(str(killed)), 0).images.dataset().count_rows()
    config = killed.parent / "options.yaml"
    config.write_text(yaml.safe_dump({"commit_seconds": 0.5, "limit": 1, "workers": {"fetch_threads": 3}}))
    process = job(place, killed, ray_folder, "--config", str(config), "--limit", str(CROWD))
    said, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    manifest = read_manifests(Folder.at(str(killed)))[-1]
    assert manifest["counts"]["written"] <= CROWD - done
    return Restart(Night.of(Folder.at(str(killed)), manifest), said)


def test_the_next_run_goes_on_and_says_what_it_did(restarted: Restart) -> None:
    counts = restarted.night.manifest["counts"]
    assert 0 < counts["already_done"] < CROWD
    assert counts["already_done"] + counts["written"] == counts["listed"] == CROWD
    said = dict(line.split("  ", 1) for line in restarted.said.splitlines())
    assert said["images listed"].strip() == str(CROWD)
    assert said["written"].strip() == str(counts["written"])
    assert Path(said["report"].strip()).is_file()
    assert Path(said["manifest"].strip()).is_file()
    names = (restarted.night.output / "runs").names()
    assert len(names) == 2
    assert all(name.endswith(".json") for name in names)  # no plan of either run is left


def test_options_of_the_file_and_of_the_command_line_are_in_the_manifest(restarted: Restart) -> None:
    options = restarted.night.manifest["options"]
    assert options["commit_seconds"] == 0.5
    assert options["workers"]["fetch_threads"] == 3
    assert options["workers"]["detect"] == 1
    assert options["limit"] == CROWD  # not 1, as in the file


def comparable(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    crowd_only = rows[rows["uri"].str.contains("/crowd/", regex=False)]
    return crowd_only.drop(columns=["run_id", "annotated_at"], errors="ignore").sort_values(key, ignore_index=True)


def test_a_broken_run_ends_with_the_same_tables_as_an_unbroken_one(restarted: Restart, first: Night) -> None:
    images, expected = (comparable(night.images, "image_id") for night in (restarted.night, first))
    assert len(expected) == CROWD
    pd.testing.assert_frame_equal(images, expected)
    faces, expected = (comparable(night.faces, "face_id") for night in (restarted.night, first))
    assert len(expected) > CROWD / 2
    assert_same(faces, expected)
    assert len(contents(restarted.night.output)) == CROWD
    assert pyarrow.parquet.read_table(Path(restarted.night.output.path) / "images").num_rows == CROWD


def test_other_networks_do_all_readable_images_again(place: Place, second: Night) -> None:
    """Only the counting of it: the machinery is that of the second night, and of `test_nights.py`."""
    options = AnnotateOptions(place.options.input, place.options.output, embedding="dlib")
    run, _ = prepare(options, write_plan=False)
    listed = place.by_name(second.images).drop("nature/pixel.jpg")  # the one gone
    readable = listed[listed["status"] == "ok"]
    assert run.plan.by_reason == {
        "recomputed": (readable["face_count"] > 0).sum(),
        "relabelled": (readable["face_count"] == 0).sum(),
        "already_done": len(listed) - len(readable),
    }
    options = replace(options, detector=MtcnnOptions(min_face_size=30))
    assert prepare(options, write_plan=False)[0].plan.by_reason["model_changed"] == len(readable)
    assert run.models.fingerprint == load_models(MtcnnOptions(), "dlib", options.checkpoints, "fp32").fingerprint
