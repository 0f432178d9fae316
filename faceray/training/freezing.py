"""Which parts of a network learn."""

from collections.abc import Sequence

from torch import nn

from faceray.errors import UserError


def set_trainable(model: nn.Module, parts: Sequence[str] = ()) -> int:
    """Let only some parts learn: those whose parameters' names start with one of `parts`; all where it is empty.

    Args:
        parts: whole names between dots: `trunk.3` is not `trunk.31`.

    Returns:
        The number of parameters (single numbers) that learn.

    Raises:
        UserError: a part does not exist.
    """
    names = [name for name, _ in model.named_parameters()]
    for part in parts:
        if not any(_within(name, part) for name in names):
            first = ", ".join(dict.fromkeys(name.split(".")[0] for name in names))
            raise UserError(f"the network has no part {part!r}; its parts are {first} and what they contain")
    learning = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not parts or any(_within(name, part) for part in parts)
        if parameter.requires_grad:
            learning += parameter.numel()
        else:
            parameter.grad = None  # an old gradient would still be applied
    return learning


def train_mode(model: nn.Module) -> None:
    """As `model.train()`, but frozen parts are in `eval` mode: no moving statistics, no dropout."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()


def _within(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")
