"""Losses of classification, sample by sample, and their mean over the samples that have a label.

A loss takes logits and targets and returns (n,) values. Class targets are distributions (n, K): one-hot, smoothed,
votes, or another network's answer. Of a network that ends in probabilities pass the logarithm, cut off above 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

Loss = Callable[[Tensor, Tensor], Tensor]


def labelled(target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Which samples count: their target has no NaN and their weight is above 0. (n, …), (n,) -> (n,) bool."""
    known = target.isfinite().flatten(1).all(1) if target.ndim > 1 else target.isfinite()
    return known if weight is None else known & (weight > 0)


def masked(
    loss: Loss, output: Tensor, target: Tensor, weight: Tensor | None = None, count: Tensor | float | None = None
) -> Tensor:
    """Mean loss of the labelled samples: Σ w_i loss_i / max(#labelled, 1).

    A batch in which nobody has a label gives 0 and a gradient of zeros, where the originals divide 0 by 0. Weights
    scale a sample's part and leave the divisor alone, as original 1's pseudo labels do.

    Args:
        output: (n, …), the network's answer; computed in float32 whatever it comes in.
        target: (n, …), rows with NaN are not labelled.
        weight: (n,), not negative; 1 where None.
        count: the divisor, for a batch that is spread over several workers: labelled samples of all / workers.

    Returns:
        A scalar, float32.
    """
    counts = labelled(target, weight)
    filled = torch.where(counts.reshape(-1, *[1] * (target.ndim - 1)), target, 0.0)  # NaN times 0 would stay NaN
    values = loss(output.float(), filled.float())
    if weight is not None:
        values = values * weight.float()
    divisor = counts.sum().clamp(min=1) if count is None else torch.as_tensor(count).clamp(min=1e-6)
    return torch.where(counts, values, 0.0).sum() / divisor


def weighted_sum(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Total loss: Σ λ_t L_t over the tasks; a task without a weight has 1."""
    return torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """-Σ_k t_k log p_k, p = softmax(output): (n, K), (n, K) -> (n,)."""
    return -(target * output.log_softmax(1)).sum(1)


def kl_divergence(output: Tensor, target: Tensor) -> Tensor:
    """Σ_k t_k (log t_k - log p_k), p = softmax(output): (n, K), (n, K) -> (n,). 0 where p = t.

    Zhang et al., "C3AE", CVPR 2019, eq. 3, between two-point targets and bins.
    """
    return torch.xlogy(target, target).sum(1) + cross_entropy(output, target)


def l1_penalty(weights: Tensor) -> Tensor:
    """‖W‖₁, which C3AE adds to the divergence to make its last layer sparse. Any shape -> scalar."""
    return weights.abs().sum()


def best_of_set(output: Tensor, target: Tensor) -> Tensor:
    """-log max p_k over the k with t_k > 0, p = softmax(output): any allowed label will do. (n, K) -> (n,).

    The loss of FER+'s `multi_target` votes (Barsoum et al., ICMI 2016). A row without an allowed label gives 0.
    """
    allowed = output.log_softmax(1).masked_fill(target <= 0, -torch.inf).max(1).values
    return -torch.where((target > 0).any(1), allowed, 0.0)


def drawn(target: Tensor) -> Tensor:
    """One class of each row, with the row's probabilities, as one-hot: (n, K) -> (n, K). A row of zeros stays one.

    FER+'s probabilistic label drawing (Barsoum et al., ICMI 2016). Takes from torch's generator, which the loop seeds.
    """
    some = target.sum(1, keepdim=True) > 0
    chosen = torch.multinomial(torch.where(some, target, 1.0), 1)
    return torch.zeros_like(target).scatter(1, chosen, some.to(target.dtype))


def binary_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """-t log p - (1 - t) log(1 - p), p = sigmoid(output); the mean over K answers. (n, K), (n,) or (n, K) -> (n,)."""
    loss = binary_cross_entropy_with_logits(output, target.reshape(output.shape), reduction="none")
    return loss.flatten(1).mean(1) if loss.ndim > 1 else loss


def ordinal(output: Tensor, target: Tensor) -> Tensor:
    """Σ_k BCE(sigmoid(output_k), t_k) over the bits of an ordinal age: (n, bits), (n, bits) -> (n,).

    Niu et al., CVPR 2016. Original 2 sums over the batch as well, so that its learning rate grew with the batch size.
    """
    return binary_cross_entropy_with_logits(output, target, reduction="none").sum(1)


def soften(logits: Tensor, temperature: float) -> Tensor:
    """softmax(logits / T) in each row: (n, K) -> (n, K), rows sum to 1.

    Original 1 divides by the sum of the whole matrix, so that its rows sum to 1 / n and distillation vanishes.
    """
    return (logits.float() / temperature).softmax(1)


@dataclass(frozen=True)
class Distillation:
    """Cross-entropy with the softened answer of a teacher, T = 2: -Σ_k softmax(teacher / T)_k log softmax(output)_k.

    Li and Hoiem, "Learning without forgetting", ECCV 2016, with the student at `student_temperature` 1 as in original
    1. The target is the teacher's logits (n, K).
    """

    temperature: float = 2.0
    student_temperature: float = 1.0

    def __call__(self, output: Tensor, teacher: Tensor) -> Tensor:
        """(n, K), (n, K) -> (n,)."""
        return cross_entropy(output / self.student_temperature, soften(teacher, self.temperature).detach())


@dataclass(frozen=True)
class Focal:
    """The focal loss of original 3 between two-point targets and bins, p = softmax(output).

    (1 - u) mean_k [α_k |t_k - p_k|^γ (-log p_k) where t_k > 0] + u mean_k [-log p_k]

    After Lin et al., "Focal loss for dense object detection", ICCV 2017, for targets between 0 and 1. The second part,
    the cross-entropy with the uniform distribution, keeps the answer from growing too sure. The original cuts p off at
    1e-6, where its gradient vanishes; the logarithm of a softmax needs no cut.

    Attributes:
        class_weights: α up to a factor (it is divided by its sum); equal where empty. From the sums of the two-point
            targets over the training set, where the original counts decades that overlap.
        exponent: γ. uniform: u.
    """

    class_weights: tuple[float, ...] = ()
    exponent: float = 2.0
    uniform: float = 0.1

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """(n, K), (n, K) -> (n,)."""
        log_p = output.log_softmax(1)
        alpha = output.new_tensor(self.class_weights or [1.0] * output.shape[1])
        far = torch.where(target > 0, target - log_p.exp(), 0.0).abs() ** self.exponent
        focal = -(alpha / alpha.sum() * far * log_p).mean(1)
        return (1 - self.uniform) * focal - self.uniform * log_p.mean(1)
