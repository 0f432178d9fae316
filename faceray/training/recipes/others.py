"""Networks that original 1 has from its ancestors: SSR-Net, DEX on two trunks; and emotion alone."""

from faceray.results.schema import GENDERS
from faceray.training.augmentation import Augmentation
from faceray.training.objectives.age import AgeDistribution, AgeYears
from faceray.training.objectives.classes import Classes, Emotion
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe
from faceray.training.schedules import Schedule
from faceray.vision.align import Crop

_AGE_GENDER = "a pack with age and gender: IMDB, WIKI, UTKFace"


def ssrnet() -> Recipe:
    """Yang et al., "SSR-Net", IJCAI 2018."""
    return Recipe(
        name="ssrnet",
        original=1,
        about="age and gender by soft stagewise regression, 40 thousand weights for each",
        needs=_AGE_GENDER,
        network=Network(name="ssrnet", crop=Crop("similarity", 64), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        objectives=(AgeYears(criterion="absolute"), Classes(name="gender", classes=GENDERS)),
        watch="age/mae",
        optimiser=OptimiserOptions(learning_rate=2e-3),
        schedule=Schedule("steps", milestones=(30, 60)),
        augmentation=Augmentation(mirror=0.5, turn=10, shift=0.1, zoom=0.1),
        epochs=90,
        batch=50,
    )


def _dex(name: str, trunk: str, size: int, std: float) -> Recipe:
    return Recipe(
        name=name,
        original=1,
        about=f"gender, and age as the mean of 101 bins, on {trunk}",
        needs=_AGE_GENDER,
        network=Network(
            name="torchvision",
            crop=Crop("similarity", size),
            arguments={"trunk": trunk},
            colour="BGR",
            mean=(std, std, std),
            std=(std, std, std),
        ),
        objectives=(Classes(name="gender", classes=GENDERS), AgeDistribution()),
        watch="age/mae",
        optimiser=OptimiserOptions(learning_rate=1e-3),
        schedule=Schedule("plateau", patience=3),
        augmentation=Augmentation(mirror=0.5, turn=10, shift=0.1, zoom=0.1),
        epochs=30,
        batch=64,
        patience=10,
    )


def dex_inception() -> Recipe:
    """Rothe et al., "DEX", ICCVW 2015, on InceptionV3 at 140 pixels."""
    return _dex("dex_inception", "inception_v3", 140, 127.5)


def dex_mobilenet() -> Recipe:
    """The same on MobileNetV2 at 96 pixels."""
    return _dex("dex_mobilenet", "mobilenet_v2", 96, 128.0)


def emotion() -> Recipe:
    """Eight emotions from FER+'s votes (Barsoum et al., ICMI 2016: cross-entropy with the votes' distribution)."""
    return Recipe(
        name="emotion",
        original=1,
        about="eight emotions, against the voters' distribution",
        needs="a pack of FER+, or any with emotions",
        network=Network(name="attribute_net", crop=Crop("similarity", 64)),
        objectives=(Emotion(),),
        optimiser=OptimiserOptions("adamw", learning_rate=2e-3, weight_decay=1e-2),
        schedule=Schedule("cosine", warm_up=1.0),
        augmentation=Augmentation(mirror=0.5, turn=15, shift=0.08, zoom=0.12, contrast=0.3, brightness=20, erase=0.2),
        epochs=40,
        batch=64,
    )
