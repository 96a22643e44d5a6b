from __future__ import annotations

import pytest
import torch

from modality_translate.networks import Segmenter


def tissues(geometry, values: list[float]) -> torch.Tensor:
    """(2, 1, X, Y, Z) with a little noise around values drawn for each voxel."""
    draw = torch.Generator().manual_seed(0)
    shape = (2, 1, *geometry.tiling().core)
    chosen = torch.tensor(values)[torch.randint(len(values), shape, generator=draw)]
    return chosen + 0.005 * torch.randn(shape, generator=draw)


def test_every_voxel_gets_a_score_for_each_class(geometry):
    images = tissues(geometry, [-1.0, 0.0])
    assert Segmenter(geometry)(images).shape == (2, 5, *geometry.tiling().core)


def test_the_classes_are_the_tissues_of_the_images(geometry):
    values = [-0.98, -0.55, -0.5, -0.3, 0.2]
    images = tissues(geometry, values)
    network = Segmenter(geometry)
    for _ in range(100):
        network.follow(images, None)
    assert network.centres.tolist() == pytest.approx(values, abs=0.02)
    assert network.classes(torch.full_like(images, -0.52)).float().mean().item() in (1.0, 2.0)


def test_the_first_centres_are_those_of_the_body(geometry):
    images = tissues(geometry, [-1.0])
    body = torch.zeros_like(images)
    body[:, :, :8] = 1.0
    images[:, :, :8] += torch.rand(images[:, :, :8].shape, generator=torch.Generator().manual_seed(1))
    network = Segmenter(geometry)
    network.follow(images, body)
    assert network.centres.diff().min() > 0.1


def test_a_batch_of_air_alone_spoils_nothing(geometry):
    network = Segmenter(geometry)
    network.follow(torch.full((2, 1, *geometry.tiling().core), -1.0), torch.zeros(2, 1, *geometry.tiling().core))
    assert network.centres.isfinite().all()
    assert network.centres.diff().min() > 0.1


def test_features_have_length_one(geometry):
    for map_ in Segmenter(geometry).encode(tissues(geometry, [-1.0, 0.0])):
        assert torch.allclose(map_.norm(dim=1), torch.ones(()), atol=1e-4)
