"""The report of a training: complete, right and safe, whatever the training left."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from faceray.errors import UserError
from faceray.models.card import card_to_json
from faceray.models.checkpoint import CARD
from faceray.results.charts import NOTHING
from faceray.results.schema import GENDERS
from faceray.storage import Folder
from faceray.training.answers import Answers
from faceray.training.feeds import direct
from faceray.training.held_out import Judged
from faceray.training.objectives.age import AgeYears
from faceray.training.objectives.classes import Classes, YesNo
from faceray.training.pack_labels import read_labels
from faceray.training.recipe import Network, Recipe
from faceray.training.records import write_history, write_predictions
from faceray.training.session import Job, make_loop, run
from faceray.training.training_report import write_report
from faceray.vision.align import Crop
from tests.results.test_report import Page
from tests.training.packs import make_pack

nan = float("nan")
NASTY = "<script>alert(1)</script> & \"b\" 'c'.jpg"
RECIPE = Recipe(
    name="small",
    about="a small one",
    network=Network(name="attribute_net", crop=Crop("similarity", 64)),
    objectives=(AgeYears(), Classes(name="gender", classes=GENDERS), YesNo(name="smile")),
    watch="age/mae",
)
FIGURES = {"test/age/mae": 5.4321, "test/age/loss": 5.0, "test/gender/accuracy": 0.75, "test/smile/auc": nan}
HISTORY = [
    {
        "epoch": float(e),
        "step": 3.0 * e,
        "loss": 9.0 / e,
        "train/loss": 8.0 / e,
        "learning_rate": 0.1 / e,
        "age/mae": m,
    }
    for e, m in ((1, 9.0), (2, 6.5), (3, 7.0))
]


def page_of(output: Path, figures: dict[str, float] = FIGURES, recipe: Recipe = RECIPE) -> Page:
    write_report(Folder.at(str(output)), recipe, figures, 3723.0)
    return Page((output / "report.html").read_text(encoding="utf-8"))


def leave(
    output: Path,
    pack: str,
    answers: dict[str, list[list[float]]],
    truths: dict[str, list[float]],
    history: list[dict[str, float]] = HISTORY,
    recipe: Recipe = RECIPE,
    **card: Any,
) -> Path:
    """What a training leaves that gave these outputs for the first faces of a pack."""
    rows = np.stack([np.zeros(len(truths["age"]), np.int64), np.arange(len(truths["age"]))], 1)
    outputs = {name: torch.tensor(values) for name, values in answers.items()}
    judged = Judged(rows, Answers(outputs, {}), {name: torch.tensor(values) for name, values in truths.items()}, {})
    folder = Folder.at(str(output))
    write_predictions(folder, judged, [read_labels(pack, ())], recipe.objectives)
    write_history(folder, history)
    words = dict.fromkeys(("licence", "training_data", "intended_use", "limitations"), "some") | card
    folder.write(CARD, card_to_json(recipe.card(version="1", **words)).encode())
    return output


@pytest.fixture
def pack(tmp_path: Path) -> str:
    return make_pack(tmp_path / "pack", 8)


@pytest.fixture
def four(tmp_path: Path, pack: str) -> Path:
    """Faces of the genders f, m, f, m. Ages: 31 for 30, 45 for 50, none, 58 for 52."""
    answers = {
        "age": [[31.0], [45.0], [20.0], [58.0]],
        "gender": [[2.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 9.0]],
        "smile": [[3.0], [-2.0], [-3.0], [2.0]],
    }
    truths = {"age": [30.0, 50.0, nan, 52.0], "gender": [0.0, 1.0, 0.0, 1.0], "smile": [1.0, 0.0, 1.0, nan]}
    return leave(tmp_path / "out", pack, answers, truths, training_data="utkface (18,830 faces)")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recipe, dict[str, float]]:
    """A real training of a few steps."""
    folder = tmp_path_factory.mktemp("trained")
    labels = {"age": lambda i: 20.0 + i, "gender": lambda i: i // 8 % 2, "smile": lambda i: bool(i % 3)}
    pack = make_pack(folder / "pack", 32, **labels)
    recipe = replace(RECIPE, epochs=2, batch=8)
    job = Job(recipe, (pack,), str(folder / "out"))
    figures = run(job, make_loop(job, direct, "cpu"), None, lambda state, loop: None)
    return folder / "out", recipe, figures


def test_a_real_training_has_every_part(trained: tuple[Path, Recipe, dict[str, float]]) -> None:
    output, recipe, figures = trained
    page = page_of(output, figures, recipe)
    for part in (
        "Training of small",
        "Held-out figures",
        "Recipe and data",
        "Curves",
        "Confusions",
        "Age",
        "Yes or no",
    ):
        assert part in page.text
    assert f"age, MAE {figures['test/age/mae']:.4g} years" in page.text
    assert "Held-out faces 4 test Rounds 2 Wall time 1 h 02 min" in page.text
    assert "By gender" in page.text
    assert "Worst answers: age" in page.text
    assert "objectives.age.criterion absolute" in page.text
    assert re.search(r"Round [12] of 2 was the best, with age/mae", page.text)


def test_a_figure_to_watch_that_does_not_exist_is_said_after_the_first_round(tmp_path: Path) -> None:
    objectives = (AgeYears(), Classes(name="gender", classes=GENDERS))
    recipe = replace(RECIPE, objectives=objectives, epochs=1, batch=8, watch="age/mea")
    job = Job(recipe, (make_pack(tmp_path / "pack", 16),), str(tmp_path / "out"))
    with pytest.raises(UserError, match=r"no figure age/mea to watch, only .*age/mae"):
        run(job, make_loop(job, direct, "cpu"), None, lambda state, loop: None)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(trained: tuple[Path, Recipe, dict[str, float]]) -> None:
    output, recipe, figures = trained
    page = page_of(output, figures, recipe)
    sources = [a["src"] or "" for _, a in page.tags if "src" in a]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "a"}
    assert not re.search(r"https?:|@import|url\(", (output / "report.html").read_text())


def test_figures_are_told(four: Path) -> None:
    text = page_of(four).text
    assert "age, MAE 5.432 years gender, accuracy 0.75 Held-out faces 4 test Rounds 3" in text
    assert "Task MAE loss age 5.432 5" in text
    assert f"smile {NOTHING}" in text
    assert "trained on utkface (18,830 faces)" in text


def test_the_best_round_is_marked_in_every_chart(four: Path) -> None:
    page = page_of(four)
    assert "Round 2 of 3 was the best, with age/mae 6.5 (dashed)" in page.text
    assert "more epochs may help" not in page.text
    assert "loss training 4 validation 4.5" in page.text
    assert "age: error MAE 6.5" in page.text
    marks = [a for _, a in page.tags if a.get("class") == "mark" and a["y1"] == "10"]
    assert len(marks) == 3  # loss, age, learning rate
    assert len({a["x1"] for a in marks}) == 1


def test_a_last_round_that_is_the_best_is_remarked(four: Path) -> None:
    write_history(Folder.at(str(four)), HISTORY[:2])
    assert "It is the last one: more epochs may help." in page_of(four).text


def test_confusions_count_truth_in_rows(four: Path) -> None:
    assert "female male all female 1 50.0 % 1 50.0 % 2 male 1 50.0 % 1 50.0 % 2" in page_of(four).text


def test_error_by_age(four: Path) -> None:
    text = page_of(four).text
    assert "30 to 39 1.00 +1.0 1 50 to 59 5.50 +0.5 2" in text  # 45 for 50 and 58 for 52


def test_yes_or_no_counts_and_curve(four: Path, tmp_path: Path, pack: str) -> None:
    assert "smile 2 yes, 1 no found chance" in page_of(four).text
    answers = {"age": [[3.0]], "gender": [[1.0, 0.0]], "smile": [[1.0]]}
    only = leave(tmp_path / "yes", pack, answers, {"age": [3.0], "gender": [0.0], "smile": [1.0]})
    assert "smile 1 yes, 0 no Only one of the two occurs" in page_of(only).text


def test_groups_have_their_own_figures(four: Path) -> None:
    text = page_of(four).text
    gender = text[text.index("By gender") : text.index("By race")]
    assert "Task all female male age, MAE 4 ± 3 3 1 1 5.5 ± 0.98 2 gender, accuracy 0.5" in gender
    assert "By race and gender" in text


def test_the_worst_come_first_and_right_ones_never(four: Path) -> None:
    page = page_of(four)
    captions = [a["alt"] for tag, a in page.tags if tag == "img"]
    assert captions == [
        *(f"face, {words}" for words in ("is 52, said 58", "is 50, said 45", "is 30, said 31")),
        *(f"face, {words}" for words in ("is male, said female 95 %", "is female, said male 73 %")),
        "face, is yes, said no 95 %",
    ]


def test_no_more_than_24_of_a_task_are_shown(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", 40)
    answers = {"age": [[float(i)] for i in range(40)], "gender": [[0.0, 5.0]] * 40, "smile": [[1.0]] * 40}
    truths = {"age": [0.0] * 40, "gender": [0.0] * 40, "smile": [nan] * 40}
    page = page_of(leave(tmp_path / "out", pack, answers, truths))
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 2 * 24


def test_an_output_without_files_still_makes_a_page(tmp_path: Path) -> None:
    text = page_of(tmp_path / "nothing", {}).text
    for name in ("metrics.parquet", "predictions.parquet", "card.json"):
        assert f"{name} is missing or empty" in text
    assert "Training of small" in text
    assert "Curves" not in text


def test_a_training_that_went_wrong_still_makes_a_page(tmp_path: Path, pack: str) -> None:
    answers = {"age": [[nan], [nan]], "gender": [[nan, nan]] * 2, "smile": [[nan]] * 2}
    truths = {"age": [30.0, nan], "gender": [1.0, nan], "smile": [nan, nan]}
    history = [{"epoch": 1.0, "step": 3.0, "loss": nan, "train/loss": float("inf"), "learning_rate": 0.1}]
    text = page_of(leave(tmp_path / "out", pack, answers, truths, history), {"test/age/mae": nan}).text
    assert "No round was the best: age/mae was never a number." in text
    assert f"age, MAE {NOTHING}" in text
    assert "Confusions" not in text


def test_single_rounds_and_tasks_that_come_late_are_drawn(four: Path) -> None:
    write_history(Folder.at(str(four)), HISTORY[:1])
    assert [a for tag, a in page_of(four).tags if tag == "circle"]
    write_history(Folder.at(str(four)), [HISTORY[0], HISTORY[1] | {"gender/accuracy": 0.5}])
    assert "gender: figures accuracy 0.5" in page_of(four).text


def test_classes_without_faces_have_empty_rows(tmp_path: Path, pack: str) -> None:
    answers = {"age": [[3.0]], "gender": [[0.0, 1.0]], "smile": [[1.0]]}
    output = leave(tmp_path / "out", pack, answers, {"age": [nan], "gender": [1.0], "smile": [nan]})
    text = page_of(output).text
    assert f"female 0 {NOTHING} 0 {NOTHING} 0 male 0 0 % 1 100.0 % 1" in text
    assert "Error by age" not in text


def test_faces_of_a_pack_that_is_gone_leave_notes(four: Path, tmp_path: Path) -> None:
    (tmp_path / "pack" / "card.json").unlink()
    page = page_of(four)
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.text.count("not readable: UserError") == 6
    assert "By gender" not in page.text


def test_foreign_text_stays_text(tmp_path: Path, pack: str) -> None:
    recipe = replace(RECIPE, about=NASTY, objectives=(AgeYears(), Classes(name="hand", classes=(NASTY, "b"))))
    answers, truths = {"age": [[3.0]], "hand": [[0.0, 1.0]]}, {"age": [40.0], "hand": [0.0]}
    output = leave(tmp_path / "out", pack, answers, truths, recipe=recipe, licence=NASTY)
    page = page_of(output, {}, recipe)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count("<script>") >= 4
