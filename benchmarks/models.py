"""Untrained networks as model files, for benchmarks of speed and memory: MR to CT, 1 mm, fixed windows on both sides.

The network is added to the intensity and the sum is shifted so that air comes out as air, as after a training; so the
answers can be compared between tilings and with air left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from modality_translate.exporting.graph import build_graph
from modality_translate.exporting.metadata import sealed
from modality_translate.exporting.parity import allowed, run_network
from modality_translate.intensities import Window
from modality_translate.networks import ScaledGenerator, build_generator
from modality_translate.pipeline.self_test import measure_self_test, self_test_patch
from modality_translate.pipeline.spec import Channel, Spec
from modality_translate.recipe import Scaling, recipe_from

SOURCE, TARGET = Window(lo=0.0, hi=2500.0), Window(lo=-1000.0, hi=2000.0)
SLOPE, SHARE, SHIFT = 1.2, 0.1, 0.15
"""Of the intensity and of the network in the answer, and how far above black air is still black."""
AIR_BELOW = 300.0
"""Level of `skip_below` by the rule of training, half of the darkest of a few heads; most have no noise above it."""
PATCHES: dict[int, tuple[int, ...]] = {2: (128, 128), 3: (96, 96, 96)}
KINDS = {2: ("unet", 5), 3: ("residual_unet", 4)}
"""Generator and number of levels by dimensions."""


class Added(nn.Module):
    """(N, 1, X, Y, Z) in [-1, 1] to about the same; the answer to air is below -1."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        own = self.network(x)
        if x.shape[-1] > 1:
            return self._added(x, own)
        # As in ScaledGenerator: an axis of size 1 at the end makes constants slow to apply in onnxruntime.
        return self._added(x.squeeze(-1), own.squeeze(-1)).unsqueeze(-1)

    def _added(self, x: Tensor, own: Tensor) -> Tensor:
        return SLOPE * x + SHARE * own + (SLOPE - 1.0 - SLOPE * SHIFT)


@dataclass(frozen=True)
class Made:
    """A model file, its spec, and the network between [-1, 1] and [-1, 1] that is in it."""

    file: Path
    spec: Spec
    network: nn.Module


def make_network(
    dims: int, width: int, overlap: float, source: Scaling = SOURCE, air_below: float | None = AIR_BELOW
) -> tuple[nn.Module, Spec]:
    """The generator of `dims` dimensions, always the same weights, and its contract."""
    kind, levels = KINDS[dims]
    tables: dict[str, Any] = {
        "name": f"{kind}-{dims}d-{width}",
        "data": {"source": "a", "target": "b"},
        "source": {"modality": "MR"},
        "target": {"modality": "CT"},
        "geometry": {"dims": dims, "patch": PATCHES[dims], "spacing": [1.0] * 3, "overlap": overlap},
        "generator": {"kind": kind, "width": width, "levels": levels},
    }
    recipe = recipe_from(tables, "benchmark")
    torch.manual_seed(0)
    network = Added(build_generator(recipe.generator, recipe.geometry)).eval()
    tiling = recipe.geometry.tiling().model_copy(update={"skip_below": air_below})
    channels = {"source": Channel.of("MR", source), "target": Channel.of("CT", TARGET)}
    return network, Spec(name=recipe.name, spacing=(1.0, 1.0, 1.0), tiling=tiling, **channels)


def make_model(
    folder: Path,
    dims: int,
    width: int,
    overlap: float = 0.25,
    source: Scaling = SOURCE,
    air_below: float | None = AIR_BELOW,
) -> Made:
    """The network of `make_network`, exported into `folder`."""
    network, spec = make_network(dims, width, overlap, source, air_below)
    scaled = ScaledGenerator(network, source, TARGET).eval()
    answer = run_network(scaled, self_test_patch(spec))
    spec = spec.model_copy(update={"self_test": measure_self_test(answer, allowed(spec)[0])})
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{spec.name}.onnx"
    file.write_bytes(sealed(build_graph(scaled, spec.tiling), spec, "An untrained network.", "", ""))
    return Made(file, spec, network)
