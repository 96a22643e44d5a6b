"""Files that lie: the browser refuses what the library refuses, with a reason, and the next file works."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from modality_translate.errors import ModelError, NothingToDoError, VolumeError
from modality_translate.exporting.metadata import sealed
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.scan import OPERATORS
from modality_translate.viewer.assets import WEB
from modality_translate.viewer.catalogue import catalogue, content
from modality_translate.volumes import read_volume

from .conftest import mixing_graph, status_has, tiny_model
from .hostile_volumes import VOLUMES, good
from .test_host import SPECS

Answers = Callable[..., list[dict[str, Any]]]


def resealed(model: onnx.ModelProto) -> bytes:
    """The model with a right hash, whatever else is wrong with it."""
    for prop in model.metadata_props:
        if prop.key == "mtranslate.sha256":
            prop.value = "0" * 64
    data = model.SerializeToString(deterministic=True)
    digest = hashlib.sha256(data).hexdigest().encode()
    return data.replace(b"0" * 64, digest)


def changed(change: Callable[[onnx.ModelProto], None]) -> bytes:
    model = onnx.ModelProto.FromString(tiny_model(SPECS["cubes of PET to CT"]))
    change(model)
    return resealed(model)


def with_entry(key: str, value: str) -> bytes:
    def change(model: onnx.ModelProto) -> None:
        next(prop for prop in model.metadata_props if prop.key == key).value = value

    return changed(change)


def with_spec(old: str, new: str) -> bytes:
    model = onnx.ModelProto.FromString(tiny_model(SPECS["cubes of PET to CT"]))
    text = next(prop.value for prop in model.metadata_props if prop.key == "mtranslate.spec")
    assert old in text
    return with_entry("mtranslate.spec", text.replace(old, new, 1))


def _size(port: onnx.ValueInfoProto, size: int) -> None:
    port.type.tensor_type.shape.dim[2].dim_value = size


def with_node(operator: str, domain: str = "", inputs: list[str] | None = None, **attributes: Any) -> bytes:
    return changed(
        lambda model: model.graph.node.append(
            helper.make_node(operator, inputs or ["source"], ["x"], domain=domain, **attributes)
        )
    )


def with_external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def untested() -> bytes:
    spec: Spec = SPECS["cubes of PET to CT"]
    return sealed(mixing_graph(spec), spec, "", "", "")


def models() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of models that the library refuses to read."""
    whole = tiny_model(SPECS["cubes of PET to CT"])
    branch = helper.make_graph([], "branch", [], [])
    yield from {
        "empty": b"",
        "noise": np.random.default_rng(4).bytes(3000),
        "text": b"not a model at all",
        "half": whole[: len(whole) // 2],
        "one byte short": whole[:-1],
        "one bit wrong": whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        "a byte more": whole + b"\0",
        "endless number": b"\xff" * 12,
        "length beyond the end": b"\x3a\xff\xff\xff\xff\x0f",
        "no metadata": mixing_graph(SPECS["cubes of PET to CT"]).SerializeToString(),
        "schema of tomorrow": with_entry("mtranslate.schema", "99"),
        "schema of words": with_entry("mtranslate.schema", "one"),
        "hash of words": whole.replace(b"mtranslate.sha256\x12\x40", b"mtranslate.sha256\x12\x40zz")[: len(whole)],
        "a key twice": changed(lambda model: model.metadata_props.add(key="mtranslate.spec", value="{}")),
        "spec of nothing": with_entry("mtranslate.spec", ""),
        "spec of junk": with_entry("mtranslate.spec", "{junk"),
        "spec of a list": with_entry("mtranslate.spec", "[1, 2]"),
        "spec too deep": with_entry("mtranslate.spec", "[" * 8000 + "]" * 8000),
        "spec too long": with_entry("mtranslate.spec", '{"name": "' + "x" * 17000 + '"}'),
        "spec with an unknown key": with_spec('"name":', '"surprise":1,"name":'),
        "spec of another orientation": with_spec('"RAS"', '"LPS"'),
        "spec with a patch of nothing": with_spec('"patch":[9,', '"patch":[0,'),
        "spec with a halo of everything": with_spec('"halo":[1,', '"halo":[5,'),
        "spec with a level of text": with_spec('"overlap":', '"skip_below":"low","overlap":'),
        "spec with full overlap": with_spec('"overlap":0.5', '"overlap":1.0'),
        "spec with infinity": with_spec('"overlap":0.5', '"overlap":1e999'),
        "spec of an unknown scaling": with_spec('"kind":"asinh"', '"kind":"magic"'),
        "spec with a window upside down": with_spec('"hi":3071.0', '"hi":-3071.0'),
        "weights elsewhere": changed(with_external),
        "a foreign domain": with_node("Identity", "com.microsoft"),
        "an unknown operator": with_node("PyOp"),
        "a loop": with_node("Loop", body=branch),
        "a branch in an attribute": with_node("Identity", then_branch=branch),
        "functions": changed(lambda model: model.functions.add(name="f", domain="d")),
        "an old opset": changed(lambda model: setattr(model.opset_import[0], "version", 7)),
        "sparse weights": changed(lambda model: model.graph.sparse_initializer.add(dims=[1])),
        "training": changed(lambda model: model.training_info.add()),
    }.items()


def test_hostile_volumes_are_refused_with_a_reason_and_the_next_one_opens(tmp_path: Path, in_browser: Answers):
    *refused, last = in_browser("open", None, [*VOLUMES.values(), good()])
    assert "nifti" in last
    for (name, data), answer in zip(VOLUMES.items(), refused, strict=True):
        assert "error" in answer, name
        assert "unforeseen" not in answer["error"], (name, answer)
        file = tmp_path / f"x.nii{'.gz' if data.startswith(bytes([0x1F, 0x8B])) else ''}"
        file.write_bytes(data)
        with pytest.raises(VolumeError):
            read_volume(file)


def with_weight(index: int, change: Callable[[float], float]) -> bytes:
    def act(model: onnx.ModelProto) -> None:
        weight = model.graph.initializer[index].float_data
        weight[0] = change(weight[0])

    return changed(act)


def with_bomb(size: int, products: int) -> bytes:
    """A model that blows its first voxel up to a square matrix and multiplies it by itself."""
    names = [f"square{number}" for number in range(products + 1)]
    nodes = [
        helper.make_node("ReduceMax", ["source"], ["one"], keepdims=0),
        helper.make_node("Expand", ["one", "size"], names[:1]),
        *(helper.make_node("MatMul", [a, a], [b]) for a, b in pairwise(names)),
        helper.make_node("ReduceMax", names[-1:], ["most"], keepdims=0),
        helper.make_node("Add", ["clipped", "most"], ["synthetic"]),
    ]

    def change(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(helper.make_tensor("size", onnx.TensorProto.INT64, [2], [size, size]))
        model.graph.node[-1].output[0] = "clipped"
        model.graph.node.extend(nodes)

    return changed(change)


def unfit() -> dict[str, tuple[bytes, str]]:
    """Models that can be read and not be used, and what is said of them."""
    return {
        "computes something else": (with_weight(1, lambda gain: gain * 1.5), "self-test"),
        "computes no numbers": (with_weight(1, lambda _: float("nan")), "NaN"),
        "carries no self-test": (untested(), "self_test"),
        "has other ports": (changed(lambda model: setattr(model.graph.output[0], "name", "moved")), "port"),
        "takes other patches": (changed(lambda model: _size(model.graph.input[0], 7)), "port"),
        "wants 40 GB": (with_bomb(100_000, 0), "failed on this model"),
        "does not load": (changed(lambda model: setattr(model.graph.node[1], "op_type", "Conv")), "does not take"),
        "uses what is not there": (changed(lambda model: model.graph.node[0].input.append("x")), "before it is made"),
        "makes a value twice": (changed(lambda model: model.graph.node.append(model.graph.node[0])), "twice"),
        "announces weights": (changed(lambda model: model.graph.initializer[0].dims.append(2**40)), "announces"),
        "computes a size": (with_node("Reshape", inputs=["source", "source"]), "computes the size"),
        "says a key twice": (with_spec('"name":', '"name":"x","name":'), "twice"),
        "says half a character": (with_spec('"name":"cubes"', '"name":"\\ud800"'), "text"),
        "wants voxels of a micron": (with_spec('"spacing":[2.5,', '"spacing":[0.001,'), "from 0.01 to 100"),
        "wants a patch of everything": (with_spec('"patch":[9,', '"patch":[90000000,'), "voxels"),
        "wants endless overlap": (with_spec('"overlap":0.5,"patch":[9,', '"overlap":0.9999,"patch":[99,'), "work"),
    }


def test_hostile_models_are_refused_with_a_reason(tmp_path: Path, in_browser_models: Answers):
    hostile, useless = dict(models()), unfit()
    files = [*hostile.values(), *(data for data, _ in useless.values()), tiny_model(SPECS["cubes of PET to CT"])]
    answers = in_browser_models(files)
    assert answers[-1]["card"] == "A <b>card</b>."
    for (name, (_, reason)), answer in zip(useless.items(), answers[len(hostile) : -1], strict=True):
        assert reason in answer.get("error", ""), (name, answer)
    file = tmp_path / "model.onnx"
    for (name, data), answer in zip(hostile.items(), answers[: len(hostile)], strict=True):
        assert "error" in answer, name
        assert "unforeseen" not in answer["error"], (name, answer)
        file.write_bytes(data)
        with pytest.raises(ModelError):
            read_model(file)


@pytest.mark.parametrize("name", VOLUMES)
def test_the_server_hands_out_no_hostile_volume(tmp_path: Path, name: str):
    data = VOLUMES[name]
    file = tmp_path / f"x.nii{'.gz' if data.startswith(bytes([0x1F, 0x8B])) else ''}"
    file.write_bytes(data)
    with pytest.raises((VolumeError, NothingToDoError)):
        content(catalogue([file]).items[0])


def test_the_server_lists_no_hostile_model(tmp_path: Path):
    for number, (_, data) in enumerate(models()):
        (tmp_path / f"{number}.onnx").write_bytes(data)
    (tmp_path / "report.json").write_text("{}")
    found = catalogue([tmp_path])
    assert [item.name for item in found.items] == ["report.json"]
    assert len(found.refused) == 37


def test_a_model_that_never_ends_is_ended_by_cancel(
    tmp_path: Path, serve: Callable[..., str], open_page: Callable[[str], Any]
):
    (tmp_path / "endless.onnx").write_bytes(with_bomb(3000, 200))
    (tmp_path / "good.onnx").write_bytes(tiny_model(SPECS["cubes of PET to CT"]))
    page = open_page(serve(tmp_path))
    status_has(page, "Opening endless.onnx")
    page.click("#cancel")
    status_has(page, "endless.onnx: Cancelled")
    page.select_option("#model", label="good.onnx")
    status_has(page, "passed its self-test")


def test_the_browser_takes_the_operators_that_the_library_takes():
    text = (WEB / "host" / "scan.js").read_text()
    listed = text[text.index("OPERATORS") : text.index('.split(" ")')]
    assert set(" ".join(part for part in listed.split('"')[1::2]).split()) == OPERATORS
