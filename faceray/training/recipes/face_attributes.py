"""Original 4: eyeglasses, mustache, beard and hat from CelebA, on a trunk that does not learn."""

from faceray.training.augmentation import Augmentation
from faceray.training.objectives.classes import YesNo
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe
from faceray.training.schedules import Schedule
from faceray.vision.align import Crop


def celeba_attributes() -> Recipe:
    """The four yes-or-no attributes; more by `--tasks` with CelebA's own names."""
    return Recipe(
        name="celeba_attributes",
        original=4,
        about="eyeglasses, mustache, beard, hat, and any other of CelebA's 40",
        needs="a pack of CelebA",
        network=Network(
            name="torchvision",
            crop=Crop("similarity", 112),
            arguments={"trunk": "resnet50", "hidden": [512], "dropout": 0.5},
        ),
        objectives=tuple(YesNo(name=name) for name in ("eyeglasses", "mustache", "beard", "hat")),
        optimiser=OptimiserOptions(learning_rate=1e-4),
        schedule=Schedule("plateau", patience=6),
        augmentation=Augmentation(mirror=0.5),
        epochs=40,
        batch=64,
        patience=10,
    )
