"""The report page: complete, safe and small, whatever the tables hold."""

import re
from html.parser import HTMLParser
from typing import Any

import fsspec
import numpy as np
import pyarrow.dataset as ds
import pytest
from numpy.typing import NDArray

from faceray.corpus.status import Status
from faceray.results.report import STATUS_MEANING, render_report, write_report
from faceray.results.schema import FACES, IMAGES
from tests.results.sample_rows import faces_of, images_of

VOID = {"meta", "img", "br", "hr", "link", "input", "line", "rect"}
NASTY = "s3://bucket/a \"b\" 'c' <script>alert(1)<script> & Übergröße 写真 🙂 \u202egpj.exe"
MANIFEST: dict[str, Any] = {
    "run_id": "R",
    "started_at": "2026-11-21T01:00:00+00:00",
    "finished_at": "2026-11-21T03:03:00+00:00",
    "seconds": 7380.0,
    "images_per_second": 1234.5,
    "options": {"input": "s3://bucket", "detector": {"min_face": 20}},
    "models": [{"role": "detector", "name": "mtcnn", "sha256": "ab" * 32, "licence": "MIT", "columns": ["score"]}],
    "stages": [
        {"name": "decode", "workers": 4, "busy_seconds": 100.0, "images": 50, "utilisation": 0.25},
        {"name": "detect", "workers": 1, "busy_seconds": 7000.0, "images": 50},
    ],
    "bottleneck": "detect",
}


class Page(HTMLParser):
    """Tags must balance; collects the text and every tag's attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text = " ".join([self.text, *data.split()]).strip()


def noise(uri: str) -> NDArray[np.uint8]:
    return np.random.default_rng(len(uri)).integers(0, 256, (80, 90, 3), np.uint8)


def page_of(images: ds.Dataset, faces: ds.Dataset, manifest: dict[str, Any] = MANIFEST) -> Page:
    return Page(render_report(images, faces, manifest, noise))


def test_every_status_has_a_meaning() -> None:
    assert set(STATUS_MEANING) == set(Status)


def test_headline_statuses_and_throughput_are_told() -> None:
    images = images_of({"face_count": 2}, {"face_count": 1}, {"status": "truncated", "error": "18 bytes missing"})
    text = page_of(images, faces_of({}, {}, {"age": 33.0})).text
    assert "Images 3" in text
    assert "Faces 3" in text
    assert "Errors 1 33.3 %" in text
    assert "Images per second 1,234 Wall time 2 h 03 min" in text
    assert "started 2026-11-21 01:00 UTC, finished 2026-11-21 03:03 UTC" in text
    assert "truncated the file ends before its picture does 1 33.3 %" in text
    assert "truncated 2.jpg 18 bytes missing" in text
    assert "The bottleneck was detect" in text
    assert "decode 4 50 1 min 40 s 2 25.0 %" in text  # 50 images in 100 busy seconds by each of 4: 2 a second
    assert "detect ◂ 1 50 1 h 57 min 0.00714 94.9 %" in text  # utilisation worked out: 7000 of 7380 seconds
    assert "detector mtcnn MIT score " + "ab" * 32 in text
    assert "detector.min_face 20" in text


def test_columns_without_values_are_said_to_be_not_computed() -> None:
    text = page_of(images_of({"face_count": 2}), faces_of({"smile": 0.9, "gender": "male"}, {"smile": 0.1})).text
    assert "Age not computed" in text
    assert "Race not computed" in text
    assert "Gender 1 faces; 1 more without female 0 0 % male 1 100.0 %" in text
    assert "not computed: eyeglasses, beard, mustache, hat smile 1 50.0 %" in text


def test_text_from_foreign_files_stays_text() -> None:
    images = images_of({"uri": NASTY, "status": "failed", "error": "<img src=x onerror=alert(1)>"}, {"face_count": 1})
    page = page_of(images, faces_of({"uri": NASTY}), MANIFEST | {"run_id": "R", "bottleneck": "</p><script>"})
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "a"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "<img src=x onerror=alert(1)>" in page.text
    assert NASTY in [attributes.get("title") for _, attributes in page.tags]


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = render_report(images_of({"face_count": 1}), faces_of({}), MANIFEST, noise)
    sources = [a["src"] or "" for tag, a in Page(html).tags if "src" in a]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.search(r"https?:|@import|url\(", html)


def test_the_page_shows_the_run_and_not_the_nights_before() -> None:
    images = images_of({"run_id": "old", "face_count": 9}, {"face_count": 1}, {"run_id": "old", "status": "empty"})
    faces = faces_of(*[{"run_id": "old"}] * 9, {})
    text = page_of(images, faces).text
    assert "Images 1" in text
    assert "The tables now hold 3 images and 10 faces." in text
    assert "could not be used" not in text


def test_a_run_without_new_images_shows_the_tables() -> None:
    manifest = MANIFEST | {"run_id": "idle", "counts": {"already_done": 1, "planned": 0, "written": 0, "faces": 0}}
    text = page_of(images_of({"face_count": 1}), faces_of({}), manifest).text
    assert "Good. Nothing new." in text
    assert "This run wrote no images" in text
    assert "Images 1" in text


@pytest.mark.parametrize("manifest", [{}, MANIFEST])
def test_empty_tables_and_an_empty_manifest_still_make_a_page(manifest: dict[str, Any]) -> None:
    text = page_of(ds.dataset(IMAGES.empty_table()), ds.dataset(FACES.empty_table()), manifest).text
    assert "There are no images." in text
    assert "No images at all" in text


def test_a_night_where_everything_failed() -> None:
    images = images_of(*[{"status": "undecodable", "error": f"bad {i}"} for i in range(40)])
    page = page_of(images, ds.dataset(FACES.empty_table()))
    assert "Trouble. None of the 40 images could be used." in page.text
    assert "24 of 40" in page.text
    assert "no image was searched" in page.text
    assert not [tag for tag, _ in page.tags if tag == "img"]


def test_sums_that_do_not_hold_are_shown() -> None:
    manifest = MANIFEST | {"counts": {"planned": 5, "written": 1}}
    text = page_of(images_of({"face_count": 1}), faces_of({}), manifest).text
    assert "Trouble. The counts do not add up" in text
    assert "✗ planned 5 = written 1: does not hold" in text
    assert "✓ written 1 = rows of the run in images 1" in text


def test_unreadable_images_leave_a_note_on_their_tiles() -> None:
    def gone(uri: str) -> NDArray[np.uint8]:
        raise FileNotFoundError(uri)

    page = Page(render_report(images_of({"face_count": 1}), faces_of({"quality": 0.5}), MANIFEST, gone))
    assert page.text.count("not readable: FileNotFoundError") == 3  # on each of the three sheets


def test_a_full_page_stays_small() -> None:
    faces = faces_of(*({"quality": i / 200, "score": i / 200} for i in range(200)))
    page = render_report(images_of(*[{"face_count": 1}] * 200), faces, MANIFEST, noise)  # noise: the largest JPEGs
    assert len([tag for tag, _ in Page(page).tags if tag == "img"]) == 48
    assert len(page) < 1_500_000


def test_the_report_is_written_to_any_file_system() -> None:
    write_report(images_of({"face_count": 1}), faces_of({}), MANIFEST, noise, "memory://reports/R.html")
    with fsspec.open("memory://reports/R.html", "r", encoding="utf-8") as file:
        assert Page(file.read()).text.startswith("faceray: run R")
