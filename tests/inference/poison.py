"""A stage that dies or hangs over pictures whose names say so."""

import os
import time

import pyarrow as pa

from faceray.corpus.loading import Load


def take(rows: pa.Table, stage: str) -> None:
    """Die or hang if one of the pictures says so to this stage."""
    for uri in rows["uri"].to_pylist():
        if f"{stage}-dies" in uri:
            os.abort()
        if f"{stage}-hangs" in uri:
            time.sleep(3600)


class PoisonedLoad(Load):
    """As if a decoder crashed."""

    def work(self, rows: pa.Table) -> pa.Table:
        """See Load."""
        take(rows, "load")
        return super().work(rows)
