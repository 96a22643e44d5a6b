from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.runtime.protobuf import Wire, WireError


def read(data: bytes) -> list[tuple[int, int, bytes]]:
    return [(f.number, f.value, data[f.start : f.stop]) for f in Wire(data).fields()]


def test_each_kind_of_field_is_read():
    data = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x1d1234" + b"\x2112345678"
    assert [(n, v) for n, v, _ in read(data)] == [(1, 150), (2, 0), (3, 0), (4, 0)]
    assert [content for _, _, content in read(data)][1:] == [b"hi", b"1234", b"12345678"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08", "in the middle of a number"),
        (b"\x12\x05abc", "longer than its message"),
        (b"\x1d12", "longer than its message"),
        (b"\x0b", "wire type 3"),
        (b"\x00\x01", "field number 0"),
        (b"\x08" + b"\xff" * 10, "number is too long"),
    ],
)
def test_a_malformed_message_is_told(data: bytes, reason: str):
    with pytest.raises(WireError, match=reason):
        read(data)


def test_text_must_be_utf8():
    data = b"\x0a\x01\xff"
    wire = Wire(data)
    (field,) = wire.fields()
    with pytest.raises(WireError, match="not UTF-8"):
        wire.text(field)


def test_packed_numbers_and_single_ones_are_read_alike():
    wire = Wire(b"\x0a\x03\x05\x96\x01" + b"\x08\x96\x01")
    assert [wire.varints(field) for field in wire.fields()] == [(5, 150), (150,)]


def test_a_file_of_countless_fields_is_not_read_to_its_end():
    wire = Wire(b"\x08\x01" * 1000, most=999)
    with pytest.raises(WireError, match="more fields than a translator needs"):
        list(wire.fields())


def test_a_shape_of_countless_dimensions_is_refused():
    wire = Wire(b"\x0a\xe8\x07" + b"\x01" * 1000)
    (field,) = wire.fields()
    with pytest.raises(WireError, match="too many dimensions"):
        wire.varints(field)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes):
    try:
        found = read(data)
    except WireError:
        return
    assert sum(len(content) for _, _, content in found) <= len(data)
