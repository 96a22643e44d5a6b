"""Just enough of the protobuf wire format to look at a model before any engine does.

A message is a run of fields: a key varint (number << 3 | wire type), then a varint (0), 8 bytes (1), a length and that
many bytes (2), or 4 bytes (5). Every length is checked against the message that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MOST_FIELDS = 500_000
"""Of one file; 10,000 nodes take about 300,000. Two gigabytes of tiny fields would keep us busy for an hour."""
_FIXED_WIDTH = {1: 8, 5: 4}
_LONGEST_VARINT = 10
_LONGEST_SHAPE = 64 * _LONGEST_VARINT


class WireError(ValueError):
    """The bytes are not a protobuf message."""


class Field(NamedTuple):
    """One field: its number, the value of a varint (0 otherwise), and where its content lies: data[start:stop]."""

    number: int
    value: int
    start: int
    stop: int


class Wire:
    """The bytes of a file, read field by field, `most` fields in all."""

    def __init__(self, data: bytes, most: int = MOST_FIELDS) -> None:
        self.data = memoryview(data)
        self._left = most

    def fields(self, message: Field | None = None) -> Iterator[Field]:
        """The fields of `message` (of the whole file without one), in file order.

        Raises `WireError` where it is malformed, or when the file has more fields than are looked at.
        """
        place, stop = (message.start, message.stop) if message else (0, len(self.data))
        while place < stop:
            self._left -= 1
            if self._left < 0:
                raise WireError("it has more fields than a translator needs")
            field = _field(self.data, place, stop)
            place = field.stop
            yield field

    def text(self, field: Field) -> str:
        """The field's content as UTF-8. Raises `WireError` where it is none."""
        try:
            return str(self.data[field.start : field.stop], "utf-8")
        except UnicodeDecodeError as error:
            raise WireError("text that is not UTF-8") from error

    def varints(self, field: Field) -> tuple[int, ...]:
        """The numbers of a repeated field, packed or one alone. Raises `WireError` for more than a shape has."""
        if field.stop - field.start > _LONGEST_SHAPE:
            raise WireError("weights of too many dimensions")
        found: list[int] = []
        place = field.start
        while place < field.stop:
            value, place = _varint(self.data, place, field.stop)
            found.append(value)
        return tuple(found)


def _field(data: memoryview, place: int, stop: int) -> Field:
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
    return Field(number, value, begin, place)


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
