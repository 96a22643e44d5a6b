"""Batch normalisation by the statistics of the whole batch, wherever its parts are computed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from modality_translate.networks.together import mean, processes


class SharedNorm(_BatchNorm):
    """BatchNorm of any dimension over the batches of all processes.

    torch's SyncBatchNorm refuses CPUs and has no second gradients, which R1 needs.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            normalised: Tensor = super().forward(x)
            return normalised
        axes = [0, *range(2, x.dim())]
        shape = [1, -1, *[1] * (x.dim() - 2)]
        # At least 32 bit: statistics of 16 bit values are too coarse.
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        centre = mean(values.mean(axes))
        # Two exchanges: from the mean of squares, small differences of large numbers would be left.
        values = values - centre.view(shape)
        variance = mean(values.square().mean(axes))
        self._remember(centre.detach(), variance.detach(), processes() * x.numel() // x.shape[1])
        values = values * torch.rsqrt(variance + self.eps).view(shape)
        return (values * self.weight.view(shape) + self.bias.view(shape)).to(x.dtype)

    def _remember(self, centre: Tensor, variance: Tensor, count: int) -> None:
        self.num_batches_tracked += 1
        self.running_mean.lerp_(centre, self.momentum)
        self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum)

    def _check_input_dim(self, x: Tensor) -> None:
        pass


def share_norms(network: nn.Module) -> None:
    """Exchange every BatchNorm inside `network` for a `SharedNorm` with its weights and statistics."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm):
                shared = SharedNorm(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(parent, name, shared)
