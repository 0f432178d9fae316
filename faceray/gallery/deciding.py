"""What a match decides by: the gallery's calibration, or one that is measured now."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.calibrating import PROBES, calibrate_gallery, calibrate_with
from faceray.gallery.calibration import Calibration
from faceray.gallery.gallery import Gallery
from faceray.gallery.matches import Decision
from faceray.gallery.probes import Batch, Probes
from faceray.gallery.store import save_calibration
from faceray.match_options import MatchOptions
from faceray.progress import say

Found = Iterator[tuple[pa.Table, NDArray[np.float32], NDArray[np.int64]]]
SearchAll = Callable[[Iterable[Batch], int], Found]  # of batches: their rows, scores, and found rows of the gallery


@dataclass(frozen=True)
class Decider:
    """Finds out what scores mean.

    Args:
        search: where searches are done.
    """

    options: MatchOptions
    gallery: Gallery
    probes: Probes
    search: SearchAll

    def decide(self) -> tuple[Decision, str]:
        """The decision, and a remark on what is missing from it."""
        options, faces = self.options, self.gallery.card.faces
        calibration, remark = self._calibration()
        threshold = options.threshold
        if threshold is None and calibration:
            threshold = calibration.threshold(faces, options.fpir)
        return Decision(threshold, calibration, faces, options.prior), remark

    def _calibration(self) -> tuple[Calibration | None, str]:
        wanted, stored, remarks = self.options.calibrate, self.gallery.card.calibration, []
        if wanted == "auto" and stored is not None:
            return Calibration.from_json(stored), ""
        ways = {"gallery": self._with_gallery, "probes": self._with_probes}
        for name, way in ways.items() if wanted == "auto" else [(wanted, ways[wanted])]:
            say(f"calibrating with the {name}")
            try:
                calibration = way()
            except ValueError as error:
                remarks.append(f"the {name}: {error}")
            else:
                self._save(calibration)
                return calibration, ""
        remark = f"Scores could not be calibrated: {'; '.join(remarks)}."
        say(remark)
        return None, remark

    def _with_gallery(self) -> Calibration:
        return calibrate_gallery(self.gallery, self._search)

    def _with_probes(self) -> Calibration:
        rows, vectors = self.probes.sample(PROBES)
        return calibrate_with(self.gallery, rows, vectors, self._search)

    def _search(self, vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        _, scores, rows = next(self.search([(pa.table({}), vectors)], k))
        return scores, rows

    def _save(self, calibration: Calibration) -> None:
        """A gallery that may only be read is calibrated again each time."""
        if self.options.gallery:
            try:
                where, generation = self.options.gallery, self.gallery.card.generation
                save_calibration(where, calibration.to_json(), generation, self.options.storage)
            except UserError as error:
                say(f"the calibration is not kept: {error}")
