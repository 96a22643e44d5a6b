"""The reference networks are those of the papers: shapes, receptive field, published sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modality_translate import Volume
from reference.networks import PatchGAN, ResNet9, UNet256
from reference.objectives import GAMES
from reference.slices import Augmented, ct_bytes, from_network, hounsfield, mr_bytes, to_network


def millions(network: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def test_the_unet_has_the_published_size() -> None:
    network = UNet256().eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, 256, 256)).shape == (1, 1, 256, 256)
    assert millions(network) == pytest.approx(54.41, abs=0.02)


def test_the_resnet_has_the_published_size() -> None:
    network = ResNet9().eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, 64, 64)).shape == (1, 1, 64, 64)
    assert millions(network) == pytest.approx(11.37, abs=0.02)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_score_of_the_critic_sees_70_pixels(norm: str) -> None:
    critic = PatchGAN(1, norm).eval()
    image = torch.randn(1, 1, 256, 256, requires_grad=True)
    scores = critic(image)
    assert scores.shape == (1, 1, 30, 30)
    if norm == "batch":  # statistics of the instance reach everywhere
        scores[0, 0, 15, 15].backward()
        assert int((image.grad[0, 0].abs().sum(0) > 0).sum()) == 70


@pytest.mark.parametrize("kind", sorted(GAMES))
def test_a_step_moves_the_generator(kind: str) -> None:
    torch.manual_seed(0)
    game = GAMES[kind](torch.device("cpu"))
    before = {name: value.clone() for name, value in game.generators[0].named_parameters()}
    losses = game.step(*torch.rand(2, 1, 1, 256, 256) if kind == "pix2pix" else torch.rand(2, 1, 1, 64, 64))
    assert all(np.isfinite(loss) for loss in losses.values())
    moved = [name for name, value in game.generators[0].named_parameters() if not torch.equal(before[name], value)]
    assert len(moved) > len(before) // 2


def test_eight_bits_come_back_within_half_a_level() -> None:
    truth = np.linspace(-1200, 1200, 5 * 6 * 7).reshape(5, 6, 7).astype(np.float32)
    volume = Volume.of(truth, np.diag([-1.0, -1.0, 3.0, 1.0]))
    back = hounsfield(from_network(to_network(ct_bytes(volume))), volume)
    assert back.grid is volume.grid
    assert np.abs(back.array - truth.clip(-1000, 1000)).max() <= 2000 / 255 / 2 + 1e-3


def test_aligned_volumes_get_the_same_draws() -> None:
    array = np.random.default_rng(0).uniform(0, 1000, (20, 30, 3)).astype(np.float32)
    slices = [mr_bytes(Volume.of(array, np.eye(4)))]
    images = Augmented(0, slices, slices)
    source, target = images.draw()
    assert source.shape == (1, 1, 256, 256)
    assert torch.equal(source, target)
    assert not torch.equal(source, images.draw()[0])
