"""Model files made to do harm: each a function of a sound graph and spec that gives the bytes of a file.

None of them may reach an engine; those that look like translators are in hostile_bombs.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from modality_translate.exporting import metadata
from modality_translate.pipeline.spec import Spec

Make = Callable[[onnx.ModelProto, Spec], bytes]


def sealed(model: onnx.ModelProto, spec: Spec | str, schema: str = "1", **more: str) -> bytes:
    """A file with a right hash around anything."""
    text = spec if isinstance(spec, str) else spec.canonical_json()
    entries = {"mtranslate.schema": schema, "mtranslate.spec": text, **more, "mtranslate.sha256": "0" * 64}
    onnx.helper.set_model_props(model, entries)
    return metadata._seal(model.SerializeToString(deterministic=True))


def resealed(data: bytes) -> bytes:
    """`data`, changed by hand, with the hash made right again."""
    at = data.index(b"mtranslate.sha256") + len(b"mtranslate.sha256") + 2
    return metadata._seal(data[:at] + b"0" * 64 + data[at + 64 :])


def changed(change: Callable[[onnx.ModelProto], Any], **more: str) -> Make:
    def make(model: onnx.ModelProto, spec: Spec) -> bytes:
        change(model)
        return sealed(model, spec, **more)

    return make


def external(location: str, *, attribute: bool = False) -> Make:
    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        if attribute:
            tensor = onnx.TensorProto()
            tensor.CopyFrom(helper.make_tensor("t", TensorProto.FLOAT, [], [1.0]))
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        if attribute:
            model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))

    return changed(change)


def node(operator: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: Any) -> Make:
    return changed(
        lambda m: m.graph.node.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
    )


def nested_graphs(depth: int) -> onnx.NodeProto:
    inner = helper.make_node("Relu", ["source"], ["x"])
    for _ in range(depth):
        inner = helper.make_node("Identity", ["source"], ["x"], body=helper.make_graph([inner], "g", [], []))
    return inner


def message(number: int, content: bytes) -> bytes:
    """A field of protobuf that holds `content`."""
    length, varint = len(content), bytearray()
    while length > 127:
        varint.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *varint, length]) + content


def nested_beyond_every_parser() -> bytes:
    """A graph in an attribute of a node of a graph, ten thousand times."""
    inner = b""
    for _ in range(10_000):
        inner = message(1, message(5, message(6, inner)))
    return message(7, inner)


def appended(data: bytes) -> Make:
    """`data` in front of a sound file, whose hash is made right."""
    return lambda model, spec: resealed(data + sealed(model, spec))


def raw(data: bytes) -> Make:
    return lambda _model, _spec: data


def cut_short(model: onnx.ModelProto, spec: Spec) -> bytes:
    return sealed(model, spec)[:-70]


def bit_flipped(model: onnx.ModelProto, spec: Spec) -> bytes:
    data = bytearray(sealed(model, spec))
    data[len(data) // 2] ^= 4
    return bytes(data)


def wrong_hash(model: onnx.ModelProto, spec: Spec) -> bytes:
    return sealed(model, spec)[:-64] + b"0" * 64


def upper_hash(model: onnx.ModelProto, spec: Spec) -> bytes:
    data = sealed(model, spec)
    return data[:-64] + data[-64:].upper().replace(b"0", b"A")


def doubled_key(model: onnx.ModelProto, spec: Spec) -> bytes:
    model.metadata_props.add(key="mtranslate.spec", value="{}")
    return resealed(message(14, model.metadata_props[0].SerializeToString()) + sealed(model, spec))


def renamed(node_: int, **names: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for field, name in names.items():
            getattr(model.graph.node[node_], field)[0] = name

    return change


def announced(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [2**40, 2**40]


def second_graph(model: onnx.ModelProto, spec: Spec) -> bytes:
    return resealed(message(7, model.graph.SerializeToString()) + sealed(model, spec))


def port(change: Callable[[Any], None], *, output: bool = False) -> Make:
    return changed(lambda m: change((m.graph.output if output else m.graph.input)[0]))


def dim(place: int, size: int) -> Callable[[Any], None]:
    return lambda p: setattr(p.type.tensor_type.shape.dim[place], "dim_value", size)


GRAPHS: dict[str, Make] = {
    "external_relative": external("weights.bin"),
    "external_absolute": external("/etc/passwd"),
    "external_traversal": external("../../../../etc/passwd"),
    "external_device": external("/dev/zero"),
    "external_proc": external("/proc/self/mem"),
    "external_link": external("link"),
    "external_in_an_attribute": external("weights.bin", attribute=True),
    "external_location_without_a_mark": changed(
        lambda m: m.graph.initializer[0].external_data.add(key="location", value="x")
    ),
    "foreign_domain": node("FusedConv", ["source"], ["x"], "com.microsoft"),
    "python_operator": node("PyOp", ["source"], ["x"], "ai.onnx.contrib"),
    "training_domain": node("Gradient", ["source"], ["x"], "ai.onnx.preview.training"),
    "foreign_opset": changed(lambda m: m.opset_import.append(helper.make_opsetid("com.example", 1))),
    "endless_loop": node("Loop", ["", "", "source"], ["x"], body=helper.make_graph([], "g", [], [])),
    "branch": node("If", ["source"], ["x"], then_branch=helper.make_graph([], "g", [], [])),
    "scan": node("Scan", ["source"], ["x"], body=helper.make_graph([], "g", [], [])),
    "graph_in_a_harmless_node": node("Relu", ["source"], ["x"], body=helper.make_graph([], "g", [], [])),
    "deep_nesting": changed(lambda m: m.graph.node.append(nested_graphs(30))),
    "function": changed(lambda m: m.functions.add(name="Relu")),
    "training_steps": changed(lambda m: m.training_info.add()),
    "sparse_weights": changed(lambda m: m.graph.sparse_initializer.add()),
    "constant_of_shape": node("ConstantOfShape", ["gain"], ["x"]),
    "endless_range": node("Range", ["gain", "gain", "gain"], ["x"]),
    "non_zero": node("NonZero", ["source"], ["x"]),
    "random_numbers": node("RandomNormal", [], ["x"], shape=[1000, 1000, 1000]),
    "string_operator": node("StringNormalizer", ["source"], ["x"]),
    "lower_case_operator": node("relu", ["source"], ["x"]),
    "operator_with_escapes": node("\x1b[2JRelu", ["source"], ["x"]),
    "countless_nodes": changed(
        lambda m: m.graph.node.extend([helper.make_node("Relu", ["source"], [f"n{i}"]) for i in range(10_001)])
    ),
    "old_opset": changed(lambda m: setattr(m.opset_import[0], "version", 1)),
    "opset_of_the_future": changed(lambda m: setattr(m.opset_import[0], "version", 2**40)),
    "no_opset": changed(lambda m: m.ClearField("opset_import")),
    "no_graph": changed(lambda m: m.ClearField("graph")),
    "two_graphs": second_graph,
    "value_made_twice": changed(renamed(1, output="scaled")),
    "cycle": changed(renamed(0, input="moved")),
    "value_from_nowhere": changed(renamed(0, input="nowhere")),
    "weight_named_as_the_input": changed(lambda m: setattr(m.graph.initializer[0], "name", "source")),
    "computed_reshape": node("Reshape", ["source", "scaled"], ["x"]),
    "computed_resize": node("Resize", ["source", "", "scaled"], ["x"]),
    "computed_tile": node("Tile", ["source", "scaled"], ["x"]),
    "computed_slice": node("Slice", ["source", "scaled", "scaled"], ["x"]),
    "announced_weights": changed(announced),
    "double_input": port(lambda p: setattr(p.type.tensor_type, "elem_type", TensorProto.DOUBLE)),
    "other_port_name": port(lambda p: setattr(p, "name", "moved"), output=True),
    "patch_unlike_the_spec": port(dim(2, 10**9)),
    "size_named_in_no_text": lambda m, s: resealed(sealed(m, s).replace(b"batch", b"\xff\xfe\xff\xfe\xff")),
    "negative_size": port(dim(2, -8)),
    "fixed_batch": port(dim(0, 1)),
    "second_input": changed(
        lambda m: m.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))
    ),
    "no_output": changed(lambda m: m.graph.ClearField("output")),
    "empty": raw(b""),
    "zeros": raw(bytes(4096)),
    "noise": raw(np.random.default_rng(0).bytes(4096)),
    "pickle": raw(b"\x80\x04\x95cos\nsystem\n(S'touch owned'\ntR."),
    "zip": raw(b"PK\x03\x04" + bytes(100)),
    "text": raw(b"<html><script>alert(1)</script></html>"),
    "pointer_of_git_lfs": raw(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    "giant_varint": appended(b"\x08" + b"\xff" * 10 + b"\x01"),
    "length_beyond_the_file": appended(b"\x3a\xff\xff\xff\xff\x0f"),
    "length_beyond_64_bits": appended(b"\x3a" + b"\xff" * 9 + b"\x7f"),
    "nested_beyond_every_parser": appended(nested_beyond_every_parser()),
    "group": appended(b"\x0b\x0c"),
    "field_zero": appended(b"\x00\x00"),
    "countless_fields": appended(b"\x08\x0a" * 500_001),
    "key_that_is_no_text": appended(b"\x72\x04\x0a\x02\xff\xfe"),
    "cut_short": cut_short,
    "bit_flipped": bit_flipped,
    "wrong_hash": wrong_hash,
    "hash_in_capitals": upper_hash,
    "key_twice": doubled_key,
    "no_spec": lambda m, s: sealed(m, s).replace(b"mtranslate.spec", b"mtranslate.spex"),
}
