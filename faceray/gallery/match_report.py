"""The report of a match: probes beside their candidates, and what the decisions rest on. A single static HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import duckdb
import jinja2
import pyarrow.dataset as ds

from faceray.gallery.match_figures import Findings, figures, growth, measured_rates
from faceray.gallery.matches import Decision
from faceray.results import charts
from faceray.results.contact_sheet import OpenImage, Row, Tile, face_tiles, shorten

_TILE = 112  # pixels
_BESIDE = 4  # candidates shown beside a probe
_CHOICES = {
    "Mistaken": (
        "Accepted as somebody else than they are said to be; highest scores first",
        "accepted AND identity <> probe_identity",
        "DESC",
    ),
    "Just accepted": ("The lowest scores that reach the threshold", "accepted", "ASC"),
    "Just not accepted": ("The highest scores that do not reach the threshold", "NOT accepted", "DESC"),
    "Most alike": ("The highest scores", "coalesce(accepted, true)", "DESC"),
}


@dataclass(frozen=True)
class Face:
    """A tile, and who it is said to be."""

    tile: Tile
    name: str


@dataclass(frozen=True)
class Sheet:
    """Probes and their candidates: each line is a probe and then its candidates."""

    title: str
    text: str
    lines: list[list[Face]]


def render_match_report(
    matches: ds.Dataset,
    manifest: Mapping[str, Any],
    decision: Decision,
    findings: Findings,
    open_image: OpenImage,
    pictures: int = 24,
) -> str:
    """The report as one HTML document without scripts or outside resources.

    Args:
        matches: rows of faceray.gallery.matches.MATCHES.
        manifest: contents of `match.json`.
        open_image: the upright image behind a URI, (H, W, 3) uint8 RGB; what it raises becomes a note on a tile.
        pictures: probes on all sheets together.
    """
    fpir = float(manifest["options"]["fpir"])
    return _template().render(
        manifest=manifest,
        decision=decision,
        calibration=decision.calibration,
        fpir=fpir,
        sheets=list(_sheets(matches, open_image, pictures)),
        figures=figures(decision, findings),
        rates=measured_rates(decision, findings, fpir),
        growth=list(growth(decision, fpir)),
    )


def _sheets(matches: ds.Dataset, open_image: OpenImage, pictures: int) -> Iterator[Sheet]:
    each = -(-pictures // len(_CHOICES))
    with duckdb.connect(config={"enable_external_access": "false"}) as db:
        db.register("matches", matches)
        for title, (text, condition, order) in _CHOICES.items():
            chosen = f"""SELECT probe_face_id AS id, score AS best FROM matches
                WHERE rank = 1 AND {condition} ORDER BY best {order}, id LIMIT {each}"""
            query = f"""SELECT matches.* FROM matches JOIN ({chosen}) ON id = probe_face_id
                WHERE rank <= {_BESIDE} ORDER BY best {order}, id, rank"""
            rows = db.sql(query).to_arrow_table().to_pylist()
            if rows:
                yield Sheet(title, text, _lines(rows, open_image))


def _lines(rows: Sequence[Row], open_image: OpenImage) -> list[list[Face]]:
    """Probes and candidates of these rows, which are in the order of the probes."""
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row["probe_face_id"])]
    lines = [[_probe(group[0]), *(_candidate(row) for row in group)] for group in groups]
    faces = [face for line in lines for face in line]
    tiles = iter(face_tiles(faces, lambda face: str(face["caption"]), open_image, _TILE))
    return [[Face(next(tiles), face["name"]) for face in line] for line in lines]


def _probe(row: Row) -> dict[str, Any]:
    name = row["probe_identity"] or "probe"
    return {"uri": row["probe_uri"], "caption": "probe", "name": name, **_box(row["probe_box"])}


def _candidate(row: Row) -> dict[str, Any]:
    sign = {True: "✓ ", False: "✗ ", None: ""}[row["accepted"]]
    known = "" if row["probability"] is None else f" · {charts.percent(row['probability'], 1)}"
    name = row["identity"] or "not named"
    return {
        "uri": row["gallery_uri"],
        "caption": f"{sign}{row['score']:.3f}{known}",
        "name": name,
        **_box(row["gallery_box"]),
    }


def _box(box: Sequence[float]) -> dict[str, float]:
    return dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("faceray", "results"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": lambda n: f"{n:,}", "percent": charts.percent, "shorten": shorten}
    return environment.get_template("match_report.html")
