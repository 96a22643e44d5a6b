"""The default network, between host units, as plain ONNX."""

from __future__ import annotations

import logging

import numpy as np
import onnxruntime
import pytest
import torch

from modality_translate import recipe
from modality_translate.intensities.scaling import Asinh, Percentile
from modality_translate.networks import ScaledGenerator, build_generator


# torch.export deep-copies its own tree specifications, which its own pytree module has deprecated.
@pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec:FutureWarning")
def test_the_default_network_exports_to_plain_onnx_of_any_batch_size(tmp_path, caplog):
    caplog.set_level(logging.ERROR, logger="torch.onnx")
    geometry = recipe.Geometry(patch=(16, 16), context=3)
    generator = build_generator(recipe.Generator(width=4, levels=2, blocks=1), geometry)
    network = ScaledGenerator(generator, Percentile(), Asinh()).eval()
    patches = torch.rand(3, 1, 16, 16, 3) * 1200 - 100

    program = torch.onnx.export(
        network, (patches[:2],), dynamo=True, external_data=False, dynamic_shapes=({0: "n"},), verbose=False
    )
    path = tmp_path / "model.onnx"
    program.save(path, external_data=False)

    assert {node.domain for node in program.model_proto.graph.node} == {""}
    assert not program.model_proto.functions
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: patches.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(output, network(patches).numpy(), rtol=0, atol=1e-3)
