"""What the answers to a mirrored picture say of the picture itself: left and right change places."""

import re
from collections.abc import Callable

from torch import Tensor

from faceray.errors import UserError
from faceray.models.tasks import Task

_OTHER_SIDE = {"left": "right", "right": "left"}
_SIDEWAYS = re.compile(r"(roll|yaw)(_.*)?|.*_x")  # angles, and places relative to the picture's middle


def unmirror(task: Task) -> Callable[[Tensor], Tensor] | None:
    """A function on answers (n, k), or None for a task without sides, such as age or gender.

    The labels tell: `left_eye_x` changes places with `right_eye_x`, and rolls, yaws and x change their sign.

    Raises:
        UserError: a label's counterpart is missing.
    """
    if task.kind not in ("softmax", "regression"):
        return None
    swapped = ["".join(_OTHER_SIDE.get(word, word) for word in re.split(r"([\W_]+)", name)) for name in task.labels]
    lacking = [name for name in swapped if name not in task.labels]
    if lacking:
        raise UserError(
            f"task {task.name!r} has no {lacking[0]!r}: its answers to a mirror image cannot be turned back"
        )
    order = [task.labels.index(name) for name in swapped]
    sideways = task.kind == "regression"
    signs = [-1.0 if sideways and _SIDEWAYS.fullmatch(name) else 1.0 for name in task.labels]
    if order == list(range(len(order))) and -1.0 not in signs:
        return None
    return lambda answers: answers[:, order] * answers.new_tensor(signs)
