"""The report of a clustering: how many people, how sure, and what the largest ones look like. A single static page."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import jinja2
import pyarrow as pa
import pyarrow.dataset as ds

from faceray.results import charts
from faceray.results.contact_sheet import OpenImage, Row, Tile, face_tiles

_TYPICAL, _DOUBTFUL = 8, 4  # faces shown of a person: most and least alike to the others
_GROUPS = 12  # of near-duplicates shown
_MERGES = 50  # shown
_TILE = 112  # pixels
_SIZES = {"1": 1, "2": 2, "3 to 4": 4, "5 to 9": 9, "10 to 19": 19, "20 to 49": 49, "50 or more": 2**62}
_SHARES = charts.uniform(0, 1, 20, 4)


@dataclass(frozen=True)
class Chart:
    """A picture and a line of words about it."""

    title: str
    picture: str
    note: str


@dataclass(frozen=True)
class Sheet:
    """Some pictures of one person, or of one photo."""

    title: str
    text: str
    tiles: list[Tile]


def render_report(
    summary: Mapping[str, Any],
    identities: ds.Dataset,
    people: ds.Dataset,
    faces: ds.Dataset,
    duplicates: pa.Table | None,
    open_image: OpenImage,
    sheets: int,
) -> str:
    """The report as one HTML document without scripts or outside resources.

    Args:
        summary: contents of `runs/RUN_ID.json`.
        identities, people: the tables that the run has written. faces: what they are about.
        duplicates: rows of DUPLICATES; None where they were not looked for.
        open_image: the upright image behind a URI, (H, W, 3) uint8 RGB; what it raises becomes a note on a tile.
        sheets: of how many people faces are shown.
    """
    with duckdb.connect(config={"enable_external_access": "false"}) as db:
        for name, rows in (("identities", identities), ("people", people), ("faces", faces)):
            db.register(name, rows)
        return _template().render(
            summary=summary,
            charts=[_sizes(db), _histogram(db, "similarity"), _histogram(db, "confidence")],
            merges=_rows(
                db,
                f"SELECT identity, became FROM people WHERE became IS NOT NULL AND run_id <> $run "
                f"ORDER BY identity LIMIT {_MERGES}",
                run=summary["run_id"],
            ),
            sheets=_sheets(db, open_image, sheets),
            duplicates=[] if duplicates is None else _groups(db, duplicates, open_image),
        )


def _sizes(db: duckdb.DuckDBPyConnection) -> Chart:
    bounds = list(_SIZES.values())
    (row,) = _rows(db, f"SELECT histogram(faces, {bounds}) AS sizes, count(*) AS n FROM people WHERE faces > 0")
    counts = dict(row["sizes"] or ())
    bars = charts.bars([(name, counts.get(most, 0), row["n"]) for name, most in _SIZES.items()])
    return Chart("Faces of a person", bars, f"{row['n']:,} people")


def _histogram(db: duckdb.DuckDBPyConnection, column: str) -> Chart:
    edges = [*_SHARES.edges[1:-1], float("inf")]
    (row,) = _rows(
        db,
        f"SELECT histogram({column}::DOUBLE, $edges) AS counts, count({column}) AS n, count(*) AS faces, "
        f"median({column}) AS median FROM identities",
        edges=edges,
    )
    counts = dict(row["counts"] or ())
    picture = charts.histogram(column, [counts.get(edge, 0) for edge in edges], _SHARES)
    note = f"median {row['median']:.2f}; {row['faces'] - row['n']:,} faces without links" if row["n"] else "no links"
    return Chart({"similarity": "Similarity to the own person", "confidence": "Confidence"}[column], picture, note)


def _sheets(db: duckdb.DuckDBPyConnection, open_image: OpenImage, count: int) -> list[Sheet]:
    rows = _rows(
        db,
        f"""WITH chosen AS (FROM people WHERE faces > 1 ORDER BY faces DESC, identity LIMIT {count}),
        ranked AS (SELECT face_id, identity, similarity, row_number() OVER ranking AS place
            FROM identities SEMI JOIN chosen USING (identity)
            WINDOW ranking AS (PARTITION BY identity ORDER BY similarity DESC NULLS LAST, face_id))
        SELECT ranked.*, chosen.* EXCLUDE (identity), uri, x1, y1, x2, y2
        FROM ranked JOIN chosen USING (identity) JOIN faces USING (face_id)
        WHERE place <= {_TYPICAL} OR place > faces - {_DOUBTFUL} ORDER BY chosen.faces DESC, identity, place""",
    )
    tiles = face_tiles(rows, _similarity, open_image, _TILE)
    sheets: dict[int, Sheet] = {}
    for row, tile in zip(rows, tiles, strict=True):
        title = f"Person {row['identity']}" + (f": {row['name']}" if row["name"] else "")
        text = f"{row['faces']:,} faces in {row['images']:,} images"
        sheets.setdefault(row["identity"], Sheet(title, text, [])).tiles.append(tile)
    return list(sheets.values())


def _similarity(row: Row) -> str:
    return "no link" if row["similarity"] is None else f"{row['similarity']:.2f}"


def _groups(db: duckdb.DuckDBPyConnection, duplicates: pa.Table, open_image: OpenImage) -> list[Sheet]:
    """The largest groups of near-duplicates, a few photos of each."""
    db.register("duplicates", duplicates)
    rows = _rows(
        db,
        f"""WITH counted AS (SELECT *, count(*) OVER (PARTITION BY best_image_id) AS photos,
            row_number() OVER (PARTITION BY best_image_id ORDER BY distance, uri) AS place FROM duplicates)
        SELECT uri, best_image_id, distance, photos, 0 AS x1, 0 AS y1, width AS x2, height AS y2 FROM counted
        WHERE place <= 6 ORDER BY photos DESC, best_image_id, place LIMIT {6 * _GROUPS}""",
    )
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["best_image_id"], []).append(row)
    chosen = [row for group in list(groups.values())[:_GROUPS] for row in group]
    tiles = face_tiles(chosen, lambda row: f"{row['distance']} bits apart", open_image, _TILE)
    sheets: dict[int, Sheet] = {}
    for row, tile in zip(chosen, tiles, strict=True):
        sheets.setdefault(row["best_image_id"], Sheet(f"{row['photos']:,} photos", "", [])).tiles.append(tile)
    return list(sheets.values())


def _rows(db: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[Any]:
    return list(db.execute(query, values or None).to_arrow_table().to_pylist())


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("faceray", "results"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": lambda n: f"{n:,}", "percent": charts.percent}
    return environment.get_template("identities.html")
