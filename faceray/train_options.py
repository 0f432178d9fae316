"""Everything that can be set about `train`; what is trained and how is the recipe's."""

from dataclasses import dataclass, field
from typing import Literal

from faceray.errors import UserError
from faceray.options import listed


@dataclass(frozen=True)
class TrainOptions:
    """Train a network by a recipe, on packs that `prepare` made.

    Args:
        recipe: its name; `--list` shows them all.
        data: packs, separated by commas.
        output: folder of the results; a training that was stopped goes on from its newest checkpoint there.
        set: a field of the recipe and its value, as in `epochs=8` or `optimiser.learning_rate=0.01`; may be repeated.
        tasks: only these, separated by commas; CelebA's own attribute names are known too. Empty: the recipe's.
        workers: processes that train; 0: one for each GPU, or one with all CPU cores; -1: this process itself, which
            keeps no checkpoints: once stopped, it starts anew.
        restarts: how often a training whose worker died goes on by itself.
        device: `auto`, `cpu` or `cuda`.
        cache: folder on every machine where the features of trunks that never learn stay for the next training;
            empty: they are computed anew each time.
        overwrite: start anew where the output holds a finished or another training.
        address: the Ray cluster to work on; see annotate.
    """

    recipe: str
    data: str
    output: str
    set: list[str] = field(default_factory=list)
    tasks: str = ""
    workers: int = 0
    restarts: int = 3
    device: Literal["auto", "cpu", "cuda"] = "auto"
    cache: str = ""
    overwrite: bool = False
    address: str | None = None

    def __post_init__(self) -> None:
        if not self.packs:
            raise UserError("--data is empty")
        if self.workers < -1 or self.restarts < 0:
            raise UserError("--workers is -1 or more, --restarts 0 or more")
        wrong = [text for text in self.set if not text.partition("=")[1]]
        if wrong:
            raise UserError(f"--set {wrong[0]}: a field and its value are wanted, as in epochs=8")

    @property
    def packs(self) -> tuple[str, ...]:
        """Their addresses."""
        return listed(self.data)
