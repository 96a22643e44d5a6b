from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from modality_translate.errors import ModelError
from modality_translate.exporting.graph import OPSET, build_graph
from modality_translate.intensities import Percentile
from modality_translate.networks import GENERATORS, ScaledGenerator, build_generator
from modality_translate.pipeline.spec import Tiling
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.runtime import scan
from modality_translate.runtime.graph import read_graph
from modality_translate.runtime.protobuf import Wire


@pytest.fixture(scope="module")
def small() -> Tiling:
    return Tiling(patch=(8, 8, 8))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1, bias=False), nn.BatchNorm3d(4), nn.Conv3d(4, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.steps(x)


@pytest.fixture(scope="module")
def block() -> nn.Module:
    return Block().eval()


@pytest.fixture(scope="module")
def built(block: nn.Module, small: Tiling) -> onnx.ModelProto:
    return build_graph(block, small)


def test_the_graph_has_named_ports_a_free_batch_and_a_fixed_patch(built: onnx.ModelProto):
    (source,), (synthetic,) = built.graph.input, built.graph.output
    sizes = [d.dim_value for d in source.type.tensor_type.shape.dim]
    assert (source.name, synthetic.name, sizes) == ("source", "synthetic", [0, 1, 8, 8, 8])


def test_batch_normalisation_is_folded(built: onnx.ModelProto):
    assert [n.op_type for n in built.graph.node] == ["Conv", "Conv"]


def test_the_graph_tells_nothing_of_its_machine(built: onnx.ModelProto):
    data = built.SerializeToString()
    for word in ("/work", "/root", "/home", "/tmp", "site-packages", ".py", __name__, socket.gethostname()):
        assert word.encode() not in data
    assert str(Path.cwd()).encode() not in data
    assert not built.graph.value_info
    assert not any(node.metadata_props or node.doc_string for node in built.graph.node)


def test_weights_keep_their_names_and_the_rest_is_numbered(built: onnx.ModelProto):
    assert "steps.0.weight" in {t.name for t in built.graph.initializer}
    assert [n.name for n in built.graph.node] == ["Conv_0", "Conv_1"]
    assert built.graph.node[0].output == ["value_0_0"]


def test_building_is_silent_and_always_gives_the_same_bytes(
    block: nn.Module, built: onnx.ModelProto, small: Tiling, capfd: Any, caplog: Any
):
    again = build_graph(block, small)
    assert again.SerializeToString(deterministic=True) == built.SerializeToString(deterministic=True)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


def test_a_network_that_cannot_be_written_is_one_error(small: Tiling):
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ModelError, match="generator: cannot be written as a graph"):
        build_graph(Branching(), small)


KINDS = {
    "residual_unet": {"levels": 2, "blocks": 1},
    "unet": {"levels": 2},
    "resnet": {"levels": 1, "blocks": 1},
    "monai_unet": {"levels": 2, "blocks": 1},
    "monai_dynunet": {"levels": 3},
}


def scaled(recipe: Recipe) -> ScaledGenerator:
    spec = recipe.spec()
    return ScaledGenerator(
        build_generator(recipe.generator, recipe.geometry), spec.source.scaling, spec.target.scaling
    ).eval()


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_every_generator_becomes_a_plain_graph(kind: str):
    dims = 3 if kind in ("residual_unet", "monai_dynunet") else 2
    geometry: dict[str, Any] = {"dims": dims, "patch": [16] * dims}
    recipe = recipe_from(
        {
            "name": kind,
            "data": {"source": "a", "target": "b"},
            "source": {"modality": "PET"},
            "target": {"modality": "PET"},
            "geometry": geometry if dims == 3 else {**geometry, "context": 3},
            "generator": {"kind": kind, "width": 4, "norm": "instance", **KINDS[kind]},
        },
        "test",
    )
    network = scaled(recipe)
    model = build_graph(network, recipe.geometry.tiling())
    data = model.SerializeToString(deterministic=True)
    onnx.checker.check_model(model, full_check=True)
    graph = read_graph(Wire(data))
    scan.check_operators(graph)
    scan.check_weights(graph)
    scan.check_sizes(graph)
    scan.check_ports(graph, recipe.geometry.tiling())
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    patches = np.random.default_rng(0).uniform(0, 30, (3, 1, *recipe.geometry.tiling().patch)).astype(np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = network(torch.from_numpy(patches)).numpy()
    np.testing.assert_allclose(session.run(None, {"source": patches})[0], wanted, atol=30 / 4095)


def test_scaling_of_slices_meets_no_axis_of_one_at_the_end():
    """onnxruntime applies constants along the last axis: scaling (N, 1, X, Y, 1) took as long as all convolutions."""
    scaling = Percentile()
    tiling = Tiling(patch=(8, 8, 1))
    model = onnx.shape_inference.infer_shapes(build_graph(ScaledGenerator(nn.Identity(), scaling, scaling), tiling))
    ends = {value.name: value.type.tensor_type.shape.dim[-1].dim_value for value in model.graph.value_info}
    scaled = [node.input[0] for node in model.graph.node if node.op_type in ("Clip", "Sub", "Add", "Mul")]
    assert len(scaled) > 4
    assert {ends[name] for name in scaled} == {8}
