"""Apart from the other poison: processes that only load pictures need not import networks."""

import pyarrow as pa

from faceray.inference.detection import Detect
from tests.inference.poison import take


class PoisonedDetect(Detect):
    """As if a network crashed."""

    def work(self, batch: pa.Table) -> pa.Table:
        """See Detect."""
        take(batch, "detect")
        return super().work(batch)
