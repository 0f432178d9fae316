"""One to one, as the `feature_match` of face_analysis_pytorch: lists of feature files in, score files out."""

import io
import posixpath
from typing import Any

import numpy as np

from faceray.errors import UserError
from faceray.gallery.score_files import Features, subject_of, write_score_files
from faceray.match_options import MatchOptions
from faceray.progress import say
from faceray.storage import Folder, StorageOptions

_MOST_BYTES = 1 << 20  # of a list's line and of a feature file: a few hundred numbers


def is_feature_list(address: str, storage: StorageOptions | None = None) -> bool:
    """Whether it is a text file whose first line names a .npy file."""
    if not address.endswith(".txt"):
        return False
    folder, name = _place(address, storage)
    try:
        with folder.files.open(f"{folder.path}/{name}", "rb") as file:
            return bool(file.readline(_MOST_BYTES).strip().endswith(b".npy"))
    except OSError:
        return False


def match_features(options: MatchOptions) -> dict[str, int]:
    """Compare the features of the list `probes` with those of the list `gallery`, or with each other without one.

    Returns the rows of each score file in `output`.

    Raises:
        UserError: a list or a file cannot be read, or features have different lengths.
    """
    lists = [read_features(address, options) for address in (options.probes, options.gallery) if address]
    if len({features.vectors.shape[1] for features in lists}) > 1:
        raise UserError(f"the features of {options.probes} and of {options.gallery} have different lengths")
    say(f"comparing {len(lists[0].labels):,} features with {len(lists[-1].labels):,}, one to one")
    output = Folder.at(options.output, options.storage)
    return write_score_files(output, options.score_files or "scores", lists[0], lists[1] if options.gallery else None)


def read_features(address: str, options: MatchOptions) -> Features:
    """The features that a list names, one file in a line, sorted. Names are relative to the list.

    Raises:
        UserError: the list is empty; a file is missing, no array of float numbers, or of another length.
    """
    folder, name = _place(address, options.storage)
    try:
        lines = sorted(line.strip() for line in folder.read(name).decode().splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {address}: {error}") from error
    vectors = [_vector(folder, line) for line in lines]
    if not lines or len({len(vector) for vector in vectors}) > 1:
        raise UserError(f"{address}: {'features of different lengths' if lines else 'no feature files'}")
    subjects, labels = zip(*(subject_of(line, options.dataset) for line in lines), strict=True)
    return Features(np.stack(vectors), list(subjects), list(labels))


def _vector(folder: Folder, line: str) -> Any:
    """float32 (d,)."""
    place, name = _place(line, folder.storage) if "://" in line or line.startswith("/") else (folder, line)
    path = posixpath.normpath(f"{place.path}/{name}")
    try:
        with place.files.open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError("larger than a feature file")
        vector = np.load(io.BytesIO(content), allow_pickle=False)
        if vector.dtype.kind != "f" or not np.isfinite(vector).all() or not vector.size:
            raise ValueError("not finite float numbers")
        return vector.astype(np.float32).ravel()
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{line}: {' '.join(str(error).split())}") from error


def _place(address: str, storage: StorageOptions | None) -> tuple[Folder, str]:
    parent, _, name = address.rpartition("/")
    return Folder.at(parent or ("/" if address.startswith("/") else "."), storage), name
