"""Threads change neither the bytes nor what they unpack to."""

import gzip
import random

import pytest

from modality_translate.volumes import packing
from modality_translate.volumes.packing import packed


def member(pieces):
    return b"".join(packed([lambda piece=piece: piece for piece in pieces]))


@pytest.mark.parametrize("sizes", [[], [0], [352, 0, 1], [70000, 3, 2**21, 5]])
def test_the_pieces_come_back_from_one_member(sizes):
    pieces = [random.Random(size).randbytes(size // 2) + bytes(size - size // 2) for size in sizes]
    data = member(pieces)
    assert gzip.decompress(data) == b"".join(pieces)
    assert data.count(packing.MEMBER) == 1


@pytest.mark.parametrize("cores", [1, 2, 7, None])
def test_the_number_of_threads_changes_nothing(monkeypatch, cores):
    pieces = [bytes([n % 7]) * 5000 + random.Random(n).randbytes(500) for n in range(40)]
    expected = member(pieces)
    monkeypatch.setattr(packing.os, "cpu_count", lambda: cores)
    assert member(pieces) == expected


def test_no_more_than_a_few_pieces_are_held(monkeypatch):
    monkeypatch.setattr(packing.os, "cpu_count", lambda: 2)
    asked = []

    def pieces():
        for n in range(50):
            asked.append(n)
            yield lambda: bytes(1000)

    given = packed(pieces())
    for taken in range(20):
        next(given)
        assert len(asked) <= taken + 3


def test_what_a_piece_raises_ends_the_packing():
    def broken():
        raise ValueError("no such slab")

    with pytest.raises(ValueError, match="no such slab"):
        list(packed([lambda: b"a", broken, lambda: b"b"]))
