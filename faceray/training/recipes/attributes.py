"""This project's own: all attribute columns of the faces table in one network, on a borrowed identity trunk."""

from faceray.results.schema import BINARY_ATTRIBUTES, GENDERS, RACES
from faceray.training.augmentation import Augmentation
from faceray.training.objectives.age import AgeDistribution
from faceray.training.objectives.classes import Classes, Emotion, YesNo
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe
from faceray.training.schedules import Schedule
from faceray.vision.align import Crop


def attributes() -> Recipe:
    """Mixed batches of UTKFace, FairFace, FER+ and CelebA; every sample teaches what it has labels for."""
    return Recipe(
        name="attributes",
        about="age, gender, race, emotion, smile, eyeglasses, beard, mustache, hat: the default of annotate",
        needs="packs of UTKFace, FER+ and CelebA, more where they help",
        network=Network(
            name="borrowed",
            crop=Crop("similarity", 112),
            arguments={"trunk": "sface"},
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            cached=True,
            half=True,
        ),
        objectives=(
            AgeDistribution(mean_error=0.1),
            Classes(name="gender", classes=GENDERS),
            Classes(name="race", classes=RACES),
            Emotion(),
            *(YesNo(name=name) for name in BINARY_ATTRIBUTES),
        ),
        optimiser=OptimiserOptions("adamw", learning_rate=1e-3, weight_decay=1e-2),
        schedule=Schedule("cosine", warm_up=0.5),
        augmentation=Augmentation(mirror=0.5),
        epochs=30,
        batch=256,
    )
