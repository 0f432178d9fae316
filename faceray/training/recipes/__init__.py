"""The recipes, by name. Each is a function that gives a typed config; variations copy one and change some fields."""

from collections.abc import Callable

from faceray.errors import UserError
from faceray.training.recipe import Recipe
from faceray.training.recipes import all_in_one, c3ae, eagp, face_analysis, face_attributes, others
from faceray.training.recipes.attributes import attributes

RECIPES: dict[str, Callable[[], Recipe]] = {
    "attributes": attributes,
    "all_in_one_joint": all_in_one.joint,
    "all_in_one_curriculum": all_in_one.curriculum,
    "eagp_stl": eagp.stl,
    "eagp_joint": eagp.joint,
    "eagp_alternating": eagp.alternating,
    "eagp_alternating_naive": eagp.naive,
    "eagp_alternating_distilled": eagp.distilled,
    "eagp_alternating_interpolated": eagp.interpolated,
    "race": face_analysis.race,
    "gender": face_analysis.gender,
    "age_ordinal": face_analysis.age_ordinal,
    "arcface": face_analysis.arcface,
    "cosface": face_analysis.cosface,
    "sphereface": face_analysis.sphereface,
    "adacos": face_analysis.adacos,
    "c3ae": c3ae.c3ae,
    "c3ae_v2": c3ae.c3ae_v2,
    "celeba_attributes": face_attributes.celeba_attributes,
    "ssrnet": others.ssrnet,
    "dex_inception": others.dex_inception,
    "dex_mobilenet": others.dex_mobilenet,
    "emotion": others.emotion,
}


def recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Raises:
        UserError: there is none.
    """
    if name not in RECIPES:
        raise UserError(f"no recipe {name!r}: one of {', '.join(RECIPES)}")
    return RECIPES[name]()
