"""Every probe compared with every entry, as the score files of face_analysis_pytorch's `feature_match`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceray.storage import Folder

AUTHENTIC, IMPOSTOR, EXCLUDED = 1, 0, -1
_CELLS = 1 << 21  # comparisons at a time: about 100 MB


@dataclass(frozen=True)
class Features:
    """Faces to compare.

    vectors: float32 (n, d), not necessarily of unit length.
    subjects: who each one is; pairs of one subject are authentic, all others impostors.
    labels: which picture each one is of, as `folder/name`; a picture is not compared with itself.
    """

    vectors: NDArray[np.float32]
    subjects: list[str]
    labels: list[str]


def subject_of(path: str, dataset: str = "", id_length: int = 0) -> tuple[str, str]:
    """Subject and label of a feature file `…/folder/name.npy`.

    The label is `folder/name`. The subject is the name up to its first underscore, or its first `id_length`
    characters, or what the file names of these sets hold: CHIYA (the name without its last character), CHIYA_VAL (the
    label without its first and its last four characters), PUBLIC_IVS (the folder).
    """
    folder, name = path.split("/")[-2:] if "/" in path else ("", path)
    stem = name[:-4]
    label = f"{folder}/{stem}" if folder else stem
    match dataset.upper():
        case "CHIYA":
            return name[:-5], label
        case "CHIYA_VAL":
            return label[1:-4], label
        case "PUBLIC_IVS":
            return folder, label
    return (name[:id_length] if id_length > 0 else name.split("_")[0]), label


def write_score_files(
    folder: Folder, group: str, probes: Features, gallery: Features | None = None, cells: int = _CELLS
) -> dict[str, int]:
    """Write `GROUP_authentic.npy`, `GROUP_impostor.npy` and the lists of labels; returns how many rows each has.

    The score files are float64 (pairs, 3): number of the probe, number of the entry, cosine similarity rounded to 6
    decimals; in the order of the probes, then of the entries. Without a gallery the probes are compared with each
    other, every pair once. The lists have a line `number label` for each face. No more than `cells` comparisons are in
    memory at a time.

    Raises:
        ValueError: vectors of different lengths.
        UserError: the folder cannot be written.
    """
    entries = gallery or probes
    if probes.vectors.shape[1] != entries.vectors.shape[1]:
        raise ValueError(f"vectors of {probes.vectors.shape[1]} and of {entries.vectors.shape[1]} numbers")
    lists = {"labels": probes} | ({"gallery_labels": gallery} if gallery else {})
    for name, features in lists.items():
        lines = "".join(f"{number} {label}\n" for number, label in enumerate(features.labels))
        folder.write(f"{group}_{name}.txt", lines.encode())
    pairs = _Pairs(probes, entries, triangle=gallery is None, rows=max(1, cells // max(1, len(entries.labels))))
    counts = pairs.counts()
    names = {AUTHENTIC: f"{group}_authentic.npy", IMPOSTOR: f"{group}_impostor.npy"}
    with (
        _create(folder, names[AUTHENTIC], counts[0]) as authentic,
        _create(folder, names[IMPOSTOR], counts[1]) as rest,
    ):
        for start, kinds, scores in pairs.scores():
            for kind, file in ((AUTHENTIC, authentic), (IMPOSTOR, rest)):
                row, column = np.nonzero(kinds == kind)
                file.write(np.stack([row + start, column, scores[row, column]], axis=1).tobytes())
    return {names[AUTHENTIC]: counts[0], names[IMPOSTOR]: counts[1]}


class _Pairs:
    """All pairs, a few rows at a time."""

    def __init__(self, probes: Features, entries: Features, triangle: bool, rows: int) -> None:
        self.probes, self.entries, self.triangle, self.rows = probes, entries, triangle, rows
        self.subjects = _codes(probes.subjects, entries.subjects)
        self.labels = _codes(probes.labels, entries.labels)

    def counts(self) -> tuple[int, int]:
        """Authentic pairs and impostor pairs."""
        tally = np.zeros(2, np.int64)
        for start in range(0, len(self.probes.labels), self.rows):
            kinds = self._kinds(start)
            tally += (np.count_nonzero(kinds == AUTHENTIC), np.count_nonzero(kinds == IMPOSTOR))
        return int(tally[0]), int(tally[1])

    def scores(self) -> Iterator[tuple[int, NDArray[np.int8], NDArray[np.float64]]]:
        """First row, kinds (r, m) and cosine similarities (r, m) of each block."""
        columns = _units(self.entries.vectors).T
        for start in range(0, len(self.probes.labels), self.rows):
            rows = _units(self.probes.vectors[start : start + self.rows])
            yield start, self._kinds(start), np.round(rows @ columns, 6)

    def _kinds(self, start: int) -> NDArray[np.int8]:
        block = slice(start, start + self.rows)
        kinds: NDArray[np.int8] = (self.subjects[0][block, None] == self.subjects[1]).astype(np.int8)
        kinds[self.labels[0][block, None] == self.labels[1]] = EXCLUDED
        if self.triangle:
            kinds[np.arange(start, start + len(kinds))[:, None] >= np.arange(kinds.shape[1])] = EXCLUDED
        return kinds


def _codes(first: list[str], second: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers that are equal where the texts are."""
    numbers: dict[str, int] = {}
    codes = [np.array([numbers.setdefault(t, len(numbers)) for t in texts], np.int64) for texts in (first, second)]
    return codes[0], codes[1]


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    doubles = vectors.astype(np.float64)
    lengths = np.linalg.norm(doubles, axis=1, keepdims=True)
    units: NDArray[np.float64] = doubles / np.where(lengths == 0, 1, lengths)
    return units


def _create(folder: Folder, name: str, rows: int) -> Any:
    """A .npy file for float64 (rows, 3), open behind its header."""
    file = folder.files.open(f"{folder.path}/{name}", "wb")
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype("<f8")), "fortran_order": False, "shape": (rows, 3)}
    np.lib.format.write_array_header_1_0(file, header)
    return file
