"""What the processes of one training compute together; alone, each function gives back what it was given.

Every process must call them in the same order, with tensors of the same shape.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist


def processes() -> int:
    """How many train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def averaged(tensor: Tensor) -> Tensor:
    """The mean over all processes, the same to the bit in each; written into a contiguous `tensor`."""
    if processes() > 1:
        # gloo knows sums alone.
        dist.all_reduce(tensor)
        tensor /= processes()
    return tensor


def average_all(tensors: list[Tensor]) -> None:
    """Put the mean over all processes into every one of `tensors`, in one exchange for all of the same type."""
    if processes() == 1:
        return
    for kind in {tensor.dtype: None for tensor in tensors}:
        alike = [tensor for tensor in tensors if tensor.dtype == kind]
        flat = averaged(torch.cat([tensor.reshape(-1) for tensor in alike]))
        for tensor, mean in zip(alike, flat.split([tensor.numel() for tensor in alike]), strict=True):
            tensor.copy_(mean.view_as(tensor))


def gathered(images: Tensor) -> Tensor:
    """The images (N, ...) of all processes, (processes * N, ...) in the order of their ranks; without gradients."""
    if processes() == 1:
        return images.detach()
    every = [torch.empty_like(images, memory_format=torch.contiguous_format) for _ in range(processes())]
    dist.all_gather(every, images.detach().contiguous())
    return torch.cat(every)


def own_part(images: Tensor) -> Tensor:
    """What belongs to this process of images that are in the order of `gathered`."""
    return images.chunk(processes())[dist.get_rank()] if processes() > 1 else images


class _Mean(torch.autograd.Function):
    """The mean over all processes of a value that every process's loss depends on."""

    @staticmethod
    def forward(_context: Any, value: Tensor) -> Tensor:
        return averaged(value.detach().clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Any:
        # The gradients of the weights are averaged over the processes afterwards: as if one process had all losses.
        return _Mean.apply(gradient)


def mean(value: Tensor) -> Tensor:
    """The mean over all processes; gradients go back through it, of second order too."""
    averaged_value: Tensor = _Mean.apply(value)
    return averaged_value
