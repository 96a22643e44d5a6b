"""The kit's models: real generators, tiny and with fixed random weights, exported as a trained run is."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from kit_volumes import LEVELS
from torch import Tensor, nn

from modality_translate.exporting.card import Statement
from modality_translate.exporting.export import export_run
from modality_translate.networks import build_generator
from modality_translate.pipeline.self_test import self_test_patch
from modality_translate.pipeline.spec import Spec
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.training.run import RunFolder


class Kind(NamedTuple):
    """What sets one model of the kit apart."""

    name: str
    source: str
    target: str
    geometry: dict[str, object]
    orders: bool
    """Also run on one volume in all 48 storage orders."""
    skips_air: bool = False
    """With a level below which nothing is run."""


SLICE = {"dims": 2, "context": 1, "patch": (16, 24)}
STACK = {"dims": 2, "context": 5, "patch": (24, 16), "spacing": (2.0, 3.0, 4.0), "overlap": 0.25}
CUBE = {"dims": 3, "patch": (16, 8, 8), "spacing": (2.0, 2.0, 3.0)}
KINDS = [
    Kind("slice-mr-to-ct", "MR", "CT", SLICE, True),
    Kind("slice-ct-to-mr", "CT", "MR", SLICE, False),
    Kind("slice-ct-to-pet", "CT", "PET", SLICE, False),
    Kind("stack-pet-to-ct", "PET", "CT", STACK, False),
    Kind("stack-ct-to-mr", "CT", "MR", STACK, True),
    Kind("stack-mr-to-pet", "MR", "PET", STACK, False),
    Kind("cube-mr-to-ct", "MR", "CT", CUBE, False),
    Kind("cube-pet-to-mr", "PET", "MR", CUBE, False),
    Kind("cube-mr-to-pet", "MR", "PET", CUBE, True),
    Kind("air-slice-mr-to-ct", "MR", "CT", SLICE, False, True),
    Kind("air-stack-ct-to-mr", "CT", "MR", STACK, False, True),
    Kind("air-cube-pet-to-ct", "PET", "CT", CUBE, False, True),
]
SPREAD = 0.4
"""Standard deviation of a model's answer in the network's own range [-1, 1]: what it is given must show."""


def write_model(path: Path, kind: Kind) -> None:
    """Export `kind` to `path`; the same bytes each time with the same torch."""
    recipe = recipe_from(
        {
            "name": kind.name,
            "data": {"source": "a", "target": "b"},
            "source": {"modality": kind.source},
            "target": {"modality": kind.target},
            "geometry": kind.geometry,
            "generator": {"kind": "residual_unet", "width": 4, "levels": 2, "blocks": 1},
        },
        kind.name,
    )
    with TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        run.write_recipe(recipe)
        run.write_spec(_spec(recipe, kind), "forward")
        run.write_averaged(_generator(recipe, KINDS.index(kind)), "forward", 1)
        export_run(run.path, path, statement=Statement("mtranslate", "Apache-2.0"))


def _spec(recipe: Recipe, kind: Kind) -> Spec:
    spec = recipe.spec()
    tiling = spec.tiling.model_copy(update={"skip_below": LEVELS[kind.source] if kind.skips_air else None})
    return spec.model_copy(update={"tiling": tiling})


def _generator(recipe: Recipe, seed: int) -> nn.Module:
    """Random weights, and a head that makes what the network sees fill the output's range."""
    torch.manual_seed(seed)
    generator = build_generator(recipe.generator, recipe.geometry).eval()
    head = (generator.network if recipe.geometry.dims == 2 else generator).head
    with torch.no_grad():
        answer = generator(_seen(recipe.spec()))
        head.weight *= SPREAD / answer.std()
        head.bias -= generator(_seen(recipe.spec())).mean()
    return generator


def _seen(spec: Spec) -> Tensor:
    """The self-test's patch as the network sees it, in [-1, 1]."""
    return torch.from_numpy(spec.source.scaling.fixed.forward(self_test_patch(spec)))
