"""The predict job: lists of aligned pictures to text, JSON and tables; photos to JSON and drawings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from faceray.cli import parse
from faceray.errors import UserError
from faceray.models.tasks import Task, answer
from faceray.predict import Predicted, predict
from faceray.predict_options import PredictOptions
from faceray.results.schema import GENDERS, RACES
from faceray.vision.align import Crop
from tests.exporting.networks import CARDS, card, lively, saved
from tests.faces import astronaut, group, jpeg, portrait, scenery
from tests.training.packs import make_pack

SMALL = Crop("similarity", 32)
RACE, GENDER, AGE = Task("race", "softmax", RACES), Task("gender", "softmax", GENDERS[::-1]), Task("age", "ordinal")
WEARS = tuple(Task(name, "sigmoid") for name in ("Eyeglasses", "Mustache", "Beard", "Hat"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checkpoints with random weights, each for some tasks."""
    folder = tmp_path_factory.mktemp("models")
    tasks = {"who": (GENDER, AGE), "race": (RACE,), "wears": WEARS, "pose": (Task("pose", "regression", ("yaw",)),)}
    cards = {name: card("attribute_net", t, SMALL, width=8, blocks=[1]) for name, t in tasks.items()}
    cards["triple"] = replace(CARDS["c3ae"], name="triple")
    return {name: saved(lively(c), str(folder / name)) for name, c in cards.items()}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a list of five names: three portraits, one that is broken and one that is not there."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, (side, mirrored) in enumerate([(32, False), (32, True), (64, False)]):
        Image.fromarray(portrait(side, mirrored, 0.5 + 0.3 * number)).save(folder / f"face {number}.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    names = ["face 0.png", "broken.jpg", "face 1.png", "gone.png", "face 2.png"]
    (tmp_path / "list.txt").write_text("\n".join(names))
    return folder


def predicted(models: str, source: Path | str, output: Path, *more: str) -> Predicted:
    arguments = ["--models", models, "--input", str(source), "--output", str(output), *more]
    return predict(parse(PredictOptions, arguments, "predict"))


def expected(folder: str, pictures: np.ndarray) -> list[np.ndarray]:
    """Answers of a checkpoint by torch alone."""
    from faceray.models.checkpoint import load_checkpoint

    model = load_checkpoint(folder)
    with torch.inference_mode():
        outputs = model.module(torch.tensor(pictures.copy()).permute(0, 3, 1, 2).float())
    return [answer(task, output.numpy()) for task, output in zip(model.tasks, outputs, strict=True)]


def test_lines_of_the_original(
    models: dict[str, str], pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    both = f"{models['who']},{models['race']}"
    done = predicted(both, tmp_path / "list.txt", tmp_path / "out", "--source", str(pictures))
    assert done == Predicted(f"{tmp_path}/out/list_predictions.txt", images=5, faces=3, failed=2)
    lines = Path(done.file).read_text().splitlines()
    first = np.asarray(Image.open(pictures / "face 0.png"))[None]
    gender, age = expected(models["who"], first)
    (race,) = expected(models["race"], first)
    male = int(gender[0, 0] > 0.5)  # this network's first label
    assert lines[0] == f"{pictures}/face 0.png {race[0].argmax()} {male} {age[0, 0]:.1f}"
    assert lines[1] == f"{pictures}/broken.jpg -1 -1 -1"
    assert lines[3] == f"{pictures}/gone.png -1 -1 -1"
    assert lines[4].startswith(f"{pictures}/face 2.png ")
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith(str(pictures))]
    assert [line.split(": ")[1] for line in told] == ["truncated", "not_found"]


def test_other_tasks_come_after_and_absent_ones_leave_no_place(
    models: dict[str, str], pictures: Path, tmp_path: Path
) -> None:
    predicted(f"{models['wears']},{models['race']}", pictures, tmp_path / "out")
    (line, *_) = (tmp_path / "out" / "pictures_predictions.txt").read_text().splitlines()
    race, *wears = line.removeprefix(f"{pictures}/").split()[-5:]
    assert race in set("01234") | {"-1"}
    assert len(wears) == 4


def test_json_and_a_table_say_the_same(models: dict[str, str], pictures: Path, tmp_path: Path) -> None:
    for format_ in ("json", "parquet"):
        predicted(models["who"], tmp_path / "list.txt", tmp_path, "--source", str(pictures), "--format", format_)
    entries = json.loads((tmp_path / "list_predictions.json").read_text())
    table = pq.read_table(tmp_path / "list_predictions.parquet").to_pylist()
    assert [e["image"] for e in entries] == [row["image"] for row in table]
    assert [e["status"] for e in entries] == [row["status"] for row in table]
    for entry, row in zip(entries, table, strict=True):
        if entry["status"] != "ok":
            assert entry["error"] == row["error"]
            assert row["age"] is None
            assert "classes" not in entry
            continue
        assert entry["classes"]["age"] == row["age"]
        probabilities = dict(zip(GENDERS, row["gender_probabilities"], strict=True))
        assert entry["classes"]["gender"] == pytest.approx(probabilities, abs=1e-5)
        assert row["gender"] == max(probabilities, key=lambda name: probabilities[name])


def test_samples_of_a_pack(models: dict[str, str], tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", count=16, crop=Crop("triple_box", 38))
    done = predicted(models["triple"], pack, tmp_path, "--part", "test", "--format", "json")
    assert done.file == f"{tmp_path}/pack_predictions.json"
    dark, _ = entries = json.loads(Path(done.file).read_text())
    assert [entry["image"] for entry in entries] == ["7.jpg", "15.jpg"]
    assert set(dark["classes"]) == {"age_bins", "age", "gender"}
    assert sum(dark["classes"]["gender"].values()) == pytest.approx(1, abs=1e-5)


def test_faces_of_photos(models: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, picture in (("a.jpg", group(160, 90)), ("b.jpg", scenery()), ("c.jpg", astronaut())):
        (folder / name).write_bytes(jpeg(picture))
    (folder / "d.jpg").write_bytes(b"")
    done = predicted(models["wears"], folder, tmp_path / "out", "--faces", "detect", "--save-images")
    assert (done.images, done.faces, done.failed) == (4, 3, 1)
    found = {Path(e["image"]).name: e for e in json.loads((tmp_path / "out/photos_predictions.json").read_text())}
    assert [len(found[name]["faces"]) for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")] == [2, 0, 1, 0]
    assert found["d.jpg"]["status"] == "empty"
    large, small = found["a.jpg"]["faces"]
    x, y, width, height = large["bbox"]
    assert all(isinstance(edge, int) for edge in large["bbox"])
    assert 20 <= x < x + width <= 180
    assert 40 <= y < y + height <= 200
    assert width * height > small["bbox"][2] * small["bbox"][3]
    assert list(large["classes"]) == ["Eyeglasses", "Mustache", "Beard", "Hat"]
    assert all(0 < probability < 1 for probability in large["classes"].values())
    drawn = sorted((tmp_path / "out" / "drawn").iterdir())
    assert [path.name for path in drawn] == ["000000-a.jpg", "000001-b.jpg", "000002-c.jpg"]
    changed = np.abs(np.asarray(Image.open(drawn[0])).astype(int) - group(160, 90)).max(2) > 60
    assert 0.001 < changed.mean() < 0.3


def test_a_table_of_photos_has_a_row_for_each_face(models: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "two.jpg").write_bytes(jpeg(group(160, 90)))
    (tmp_path / "none.jpg").write_bytes(jpeg(scenery()))
    predicted(models["who"], tmp_path, tmp_path / "out", "--faces", "detect", "--format", "parquet")
    (file,) = (tmp_path / "out").glob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    assert [(Path(row["image"]).name, row["face_index"]) for row in rows] == [
        ("none.jpg", None),
        ("two.jpg", 0),
        ("two.jpg", 1),
    ]
    assert rows[1]["x2"] > rows[1]["x1"]
    assert rows[1]["gender"] in GENDERS


def test_mirrored_passes_are_averaged(models: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    picture = portrait(32)
    for name, pixels in (("left.png", picture), ("right.png", picture[:, ::-1])):
        Image.fromarray(pixels).save(tmp_path / "faces" / name)
    both = f"{models['race']},{models['pose']}"
    predicted(both, tmp_path / "faces", tmp_path, "--mirror", "--format", "json")
    left, right = (e["classes"] for e in json.loads((tmp_path / "faces_predictions.json").read_text()))
    (race,) = expected(models["race"], np.stack([picture, picture[:, ::-1]]))
    (yaw,) = expected(models["pose"], np.stack([picture, picture[:, ::-1]]))
    assert abs(race[0] - race[1]).max() > 1e-3
    assert list(left["race"].values()) == pytest.approx(race.mean(0).tolist(), abs=1e-4)
    assert left["race"] == pytest.approx(right["race"], abs=1e-5)
    assert left["pose"] == pytest.approx((yaw[0, 0] - yaw[1, 0]) / 2, abs=1e-3)
    assert left["pose"] == pytest.approx(-right["pose"], abs=1e-5)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--models", ","], "--models names no checkpoint"),
        (["--models", "no-such-model"], "cannot read no-such-model"),
        (["--input", "no-such-folder"], "nothing at no-such-folder"),
        (["--format", "xml"], "xml"),
        (["--faces", "detect", "--format", "text"], "photos go to json or parquet"),
        (["--save-images"], "goes with --faces detect"),
        (["--batch", "0"], "must be at least 1"),
    ],
)
def test_bad_options(models: dict[str, str], tmp_path: Path, more: list[str], message: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match=message):
        predicted(models["who"], tmp_path / "in", tmp_path / "out", *more)


def test_two_models_of_one_task(models: dict[str, str], pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="more than one of the models answers age, gender"):
        predicted(f"{models['who']},{models['who']}", pictures, tmp_path / "out")


def test_no_pictures(models: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(UserError, match=r"no pictures in .*empty\.txt"):
        predicted(models["who"], tmp_path / "empty.txt", tmp_path / "out")


def test_packs_are_no_photos(models: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="pack of aligned faces, not of photos"):
        predicted(models["who"], make_pack(tmp_path / "pack"), tmp_path, "--faces", "detect")
