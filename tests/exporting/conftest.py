from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch

from modality_translate.exporting.card import Statement
from modality_translate.exporting.export import ExportReport, export_run
from modality_translate.exporting.graph import build_graph
from modality_translate.networks import ScaledGenerator, build_generator
from modality_translate.pipeline.spec import Envelope, Spec
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.training.run import RunFolder
from modality_translate.volumes import Volume, write_volume

SIDES = {
    "data": {"source": "a", "target": "b"},
    "source": {"modality": "MR"},
    "target": {"modality": "CT"},
    "geometry": {"dims": 2, "context": 3, "patch": [16, 24], "spacing": [2.0, 2.0, 3.0]},
    "generator": {"kind": "residual_unet", "width": 4, "levels": 2, "blocks": 1},
}
KINDS = {
    "2D": {"dims": 2, "context": 1, "patch": [16, 16], "spacing": [2.0, 2.0, 3.0]},
    "slices": {"dims": 2, "context": 3, "patch": [16, 8], "spacing": [2.0, 2.0, 3.0]},
    "3D": {"dims": 3, "patch": [8, 8, 8], "spacing": [2.0, 2.0, 3.0]},
}


def trained(recipe: Recipe) -> torch.nn.Module:
    """A generator with weights and statistics that are not those of a fresh one."""
    torch.manual_seed(5)
    generator = build_generator(recipe.generator, recipe.geometry).train()
    with torch.no_grad():
        for _ in range(3):
            generator(torch.rand(4, 1, *recipe.geometry.tiling().patch))
    return generator.eval()


def write_run(folder: Path, recipe: Recipe, backward: bool = False) -> Path:
    """A run folder as training leaves it, in one direction or both."""
    folder.mkdir()
    run = RunFolder(folder)
    run.write_recipe(recipe)
    envelope = Envelope(
        spacing=((1.0, 1.0, 2.0), (2.0, 2.0, 3.0)),
        extent=((20.0, 20.0, 20.0), (200.0, 200.0, 160.0)),
        low=(0, 5),
        median=(90, 400),
        high=(300, 900),
        cases=6,
    )
    for direction in ("forward", "backward") if backward else ("forward",):
        spec = recipe.spec(backward=direction == "backward")
        update = {"envelope": envelope, "accuracy": {"cases": 2.0, "mae": 66.125}}
        run.write_spec(spec.model_copy(update=update), direction)
        run.write_averaged(trained(recipe), direction, 10)
    return folder


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return recipe_from({"name": "mr-to-ct", **SIDES}, "test")


@pytest.fixture(scope="module")
def network(recipe: Recipe) -> ScaledGenerator:
    spec = recipe.spec()
    return ScaledGenerator(trained(recipe), spec.source.scaling, spec.target.scaling).eval()


@pytest.fixture
def run(tmp_path: Path, recipe: Recipe) -> Path:
    return write_run(tmp_path / "run", recipe, backward=True)


@pytest.fixture(scope="module")
def forward_run(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Path:
    return write_run(tmp_path_factory.mktemp("exported") / "run", recipe)


@pytest.fixture(scope="module")
def exported(forward_run: Path) -> ExportReport:
    """One export that many tests look at."""
    return export_run(forward_run, forward_run.parent / "model.onnx", statement=Statement("A. Author", "CC-BY-4.0"))


@pytest.fixture(scope="module", params=sorted(KINDS))
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of each kind: slices, stacks of slices and 3D."""
    folder = tmp_path_factory.mktemp("tiny")
    recipe = recipe_from({"name": "mr-to-ct", **SIDES, "geometry": KINDS[request.param]}, "test")
    return export_run(write_run(folder / "run", recipe), folder / "model.onnx").path


@pytest.fixture(scope="module")
def spec_of_run(recipe: Recipe) -> Spec:
    return recipe.spec()


@pytest.fixture
def scans_of_heads(tmp_path: Path, head: Volume) -> Path:
    """Four MR volumes to calibrate and to prove on."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for number in range(4):
        write_volume(folder / f"{number}.nii.gz", replace(head, array=head.array * (1 + number / 4)))
    return folder


@pytest.fixture(scope="module")
def whole(network: ScaledGenerator, spec_of_run: Spec) -> onnx.ModelProto:
    """The fp32 graph of the run."""
    return build_graph(network, spec_of_run.tiling)
