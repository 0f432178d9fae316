"""The objectives by the name of their task, and recipes with other tasks than their own."""

from dataclasses import replace

from faceray.errors import UserError
from faceray.results.schema import BINARY_ATTRIBUTES, GENDERS, RACES
from faceray.training.objectives.age import AgeDistribution
from faceray.training.objectives.classes import Classes, Emotion, PoseClasses, YesNo
from faceray.training.objectives.objective import Objective
from faceray.training.recipe import Recipe

OBJECTIVES: dict[str, Objective] = {
    "age": AgeDistribution(),
    "gender": Classes(name="gender", classes=GENDERS),
    "race": Classes(name="race", classes=RACES),
    "emotion": Emotion(),
    "pose": PoseClasses(),
    **{name: YesNo(name=name) for name in BINARY_ATTRIBUTES},
}


def with_tasks(recipe: Recipe, tasks: tuple[str, ...]) -> Recipe:
    """The recipe for these tasks: its own objectives where it has them.

    A name with a capital is a yes or no of the set's own, such as CelebA's Wavy_Hair.

    Raises:
        UserError: nothing is known of a task.
    """
    own = {objective.name: objective for objective in recipe.objectives}
    known = {**OBJECTIVES, **own}
    unknown = [task for task in tasks if task not in known and not task[0].isupper()]
    if unknown:
        raise UserError(f"no task {', '.join(unknown)}: only {', '.join(known)}, or a set's own such as Wavy_Hair")
    if not tasks:
        return recipe
    if len(set(tasks)) < len(tasks):
        raise UserError(f"tasks must be different ones, not {', '.join(tasks)}")
    chosen = tuple(known.get(task) or YesNo(name=task) for task in tasks)
    watch = recipe.watch if recipe.watch.partition("/")[0] in tasks else ""
    left = ((pack, tuple(t for t in own_tasks if t in tasks)) for pack, own_tasks in recipe.strategy.stages)
    stages = tuple((pack, own_tasks) for pack, own_tasks in left if own_tasks)
    strategy = replace(recipe.strategy, stages=stages)
    return replace(recipe, objectives=chosen, watch=watch, strategy=strategy)
