"""Original 0: one network for everything (Ranjan et al., "An all-in-one convolutional neural network", FG 2017)."""

from dataclasses import replace

from faceray.results.schema import GENDERS
from faceray.training.augmentation import Augmentation
from faceray.training.objectives.age import AgeYears
from faceray.training.objectives.classes import Classes, YesNo
from faceray.training.objectives.geometry import Landmarks, PoseAngles, Visibility
from faceray.training.optimisers import OptimiserOptions
from faceray.training.phases import ALL_IN_ONE
from faceray.training.recipe import Network, Recipe, Strategy
from faceray.vision.align import Crop


def joint() -> Recipe:
    """All data sets in every batch, each sample teaching what it has labels for. The paper's way."""
    return Recipe(
        name="all_in_one_joint",
        original=0,
        about="detection, landmarks, visibility, pose, smile, glasses, gender and age in one network",
        needs="packs of --faces regions (AFLW) and of aligned faces (CelebA, WIKI); fewer tasks with --tasks",
        network=Network(name="all_in_one", crop=Crop("margin", 227), mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0)),
        objectives=(
            YesNo(name="detection", column="is_face"),
            Landmarks(weight=5.0),
            Visibility(weight=0.5),
            PoseAngles(weight=5.0),
            YesNo(name="smile"),
            YesNo(name="eyeglasses"),
            Classes(name="gender", classes=GENDERS),
            AgeYears(criterion="gaussian", anneal_steps=20_000, weight=0.5),
        ),
        optimiser=OptimiserOptions(learning_rate=1e-4),
        augmentation=Augmentation(mirror=0.5),
        epochs=10,
        batch=32,
    )


def curriculum() -> Recipe:
    """One data set after the other, as the original's run.sh; earlier ones stay in the batches."""
    strategy = Strategy(kind="curriculum", stages=ALL_IN_ONE, earlier="joint")
    kept = [o for o in joint().objectives if o.name in ("detection", "age", "gender", "smile")]
    return replace(
        joint(),
        name="all_in_one_curriculum",
        about="detection, then age, then gender, then smile, without forgetting",
        needs="packs of AFLW, WIKI and CelebA",
        objectives=tuple(kept),
        strategy=strategy,
    )
