"""The match job: who is it?"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds

from faceray import __version__
from faceray.annotate import annotate
from faceray.build_gallery import build_gallery
from faceray.corpus.decode import Limits
from faceray.corpus.loading import load_picture
from faceray.errors import UserError
from faceray.gallery.deciding import Decider, Found, SearchAll
from faceray.gallery.gallery import Gallery
from faceray.gallery.match_figures import Findings
from faceray.gallery.match_report import render_match_report
from faceray.gallery.matches import Decision, match_rows
from faceray.gallery.measuring import measure, measure_pairs
from faceray.gallery.named import named_entries, named_probes
from faceray.gallery.probes import Batch, Probes, reading
from faceray.gallery.score_files import write_score_files
from faceray.gallery_options import GalleryOptions
from faceray.match_options import MatchOptions
from faceray.options import AnnotateOptions, listed
from faceray.progress import Progress, say
from faceray.results.parts import write_part
from faceray.storage import Folder, without_secrets

MANIFEST, REPORT = "match.json", "report.html"
_OURS = {MANIFEST, REPORT, "matches", "scores", "labels", "gallery"}
_IN_PROCESS = 4  # shards at most; more are worth the seconds that Ray takes to start
_SAMPLE = 2_000
_FILTER = ("min_quality", "min_score", "since", "where")


def match(options: MatchOptions) -> dict[str, Any]:
    """Search for every probe, decide, and write matches, report and score files. Returns what `match.json` says.

    Raises:
        UserError: probes, gallery, output or cluster are not what they should be.
    """
    start, output, storage = time.monotonic(), Folder.at(options.output, options.storage), options.storage
    gallery = Gallery.open(options.gallery, options.generation or None, storage) if options.gallery else None
    _clear(output)
    outputs = _tables(options, gallery, output)
    known: AbstractContextManager[Gallery] = nullcontext(gallery) if gallery else _each_other(options, outputs, output)
    with (
        known as against,
        reading(outputs, options.filter, options.identities, against.card.network, storage) as probes,
        _searching(against, options.address) as search,
    ):
        decision, remark = Decider(options, against, probes, search).decide()
        counts = _write(output / "matches", against, probes, search, options.top, decision)
        scored = _write_scores(output / "scores", options, probes, against) if options.score_files else {}
        manifest = {
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - start, 3),
            "faceray": __version__,
            "options": {name: _told(value) for name, value in asdict(options).items()},
            "gallery": without_secrets(options.gallery),
            "generation": against.card.generation if options.gallery else "",
            "network": against.card.network.name,
            "threshold": decision.threshold,
            "calibration": decision.calibration.to_json() if decision.calibration else None,
            "remark": remark,
            "counts": {
                **counts,
                "gallery_faces": against.card.faces,
                "gallery_identities": against.card.identities,
            },
            "score_files": scored,
        }
        _report(output, manifest, against, probes, decision, options)
    output.write(MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    return manifest


def _told(value: Any) -> Any:
    return without_secrets(value) if isinstance(value, str) else value


def _clear(output: Folder) -> None:
    """Make room for new matches, but never in a folder of something else."""
    names = set(output.names())
    if names - _OURS or (names and MANIFEST not in names):
        raise UserError(f"{output.uri} holds files that are not of a match: choose another --output")
    output.write(MANIFEST, b'{"finished_at": null}\n')
    for name in names - {MANIFEST}:
        output.remove(name)


def _tables(options: MatchOptions, gallery: Gallery | None, output: Folder) -> tuple[str, ...]:
    """Outputs of annotate with the probes; photos are annotated first."""
    outputs = listed(options.probes)
    if all("_delta_log" in (Folder.at(address, options.storage) / "faces").names() for address in outputs):
        return outputs
    network = gallery.card.network if gallery else None
    labels = f"{output.uri}/labels"
    annotate(
        AnnotateOptions(
            input=options.probes,
            output=labels,
            embedding=options.embedding or (network.name if network else "sface"),
            precision=network.settings.get("precision", "fp32") if network else "fp32",
            device=options.device,
            address=options.address,
            storage=options.storage,
            input_storage=options.input_storage,
        )
    )
    return (labels,)


@contextmanager
def _each_other(options: MatchOptions, outputs: Sequence[str], output: Folder) -> Iterator[Gallery]:
    """A gallery of the probes, as long as it is needed."""
    uri, same = f"{output.uri}/gallery", {name: getattr(options, name) for name in (*_FILTER, "identities")}
    build = GalleryOptions(
        faces=",".join(outputs), output=uri, keep=1, address=options.address, storage=options.storage, **same
    )
    try:
        build_gallery(build)
        yield Gallery.open(uri, storage=options.storage)
    finally:
        output.remove("gallery")


@contextmanager
def _searching(gallery: Gallery, address: str | None) -> Iterator[SearchAll]:
    """Searches in this process, or on a cluster where one is named or needed."""
    if address or os.environ.get("RAY_ADDRESS") or len(gallery.shards) > _IN_PROCESS:
        from faceray.match_graph import searching  # Ray takes seconds to import

        with searching(gallery.shards, address) as search:
            yield search
        return

    def search_all(batches: Iterable[Batch], k: int) -> Found:
        return ((rows, *gallery.search(vectors, k)) for rows, vectors in batches)

    yield search_all


def _write(
    folder: Folder, gallery: Gallery, probes: Probes, search: SearchAll, top: int, decision: Decision
) -> dict[str, int]:
    """A Parquet file for each batch of probes."""
    done = matches = accepted = 0
    with Progress(probes.count, "match", "probes") as progress:
        for number, (rows, scores, found) in enumerate(search(probes.batches(), top + 1)):
            table = match_rows(rows, scores, found, gallery.entries(found.ravel()), top, decision)
            write_part(folder, f"part-{number:05}.parquet", table)
            done, matches = done + rows.num_rows, matches + table.num_rows
            hits = table.filter(pc.fill_null(table["accepted"], False))["probe_face_id"]
            accepted += len(hits.unique())
            progress.show(done, accepted=accepted)
    return {"probes": done, "without_embedding": probes.count - done, "matches": matches, "accepted": accepted}


def _write_scores(folder: Folder, options: MatchOptions, probes: Probes, gallery: Gallery) -> dict[str, int]:
    """The score files of all named faces; rows of each."""
    ours = named_probes(probes)
    theirs = named_entries(gallery) if options.gallery else None
    if not ours.labels or (theirs and not theirs.labels):
        raise UserError("score files need names: of the probes by --identities, of the gallery when it is built")
    say(f"comparing {len(ours.labels):,} probes with {len((theirs or ours).labels):,} faces, one to one")
    return write_score_files(folder, options.score_files, ours, theirs)


def _report(
    output: Folder,
    manifest: dict[str, Any],
    gallery: Gallery,
    probes: Probes,
    decision: Decision,
    options: MatchOptions,
) -> None:
    matches = ds.dataset((output / "matches").path, filesystem=output.files, format="parquet")
    findings, limits, reached = Findings(), Limits(), options.input_storage or options.storage
    if options.identities:
        findings = Findings(measure(matches, gallery), measure_pairs(gallery, *probes.sample(_SAMPLE)))

    def open_image(uri: str) -> np.ndarray:
        return load_picture(uri, limits, reached).pixels

    page = render_match_report(matches, manifest, decision, findings, open_image, options.pictures)
    output.write(REPORT, page.encode())
