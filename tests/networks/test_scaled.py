from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from modality_translate.errors import RecipeError
from modality_translate.intensities.scaling import Asinh, Percentile, Window
from modality_translate.networks import ScaledGenerator

SCALINGS = [
    Window(lo=-1024.0, hi=3071.0),
    Window(lo=-160.0, hi=240.0),
    Asinh(knee=1.0, hi=30.0),
    Asinh(knee=0.05, hi=100.0),
    Percentile(top=1000.0),
]


def sample(lo: float, hi: float) -> np.ndarray:
    """Values over the range and well outside it, (1, 1, X, Y, Z)."""
    margin = 0.5 * (hi - lo)
    return np.linspace(lo - margin, hi + margin, 6000, dtype=np.float32).reshape(1, 1, 20, 20, 15)


@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_the_way_in_agrees_with_numpy(scaling):
    host = sample(*scaling.fixed.range)
    scaled = ScaledGenerator(nn.Identity(), scaling, Window(lo=-1.0, hi=1.0))(torch.from_numpy(host))
    np.testing.assert_allclose(scaled.numpy(), scaling.fixed.forward(host), rtol=0, atol=2e-5)


@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_the_way_out_agrees_with_numpy(scaling):
    network = sample(-1.0, 1.0)
    lo, hi = scaling.fixed.range
    host = ScaledGenerator(_Fixed(network), SCALINGS[0], scaling)(torch.zeros(1, 1, 2, 2, 2))
    np.testing.assert_allclose(host.numpy(), scaling.fixed.invert(network), rtol=0, atol=1e-5 * (hi - lo))
    assert (host.min().item(), host.max().item()) == pytest.approx((lo, hi), rel=1e-6, abs=1e-6 * hi)


@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_there_and_back_is_the_input_clipped(scaling):
    lo, hi = scaling.fixed.range
    host = sample(lo, hi)
    back = ScaledGenerator(nn.Identity(), scaling, scaling)(torch.from_numpy(host))
    np.testing.assert_allclose(back.numpy(), host.clip(lo, hi), rtol=0, atol=1e-5 * (hi - lo))


def test_infinite_input_is_clipped():
    graph = ScaledGenerator(nn.Identity(), Asinh(), Window(lo=0.0, hi=2.0))
    output = graph(torch.tensor([-torch.inf, torch.inf]).reshape(1, 1, 2, 1, 1))
    assert output.flatten().tolist() == [0.0, 2.0]


def test_a_scaling_without_constants_is_refused():
    scaling = SimpleNamespace(kind="histogram")
    scaling.fixed = scaling
    with pytest.raises(RecipeError, match=r"'histogram' cannot be part of a model\. Choose one of: window, asinh"):
        ScaledGenerator(nn.Identity(), scaling, SCALINGS[0])


class _Fixed(nn.Module):
    def __init__(self, answer: np.ndarray) -> None:
        super().__init__()
        self.answer = torch.from_numpy(answer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answer
