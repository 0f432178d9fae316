"""Original 1: emotion, age, gender, pose from disjoint sets (Hong et al., "Beyond without forgetting", ICME 2020)."""

from dataclasses import replace

from faceray.results.schema import GENDERS
from faceray.training.augmentation import Augmentation
from faceray.training.objectives.age import AgeGroups
from faceray.training.objectives.classes import Classes, Emotion, PoseClasses
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe, Strategy
from faceray.training.schedules import Schedule
from faceray.training.selection import Selection
from faceray.training.targets import Filling
from faceray.vision.align import Crop

_AUGMENTATION = Augmentation(mirror=0.5, turn=10, shift=0.1, zoom=0.1)
_STD = (128.0, 128.0, 128.0)


def joint() -> Recipe:
    """All packs in every batch, missing labels masked (the original's "confusion")."""
    return Recipe(
        name="eagp_joint",
        original=1,
        about="emotion, age group, gender and pose; mixed batches, missing labels masked",
        needs="packs such as FER+ and Adience, AFLW or UTKFace; tasks without labels: --tasks emotion,gender",
        network=Network(
            name="mini_xception",
            crop=Crop("similarity", 64),
            colour="BGR",
            mean=(128.0, 128.0, 128.0),
            std=_STD,
            channels_last=False,  # torch 2.15 crashes in it
        ),
        objectives=(
            Emotion(votes="majority"),
            PoseClasses(),
            Classes(name="gender", classes=GENDERS),
            AgeGroups(),
        ),
        optimiser=OptimiserOptions(learning_rate=1e-3),
        augmentation=_AUGMENTATION,
        epochs=64,
        batch=32,
        patience=10,
    )


def stl() -> Recipe:
    """A single task: heads first, then all; five-fold cross-validation with `--set folds=5`."""
    return replace(
        joint(),
        name="eagp_stl",
        about="one task alone: --tasks emotion, gender, age or pose",
        needs="one pack that labels the task",
        objectives=(Emotion(votes="majority"),),
        strategy=Strategy(heads_first=1, heads_rate=1e-3),
        schedule=Schedule("plateau", patience=20),
        patience=20,
    )


def alternating() -> Recipe:
    """An epoch of one pack after the other; labels that a pack lacks are pseudo labels, selected by all three."""
    return replace(
        joint(),
        name="eagp_alternating",
        about="one pack after the other, missing labels are selected pseudo labels",
        needs="two packs or more with different labels",
        strategy=Strategy(
            kind="alternating",
            filling=Filling("pseudo", quantile=0.8),
            selection=Selection(("confidence", "density", "distribution")),
        ),
    )


def naive() -> Recipe:
    """Alternating without any targets for the missing labels."""
    strategy = Strategy(kind="alternating", filling=Filling("naive"))
    return replace(
        alternating(), name="eagp_alternating_naive", about="one pack after the other, masked", strategy=strategy
    )


def distilled() -> Recipe:
    """Alternating with the network's own softened answers (Li and Hoiem, "Learning without forgetting")."""
    strategy = Strategy(kind="alternating", filling=Filling("distilled"))
    about = "one pack after the other, missing labels are the network's softened answers"
    return replace(alternating(), name="eagp_alternating_distilled", about=about, strategy=strategy)


def interpolated() -> Recipe:
    """Alternating with mixtures of the guess and the softened answer, by confidence."""
    strategy = Strategy(kind="alternating", filling=Filling("interpolated"), selection=Selection(("confidence",)))
    about = "one pack after the other, missing labels between guess and softened answer"
    return replace(alternating(), name="eagp_alternating_interpolated", about=about, strategy=strategy)
