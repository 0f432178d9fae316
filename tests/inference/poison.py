"""Stages that die or hang over pictures whose names say so."""

import os
import time

import pyarrow as pa

from faceray.corpus.loading import Load
from faceray.inference.detection import Detect


def _take(rows: pa.Table, stage: str) -> None:
    for uri in rows["uri"].to_pylist():
        if f"{stage}-dies" in uri:
            os.abort()
        if f"{stage}-hangs" in uri:
            time.sleep(3600)


class PoisonedLoad(Load):
    """As if a decoder crashed."""

    def work(self, rows: pa.Table) -> pa.Table:
        """See Load."""
        _take(rows, "load")
        return super().work(rows)


class PoisonedDetect(Detect):
    """As if a network crashed."""

    def work(self, batch: pa.Table) -> pa.Table:
        """See Detect."""
        _take(batch, "detect")
        return super().work(batch)
