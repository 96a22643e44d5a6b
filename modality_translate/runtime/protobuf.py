"""Just enough of the protobuf wire format to look at a model before any engine does.

A message is a run of fields: a key varint (number << 3 | wire type), then a varint (0), 8 bytes (1), a length and that
many bytes (2), or 4 bytes (5). Every length is checked against the message that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_FIXED_WIDTH = {1: 8, 5: 4}
_LONGEST_VARINT = 10


class WireError(ValueError):
    """The bytes are not a protobuf message."""


class Field(NamedTuple):
    """One field: its number, the value of a varint (0 otherwise), and where its content lies: data[start:stop]."""

    number: int
    value: int
    start: int
    stop: int


def fields(data: memoryview, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message in data[start:stop], in file order. Raises `WireError` where it is malformed."""
    place = start
    while place < stop:
        key, place = _varint(data, place, stop)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise WireError("field number 0")
        value, begin = 0, place
        if wire == 0:
            value, place = _varint(data, place, stop)
        elif wire == 2:
            length, begin = _varint(data, place, stop)
            place = begin + length
        elif wire in _FIXED_WIDTH:
            place += _FIXED_WIDTH[wire]
        else:
            raise WireError(f"wire type {wire}")
        if place > stop:
            raise WireError("a field is longer than its message")
        yield Field(number, value, begin, place)


def text(data: memoryview, field: Field) -> str:
    """The field's content as UTF-8. Raises `WireError` where it is none."""
    try:
        return str(data[field.start : field.stop], "utf-8")
    except UnicodeDecodeError as error:
        raise WireError("text that is not UTF-8") from error


def _varint(data: memoryview, place: int, stop: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if place >= stop:
            raise WireError("it ends in the middle of a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, place
    raise WireError("a number is too long")
