"""The report of one annotate run: a single static HTML page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import fsspec
import jinja2
import pyarrow.compute as pc
import pyarrow.dataset as ds
from markupsafe import Markup

from faceray.corpus.status import Status
from faceray.results import charts
from faceray.results.contact_sheet import OpenImage, Row, Tile, face_tiles, shorten
from faceray.results.summary import (
    Distribution,
    FaceSummary,
    ImageSummary,
    Mix,
    extreme_faces,
    failed_images,
    summarise_faces,
    summarise_images,
)
from faceray.results.verdict import check_accounts, judge
from faceray.units import duration

STATUS_MEANING = {
    Status.OK: "read and searched for faces",
    Status.EMPTY: "the file has no bytes",
    Status.TOO_LARGE: "more bytes than the limit",
    Status.TOO_MANY_PIXELS: "more pixels than the limit",
    Status.NOT_AN_IMAGE: "no image format recognised",
    Status.UNSUPPORTED: "an image format that is not read",
    Status.TRUNCATED: "the file ends before its picture does",
    Status.UNDECODABLE: "damaged inside",
    Status.NOT_FOUND: "gone when it was to be read",
    Status.FORBIDDEN: "reading it is not allowed",
    Status.FETCH_ERROR: "reading it went wrong",
    Status.FAILED: "readable, but a later stage went wrong",
    Status.CRASHED: "the process that worked on it died, and again when it worked on nothing else",
    Status.TIMEOUT: "the work on it did not end in time",
}
_TILE = 128  # pixels
_FAILED_SHOWN = 24


@dataclass(frozen=True)
class Chart:
    """A picture and a line of words about it; no picture where a column has no values."""

    title: str
    picture: Markup | None = None
    note: str = "not computed"


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: which faces, and their tiles."""

    title: str
    text: str
    tiles: list[Tile]


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline. `capacity` is its images per second if all of its workers were always busy."""

    name: str
    workers: int | None
    images: int | None
    busy_seconds: float | None
    utilisation: float | None
    capacity: float | None


def write_report(
    images: ds.Dataset, faces: ds.Dataset, manifest: Mapping[str, Any], open_image: OpenImage, path: str
) -> None:
    """Render the report and write it to `path`, on any file system that fsspec knows. See `render_report`."""
    with fsspec.open(path, "w", encoding="utf-8") as file:
        file.write(render_report(images, faces, manifest, open_image))


def render_report(images: ds.Dataset, faces: ds.Dataset, manifest: Mapping[str, Any], open_image: OpenImage) -> str:
    """The report as one HTML document without scripts or outside resources.

    It shows the rows that the run of `manifest` wrote, or the whole tables if it wrote none. The tables are scanned a
    few times, column by column, and never held in memory.

    Args:
        images: the images table (schema `IMAGES`).
        faces: the faces table (schema `FACES`).
        manifest: contents of `runs/RUN_ID.json`; what it lacks is left out of the page.
        open_image: the upright image behind a URI, (H, W, 3) uint8 RGB; what it raises becomes a note on a tile.
    """
    of_run = pc.field("run_id") == str(manifest.get("run_id"))
    wrote = images.count_rows(filter=of_run) > 0
    some_images, some_faces = (images.filter(of_run), faces.filter(of_run)) if wrote else (images, faces)
    image_summary, face_summary = summarise_images(some_images), summarise_faces(some_faces)
    run_rows = (image_summary.rows, face_summary.rows, image_summary.face_count) if wrote else (0, 0, 0)
    accounts = check_accounts(manifest, *run_rows)
    judged = image_summary.statuses if wrote or "run_id" not in manifest else {}
    return _template().render(
        manifest=manifest,
        wrote=wrote,
        images=image_summary,
        faces=face_summary,
        tables=(images.count_rows(), faces.count_rows()),
        verdict=judge(manifest, judged, accounts),
        accounts=accounts,
        meaning=STATUS_MEANING,
        failed=[Tile(i["uri"], i["status"], note=i["error"] or "") for i in failed_images(some_images, _FAILED_SHOWN)],
        faces_per_image=_faces_per_image(image_summary),
        distributions=[_distribution(d) for d in face_summary.distributions],
        mixes=[*(_label_mix(m, face_summary.rows) for m in face_summary.labels), _binary_mix(face_summary)],
        sheets=_sheets(some_faces, open_image),
        stages=[_stage(s, manifest.get("seconds")) for s in manifest.get("stages") or []],
        options=list(_flat(manifest.get("options") or {})),
    )


def _sheets(faces: ds.Dataset, open_image: OpenImage) -> list[Sheet]:
    def sheet(title: str, text: str, column: str, highest: bool, count: int) -> Sheet:
        rows = extreme_faces(faces, column, highest, count)
        tiles = face_tiles(rows, lambda face: f"{column} {face[column]:.2f}", open_image, _TILE, dots=not highest)
        return Sheet(title, text, tiles)

    return [
        sheet("Best faces", "highest quality", "quality", True, 24),
        sheet("Least certain faces", "lowest detector score", "score", False, 12),
        sheet("Poorest faces", "lowest quality", "quality", False, 12),
    ]


def _distribution(distribution: Distribution) -> Chart:
    quantity, counts = distribution.quantity, distribution.counts
    if not any(counts):
        return Chart(quantity.title)
    low, median, high = (charts.signed(f"{v:z.{quantity.digits}f}") for v in distribution.percentiles)
    picture = charts.histogram(quantity.title, counts, quantity.bins)
    return Chart(quantity.title, picture, f"median {median}, 90 % from {low} to {high} {quantity.bins.unit}".rstrip())


def _label_mix(mix: Mix, faces: int) -> Chart:
    if not mix.known:
        return Chart(mix.name.capitalize())
    unknown = f"; {faces - mix.known:,} more without" if mix.known < faces else ""
    picture = charts.bars([(label, n, mix.known) for label, n in mix.counts.items()])
    return Chart(mix.name.capitalize(), picture, f"{mix.known:,} faces{unknown}")


def _binary_mix(faces: FaceSummary) -> Chart:
    title = "Yes or no"
    known = [mix for mix in faces.binary if mix.known]
    if not known:
        return Chart(title)
    missing = ", ".join(mix.name for mix in faces.binary if not mix.known)
    picture = charts.bars([(mix.name, mix.counts[mix.name], mix.known) for mix in known])
    return Chart(title, picture, "probability over 0.5" + (f"; not computed: {missing}" if missing else ""))


def _faces_per_image(images: ImageSummary) -> Chart:
    counts = images.faces_per_image
    searched = sum(counts.values())
    if not searched:
        return Chart("Faces per image", note="no image was searched")
    most = max(i for i, n in enumerate(counts.values()) if n)
    picture = charts.bars([(name, n, searched) for name, n in list(counts.items())[: most + 1]])
    return Chart("Faces per image", picture, f"{images.face_count / searched:.2f} on average")


def _stage(stage: Row, seconds: float | None) -> Stage:
    workers, images, busy = stage.get("workers"), stage.get("images"), stage.get("busy_seconds")
    utilisation = stage.get("utilisation")
    if utilisation is None and workers and busy is not None and seconds:
        utilisation = busy / (workers * seconds)
    capacity = images * workers / busy if images and workers and busy else None
    return Stage(str(stage.get("name", "?")), workers, images, busy, utilisation, capacity)


def _flat(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested options as dotted names and their values."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("faceray", "results"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": lambda n: charts.NOTHING if n is None else f"{n:,}",
        "percent": charts.percent,
        "rate": _rate,
        "duration": _duration,
        "moment": _moment,
        "shorten": shorten,
    }
    return environment.get_template("report.html")


def _rate(per_second: float | None) -> str:
    if per_second is None:
        return charts.NOTHING
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def _duration(seconds: float | None) -> str:
    """1.23 s, 12 min 05 s, 5 h 03 min."""
    if seconds is None:
        return charts.NOTHING
    return f"{seconds:.3g} s" if seconds < 60 else duration(seconds)


def _moment(text: Any) -> str:
    """An ISO 8601 time to the minute; anything else as it is."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".rstrip()
