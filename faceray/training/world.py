"""The workers of a training: who this one is, and what the others know. Alone without torch.distributed."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def size() -> int:
    """Number of workers."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this one, from 0."""
    return dist.get_rank() if size() > 1 else 0


def interleaved(part: Tensor) -> Tensor:
    """All workers' rows, where worker r of n has every n-th row from r on: (m_r, …) -> (Σ m_r, …), on the CPU."""
    part = part.detach().cpu()
    if size() == 1:
        return part
    parts: list[Any] = [None] * size()
    dist.all_gather_object(parts, part)
    whole = torch.empty((sum(len(p) for p in parts), *part.shape[1:]), dtype=part.dtype)
    for number, rows in enumerate(parts):
        whole[number :: size()] = rows
    return whole


def total(value: Tensor) -> Tensor:
    """Σ over the workers, the same shape."""
    if size() > 1:
        value = value.clone()
        dist.all_reduce(value)
    return value
