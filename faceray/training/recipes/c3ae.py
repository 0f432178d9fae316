"""Original 3: age by a network of 40 thousand weights that looks at three boxes (Zhang et al., "C3AE", CVPR 2019)."""

from dataclasses import replace

from faceray.results.schema import GENDERS
from faceray.training.augmentation import Augmentation
from faceray.training.codecs import TWO_POINT
from faceray.training.objectives.age import AgeDistribution, AgeYears
from faceray.training.objectives.classes import Classes
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe
from faceray.training.schedules import Schedule
from faceray.vision.align import Crop


def c3ae() -> Recipe:
    """10 times the divergence of the two-point bins, and the error of the age."""
    return Recipe(
        name="c3ae",
        original=3,
        about="age from three boxes, two-point bins",
        needs="a pack with age, prepared with --crop.kind triple_box --crop.size 64",
        network=Network(
            name="c3ae",
            crop=Crop("triple_box", 64),
            colour="BGR",
            mean=(127.5, 127.5, 127.5),
            std=(128.0, 128.0, 128.0),
        ),
        objectives=(
            AgeDistribution(name="age_bins", bins=TWO_POINT, criterion="kl", weight=10.0),
            AgeYears(name="age", criterion="absolute"),
        ),
        watch="age/mae",
        optimiser=OptimiserOptions(learning_rate=2e-3),
        schedule=Schedule("cosine", last=0.01),
        augmentation=Augmentation(mirror=0.5, turn=15, contrast=0.5, brightness=50, erase=0.2),
        epochs=160,
        batch=50,
    )


def c3ae_v2() -> Recipe:
    """Squeeze-excite with GeM, Mish6, a neck with cosines, and gender."""
    first = c3ae()
    arguments = {"squeeze_excite": True, "pool": "gem", "activation": "mish6", "neck": True}
    gender = Classes(name="gender", classes=GENDERS, smoothing=0.02, weight=30.0)
    focal = AgeDistribution(name="age_bins", bins=TWO_POINT, criterion="focal", weight=10.0)
    return replace(
        first,
        name="c3ae_v2",
        about="age and gender from three boxes, second version",
        needs="a pack with age and gender, prepared with --crop.kind triple_box --crop.size 64",
        network=replace(first.network, arguments=arguments),
        objectives=(focal, AgeYears(name="age", criterion="absolute"), gender),
        batch=128,
    )
