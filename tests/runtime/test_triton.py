from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import Spec, Tiling
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.triton import write_repository

FP32 = 11


def model_config() -> Any:
    """The fields we write of Triton's own `ModelConfig` (its model_config.proto): names, numbers and types."""
    text = """
    name: "triton.proto" package: "inference" syntax: "proto3"
    enum_type { name: "DataType" value { name: "TYPE_INVALID" number: 0 } value { name: "TYPE_FP32" number: 11 } }
    message_type { name: "ModelInput"
      field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
      field { name: "data_type" number: 2 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".inference.DataType" }
      field { name: "dims" number: 4 label: LABEL_REPEATED type: TYPE_INT64 } }
    message_type { name: "ModelOutput"
      field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
      field { name: "data_type" number: 2 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".inference.DataType" }
      field { name: "dims" number: 3 label: LABEL_REPEATED type: TYPE_INT64 } }
    message_type { name: "ModelDynamicBatching" }
    message_type { name: "ModelParameter"
      field { name: "string_value" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING } }
    message_type { name: "ModelConfig"
      field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
      field { name: "max_batch_size" number: 4 label: LABEL_OPTIONAL type: TYPE_INT32 }
      field { name: "input" number: 5 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".inference.ModelInput" }
      field { name: "output" number: 6 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".inference.ModelOutput" }
      field { name: "dynamic_batching" number: 11 label: LABEL_OPTIONAL type: TYPE_MESSAGE
              type_name: ".inference.ModelDynamicBatching" }
      field { name: "parameters" number: 14 label: LABEL_REPEATED type: TYPE_MESSAGE
              type_name: ".inference.ModelConfig.ParametersEntry" }
      field { name: "backend" number: 17 label: LABEL_OPTIONAL type: TYPE_STRING }
      nested_type { name: "ParametersEntry" options { map_entry: true }
        field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
        field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE
                type_name: ".inference.ModelParameter" } } }
    """
    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(text, descriptor_pb2.FileDescriptorProto()))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))()


def read_config(folder: Path) -> Any:
    return text_format.Parse((folder / "config.pbtxt").read_text("ascii"), model_config())


def test_the_configuration_says_what_the_graph_takes(model: Path, tmp_path: Path, spec: Spec):
    folder = write_repository(read_model(model), tmp_path / "repository")
    config = read_config(folder)
    assert (folder, config.name, config.backend) == (tmp_path / "repository" / "tiny", "tiny", "onnxruntime")
    session = onnxruntime.InferenceSession(folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    for ports, found in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        assert [(p.name, p.data_type, ["batch", *p.dims]) for p in ports] == [(f.name, FP32, f.shape) for f in found]
    assert json.loads(config.parameters["mtranslate.spec"].string_value) == json.loads(spec.canonical_json())
    assert config.HasField("dynamic_batching")


def test_the_served_file_is_the_model_to_the_byte(model: Path, tmp_path: Path):
    folder = write_repository(read_model(model), tmp_path)
    assert (folder / "1" / "model.onnx").read_bytes() == model.read_bytes()


def test_a_halo_and_large_patches_are_told(
    seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec, tmp_path: Path
):
    loaded = read_model(seal(graph))
    object.__setattr__(
        loaded, "spec", spec.model_copy(update={"tiling": Tiling(patch=(256, 256, 65), halo=(0, 0, 32))})
    )
    config = read_config(write_repository(loaded, tmp_path / "repository"))
    assert list(config.input[0].dims) == [1, 256, 256, 65]
    assert list(config.output[0].dims) == [1, 256, 256, 1]
    assert config.max_batch_size == 1


def test_any_name_stays_inside_the_repository_and_in_its_quotes(
    seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec, tmp_path: Path
):
    wild = 'x/../../../etc"\\\n}é'
    folder = write_repository(read_model(seal(graph, spec.model_copy(update={"name": wild}))), tmp_path / "r")
    assert folder.parent == tmp_path / "r"
    config = read_config(folder)
    assert config.name == folder.name
    assert json.loads(config.parameters["mtranslate.spec"].string_value)["name"] == wild


def test_nothing_is_overwritten_unless_asked(model: Path, tmp_path: Path):
    loaded = read_model(model)
    write_repository(loaded, tmp_path / "r")
    with pytest.raises(ModelError, match=r"is already there.*--overwrite"):
        write_repository(loaded, tmp_path / "r")
    assert write_repository(loaded, tmp_path / "r", overwrite=True).is_dir()


def test_a_repository_that_cannot_be_made_is_told(model: Path):
    with pytest.raises(ModelError, match="cannot be made"):
        write_repository(read_model(model), model)
