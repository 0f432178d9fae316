"""The report of a match: complete and safe, whatever was known."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from faceray.evaluation.identification import Identification
from faceray.evaluation.verification import roc
from faceray.gallery.calibration import Calibration
from faceray.gallery.match_figures import Findings, figures, growth, measured_rates
from faceray.gallery.match_report import render_match_report
from faceray.gallery.matches import MATCHES, Decision
from tests.gallery.crowds import calibrated
from tests.results.test_report import NASTY, Page, noise

ROW: dict[str, Any] = {"probe_box": [10.0, 10.0, 50.0, 60.0], "gallery_box": [10.0, 10.0, 50.0, 60.0], "rank": 1}
MANIFEST: dict[str, Any] = {
    "finished_at": "2026-11-22T03:00:00+00:00",
    "faceray": "0.1.0",
    "gallery": "s3://bucket/gallery",
    "generation": "20261122T010000000Z",
    "network": "sface",
    "remark": "",
    "options": {"fpir": 0.01, "prior": 0.5, "top": 10},
    "counts": {"probes": 3, "accepted": 1, "gallery_faces": 600, "gallery_identities": 300},
}


def matches(*rows: dict[str, Any]) -> ds.Dataset:
    filled = [
        {
            "probe_face_id": i,
            "probe_uri": f"file:///p/{i}.jpg",
            "gallery_face_id": 100 + i,
            "gallery_uri": f"file:///g/{i}.jpg",
            **ROW,
            **row,
        }
        for i, row in enumerate(rows)
    ]
    return ds.dataset(pa.Table.from_pylist(filled, schema=MATCHES))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrated()


def page(rows: ds.Dataset, decision: Decision, findings: Findings | None = None, **changes: Any) -> Page:
    return Page(render_match_report(rows, MANIFEST | changes, decision, findings or Findings(), noise, 8))


THREE = matches(
    {"score": 0.91, "probability": 0.98, "accepted": True, "identity": "Ann", "probe_identity": "Bob"},
    {"score": 0.7, "probability": 0.8, "accepted": True, "identity": "Ann", "probe_identity": "Ann"},
    {"score": 0.4, "probability": 0.1, "accepted": False, "identity": None, "probe_identity": "Cy"},
)


def test_probes_stand_beside_their_candidates(calibration: Calibration):
    text = page(THREE, Decision(0.6, calibration, 600, 0.5)).text
    assert "Mistaken" in text
    assert "Bob 0.jpg ✓ 0.910 · 98.0 % Ann 0.jpg" in text
    assert "Just not accepted" in text
    assert "Cy 2.jpg ✗ 0.400 · 10.0 % not named 2.jpg" in text
    assert "A candidate is accepted from a score of 0.6000 on." in text
    assert "3 probes matched against 600 faces" in text


def test_what_the_threshold_rests_on(calibration: Calibration):
    text = page(THREE, Decision(0.6, calibration, 600, 0.5)).text
    assert "600 faces were searched for among 600." in text
    assert "faces with different names (300 people)" in text
    assert "Made with half of the people for 1.0 %" in text
    for faces, threshold, *_ in growth(Decision(0.6, calibration, 600, 0.5), 0.01):
        assert f"{faces:,} {threshold:.4f}" in text or threshold >= 1


def test_without_a_calibration(calibration: Calibration):
    undecided = matches({"score": 0.9, "accepted": None, "probability": None})
    text = page(undecided, Decision(None, None, 5, 0.5), remark="Too few faces.", gallery="").text
    assert "No decisions. Too few faces." in text
    assert "matched with each other" in text
    assert "Most alike" in text
    assert "0.900 not named" in text
    assert "Decided by the given threshold 0.7000." in page(undecided, Decision(0.7, None, 5, 0.5)).text


def test_measured_figures_are_told_and_drawn(calibration: Calibration):
    random = np.random.default_rng(0)
    searched = Identification(random.normal(0.8, 0.1, 90), np.repeat([1, 2], [81, 9]), random.normal(0.4, 0.1, 100))
    curve = roc(np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False]))
    decision, findings = Decision(0.6, calibration, 600, 0.5), Findings(searched, curve)
    told = dict(measured_rates(decision, findings, 0.01))
    assert told["rank 1: the first candidate is a mate"] == "0.9000"
    assert told["strangers accepted at the threshold (FPIR)"] == f"{(searched.impostor_scores >= 0.6).mean():.4f}"
    assert told["TAR at FAR 0.001"] == "1.0000"
    drawn = page(THREE, decision, findings)
    for title in ("Scores of mates and of strangers", "Errors by threshold", "DET", "TAR at FAR"):
        assert title in drawn.text
    assert len([tag for tag, _ in drawn.tags if tag == "polyline"]) == 4 + 4 + 2 + 2
    assert figures(Decision(None, None, 5, 0.5), Findings()) == []


def test_text_from_foreign_files_stays_text(calibration: Calibration):
    foreign = matches(
        {"score": 0.9, "accepted": True, "identity": "<script>x</script>", "probe_identity": NASTY, "probe_uri": NASTY}
    )
    drawn = page(foreign, Decision(0.6, calibration, 600, 0.5), gallery="</title><script>")
    assert not {tag for tag, _ in drawn.tags} & {"script", "link", "iframe", "object", "a"}
    assert not [name for _, attributes in drawn.tags for name in attributes if name.startswith("on")]
    assert NASTY in [attributes.get("title") for _, attributes in drawn.tags]


def test_nothing_is_loaded_from_elsewhere(calibration: Calibration):
    html = render_match_report(THREE, MANIFEST, Decision(0.6, calibration, 600, 0.5), Findings(), noise)
    sources = [a["src"] or "" for tag, a in Page(html).tags if "src" in a]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.search(r"https?:|@import|url\(", html)


def test_no_matches_and_no_pictures(calibration: Calibration):
    assert "3 probes matched" in page(matches(), Decision(0.6, calibration, 600, 0.5)).text
    html = render_match_report(THREE, MANIFEST, Decision(0.6, calibration, 600, 0.5), Findings(), noise, 0)
    assert "<img" not in html
