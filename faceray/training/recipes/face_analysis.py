"""Original 2: one IR-SE ResNet for race, gender, ordinal age, or identity by margin heads."""

from dataclasses import replace

from faceray.results.schema import GENDERS, RACES
from faceray.training.augmentation import Augmentation
from faceray.training.objectives.age import AgeOrdinal
from faceray.training.objectives.classes import Classes
from faceray.training.objectives.identity import Identity
from faceray.training.objectives.objective import Objective
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe
from faceray.training.schedules import Schedule
from faceray.vision.align import Crop


def _recipe(name: str, about: str, needs: str, objective: Objective) -> Recipe:
    return Recipe(
        name=name,
        original=2,
        about=about,
        needs=needs,
        network=Network(name="ir_resnet", crop=Crop("similarity", 112), arguments={"scale": 22.6}),
        objectives=(objective,),
        optimiser=OptimiserOptions("sgd", learning_rate=1e-3, weight_decay=5e-4),
        schedule=Schedule("steps", milestones=(9, 12, 14)),
        augmentation=Augmentation(mirror=0.5),
        epochs=30,
        batch=384,
        rounds=5,
        patience=25,
    )


def race() -> Recipe:
    """Five races, classes weighted by inverse frequency."""
    objective = Classes(name="race", classes=RACES, balanced=True)
    return _recipe("race", "race by IR-SE ResNet", "a pack with race: UTKFace, FairFace, an image list", objective)


def gender() -> Recipe:
    """Two genders, weighted likewise."""
    objective = Classes(name="gender", classes=GENDERS, balanced=True)
    return _recipe("gender", "gender by IR-SE ResNet", "a pack with gender: UTKFace, an image list", objective)


def age_ordinal() -> Recipe:
    """A hundred times "older than this?"."""
    return _recipe("age_ordinal", "age by 100 ordinal bits", "a pack with age: UTKFace, an image list", AgeOrdinal())


def _identity(head: str, about: str) -> Recipe:
    recipe = _recipe(head, about, "a pack with identities: MS1M, CASIA, folders", Identity(head=head))  # type: ignore[arg-type]
    return replace(recipe, network=replace(recipe.network, arguments={}), watch="identity/auc")


def arcface() -> Recipe:
    """Deng et al., CVPR 2019."""
    return _identity("arcface", "512-d embedding, additive angular margin 0.5")


def cosface() -> Recipe:
    """Wang et al., CVPR 2018."""
    return _identity("cosface", "512-d embedding, cosine margin 0.35")


def sphereface() -> Recipe:
    """Liu et al., CVPR 2017."""
    return _identity("sphereface", "512-d embedding, multiplied angle 1.35")


def adacos() -> Recipe:
    """Zhang et al., CVPR 2019."""
    return _identity("adacos", "512-d embedding, a scale that adapts")
