"""A recipe: everything that a training depends on, besides the data and the machine."""

from dataclasses import dataclass, field
from typing import Any, Literal

from faceray.errors import UserError
from faceray.models.card import ModelCard
from faceray.training.augmentation import Augmentation
from faceray.training.objectives.objective import Objective
from faceray.training.optimisers import OptimiserOptions
from faceray.training.phases import Phase, alternating, curriculum, joint, unfreezing
from faceray.training.schedules import Schedule
from faceray.training.selection import Selection
from faceray.training.targets import Filling
from faceray.vision.align import Crop

LOWER_IS_BETTER = ("loss", "mae", "nme", "eer", "roll", "pitch", "yaw")  # figures that are errors


@dataclass(frozen=True, kw_only=True)
class Network:
    """Which network learns, and what it sees.

    Attributes:
        name: in `faceray.models.networks.NETWORKS`. arguments: what it is called with.
        crop: of a face; packs of the same kind are brought to its size.
        colour, mean, std: see ModelCard.
        weights: a file that `part` of the network starts from, safetensors or torch's; nothing where empty.
        frozen: parts that never learn.
        cached: compute the network's `stem`, which never learns, once for all epochs. Pictures are then mirrored, and
            not augmented otherwise.
        half: keep the weights as float16, half the bytes.
        channels_last: lay maps out place by place: convolutions of most networks are faster, 1.5 times on a CPU.
    """

    name: str
    crop: Crop = field(default_factory=lambda: Crop("similarity", 112))
    arguments: dict[str, Any] = field(default_factory=dict)
    colour: Literal["RGB", "BGR"] = "RGB"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (127.5, 127.5, 127.5)
    weights: str = ""
    part: str = "trunk"
    frozen: tuple[str, ...] = ()
    cached: bool = False
    half: bool = False
    channels_last: bool = True


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """The order in which packs are learnt, and what is done about labels that they lack.

    Attributes:
        kind: `joint`: every batch has samples of all packs, in proportion. `alternating`: an epoch of one pack after
            the other. `curriculum`: one stage after the other.
        filling, selection: of labels that a pack does not have, before each epoch.
        warm_up: joint epochs before `alternating` starts.
        stages: of `curriculum`: a pack and its tasks each; empty: the packs in their order, with what each labels.
        earlier: of `curriculum`: what happens to what was learnt before, see `phases.curriculum`.
        heads_first: epochs in which only `heads` learn, at `heads_rate`.
    """

    kind: Literal["joint", "alternating", "curriculum"] = "joint"
    filling: Filling = Filling("naive")
    selection: Selection = Selection(())
    warm_up: int = 1
    stages: tuple[tuple[str, tuple[str, ...]], ...] = ()
    earlier: Literal["joint", "frozen", "none"] = "joint"
    heads_first: int = 0
    heads_rate: float = 1e-3
    heads: tuple[str, ...] = ("heads",)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is trained, and how.

    Attributes:
        name: of the recipe. original: which published project it is of, 0 to 4, if any. about: in a line.
        needs: what the packs must label.
        objectives: one for each head.
        epochs: altogether; of each stage in a curriculum. batch: samples of a step, over all workers.
        window: shards of a pack that are shuffled together and read at the same time, a hundred thousand faces of 112
            pixels at first; 0: all, which is slow for packs that do not fit in memory.
        rounds: evaluations and checkpoints in an epoch.
        watch: the figure that decides on the best checkpoint, the learning rate's plateaus and stopping, such as
            `age/mae`; where empty, the figure of the only task, or the validation loss of several.
        patience: rounds without improvement after which training stops; 0: never. improvement: less is none.
        clip: largest norm of a gradient; 0: any.
        precision: of the network's arithmetic; losses and weights are float32. bf16 is for GPUs and for CPUs with
            instructions for it (AVX512-BF16, AMX); on others it takes three times as long as fp32.
        validation: most samples of a pack that a round is judged by.
        folds: 0, or the number of folds of a cross-validation, of which `fold` is the test part; -1: one after the
            other.
    """

    name: str
    original: int | None = None
    about: str = ""
    needs: str = ""
    network: Network
    objectives: tuple[Objective, ...]
    strategy: Strategy = Strategy()
    epochs: int = 10
    batch: int = 64
    window: int = 64
    optimiser: OptimiserOptions = OptimiserOptions()
    schedule: Schedule = Schedule()
    augmentation: Augmentation = Augmentation()
    rounds: int = 1
    watch: str = ""
    patience: int = 0
    improvement: float = 0.0
    clip: float = 0.0
    precision: Literal["fp32", "bf16"] = "fp32"
    validation: int = 20_000
    folds: int = 0
    fold: int = -1
    seed: int = 0

    def __post_init__(self) -> None:
        names = [objective.name for objective in self.objectives]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"objectives must be one or more with different names, not {names}")
        if min(self.epochs, self.batch, self.rounds, self.validation) < 1:
            raise ValueError("epochs, batch, rounds and validation must be at least 1")
        if self.window < 0:
            raise ValueError("window must not be negative")
        if self.folds == 1 or self.folds < 0 or self.fold >= max(self.folds, 1):
            raise ValueError(f"there is no fold {self.fold} of {self.folds}")

    @property
    def watched(self) -> tuple[str, bool]:
        """The figure of `watch`, and whether more of it is better."""
        single = self.objectives[0]
        watch = self.watch or (f"{single.name}/{single.figure}" if len(self.objectives) == 1 else "loss")
        return watch, watch.rpartition("/")[2] not in LOWER_IS_BETTER

    def phases(self, packs: tuple[str, ...], labelled: dict[str, tuple[str, ...]]) -> tuple[Phase, ...]:
        """The course over packs, by name.

        Args:
            labelled: the tasks that each pack has labels for.

        Raises:
            UserError: a stage of the curriculum is about another pack.
        """
        strategy = self.strategy
        if strategy.kind == "alternating":
            return alternating([(pack,) for pack in packs], self.epochs, strategy.warm_up)
        if strategy.kind == "curriculum":
            stages = strategy.stages or tuple((pack, labelled[pack]) for pack in packs)
            missing = [pack for pack, _ in stages if pack not in packs]
            if missing:
                raise UserError(f"the curriculum needs packs of {', '.join(missing)}; there are {', '.join(packs)}")
            return curriculum(stages, self.epochs, strategy.earlier)
        if strategy.heads_first:
            rate = self.optimiser.learning_rate
            return unfreezing(packs, self.epochs, strategy.heads, strategy.heads_first, strategy.heads_rate, rate)
        return joint(packs, self.epochs)

    def card(self, **known: Any) -> ModelCard:
        """The card of the network as it is now; `known` is what else the card says."""
        network = self.network
        return ModelCard(
            name=self.name,
            network=network.name,
            arguments=network.arguments,
            tasks=tuple(objective.task for objective in self.objectives),
            crop=network.crop,
            colour=network.colour,
            mean=network.mean,
            std=network.std,
            **known,
        )
