"""A slower executor of Ray Data. Each of Ray Data's tasks imports what this module does, so it does little."""

import time

from ray.data._internal.execution.execution_callback import ExecutionCallback


class Pause(ExecutionCallback):  # type: ignore[misc]
    """Between two looks of the executor: while pictures wait for the network it looks again at once, and that costs a
    core."""

    def on_execution_step(self, executor: object) -> None:
        """Ray Data calls it at each look."""
        time.sleep(0.02)
