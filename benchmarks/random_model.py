"""Model files with random weights: as fast as trained ones, and made in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from modality_translate.exporting.graph import build_graph
from modality_translate.exporting.metadata import sealed
from modality_translate.exporting.parity import run_network
from modality_translate.networks import ScaledGenerator, build_generator
from modality_translate.pipeline.self_test import measure_self_test, self_test_patch
from modality_translate.pipeline.spec import Channel, Spec, Tiling
from modality_translate.recipe import recipe_from


def write_random_model(path: Path, patch: tuple[int, int], width: int, levels: int, **spec: Any) -> None:
    """A residual U-Net for MR to CT by single slices."""
    recipe = recipe_from(
        {
            "name": path.stem,
            "data": {"source": "none", "target": "none"},
            "source": {"modality": "MR"},
            "target": {"modality": "CT"},
            "geometry": {"patch": list(patch)},
            "generator": {"width": width, "levels": levels},
        },
        path.name,
    )
    torch.manual_seed(0)
    source, target = Channel.of("MR"), Channel.of("CT")
    tiling = Tiling(patch=(*patch, 1))
    network = ScaledGenerator(build_generator(recipe.generator, recipe.geometry), source.scaling, target.scaling).eval()
    made = Spec(name=path.stem, source=source, target=target, tiling=tiling, **spec)
    test = measure_self_test(run_network(network, self_test_patch(made)), 1.0)
    made = made.model_copy(update={"self_test": test})
    path.write_bytes(sealed(build_graph(network, tiling), made, "Random weights.", "benchmarks", "Apache-2.0"))
