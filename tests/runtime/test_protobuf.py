from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.runtime.protobuf import WireError, fields, text


def read(data: bytes) -> list[tuple[int, int, bytes]]:
    return [(f.number, f.value, data[f.start : f.stop]) for f in fields(memoryview(data), 0, len(data))]


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
    (field,) = fields(memoryview(data), 0, len(data))
    with pytest.raises(WireError, match="not UTF-8"):
        text(memoryview(data), field)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes):
    try:
        found = read(data)
    except WireError:
        return
    assert sum(len(content) for _, _, content in found) <= len(data)
