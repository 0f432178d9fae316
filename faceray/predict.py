"""The predict job: what checkpoints say of a list of pictures, on this machine."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from faceray.corpus.status import Status
from faceray.errors import UserError
from faceray.inference.detector import load_detector
from faceray.inference.rows import Row
from faceray.predict_options import PredictOptions
from faceray.predicting.photos import PHOTOS, draw, find_faces
from faceray.predicting.predictor import Predictor
from faceray.predicting.reading import (
    count_pictures,
    is_pack,
    list_pictures,
    read_aligned,
    read_pack,
    read_photos,
)
from faceray.predicting.writing import SUFFIXES, WRITERS, stream
from faceray.progress import Progress, say
from faceray.storage import Folder


@dataclass(frozen=True)
class Predicted:
    """What was done: the file, and how many pictures and faces it tells of; `failed` pictures have a reason there."""

    file: str
    images: int
    faces: int
    failed: int


def predict(options: PredictOptions) -> Predicted:
    """Read, look, write, a few pictures at a time: memory does not grow with the list.

    Raises:
        UserError: a checkpoint is not sound, there are no pictures, or the output cannot be written.
    """
    predictor = Predictor(options.checkpoints, options.device, options.precision, options.mirror)
    output = Folder.at(options.output)
    output.check_writable()
    name = f"{PurePosixPath(options.input.rstrip('/')).stem}_predictions.{SUFFIXES[options.written]}"
    rows = predictor.answer(_read(options, predictor), PHOTOS if options.faces == "detect" else options.batch)
    if options.save_images:
        rows = draw(rows, predictor.tasks, output)
    counts: Counter[str] = Counter()
    with Progress(count_pictures(options.input, options.part), "predict") as progress:
        first = next(rows, None)
        if first is None:
            raise UserError(f"no pictures in {options.input}")
        watched = _watched(chain([first], rows), counts, progress)
        stream(output, name, lambda file: WRITERS[options.written](file, watched, predictor.tasks))
    return Predicted(f"{options.output.rstrip('/')}/{name}", counts["images"], counts["faces"], counts["failed"])


def _read(options: PredictOptions, predictor: Predictor) -> Iterator[Row]:
    limits, threads = options.limits, options.threads
    if is_pack(options.input):
        if options.faces == "detect":
            raise UserError(f"{options.input} is a pack of aligned faces, not of photos: leave out --faces detect")
        return read_pack(options.input, options.part, predictor.crops, limits, threads)
    pictures = list_pictures(options.input, options.source, options.suffixes)
    if options.faces == "whole":
        return read_aligned(pictures, predictor.crops, limits, threads)
    detector = load_detector(options.detector, predictor.device)
    return find_faces(read_photos(pictures, limits, threads), detector, predictor.crops)


def _watched(rows: Iterable[Row], counts: Counter[str], progress: Progress) -> Iterator[Row]:
    """Count, and tell of each picture that could not be read."""
    for row in rows:
        counts["images"] += 1
        counts["faces"] += len(row["faces"])
        if row["status"] != Status.OK:
            counts["failed"] += 1
            say(f"{row['image']}: {row['status']}: {row['error']}")
        progress.show(counts["images"], faces=counts["faces"], failed=counts["failed"])
        yield row
