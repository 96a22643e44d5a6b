"""One gzip member, made by several threads: the same bytes whatever their number."""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from isal import isal_zlib

Piece = Callable[[], bytes]
LEVEL = 3
"""isal's best: less than the size of zlib's level 1 at a multiple of its speed."""
RAW = -15
"""zlib's code for deflate without a wrapper."""
MEMBER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
"""A gzip header with neither file name, time nor operating system."""
MOST_THREADS = 4


class _Packed(NamedTuple):
    data: bytes
    crc: int
    length: int


def packed(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """The gzip member that unpacks to all `pieces`, each called and compressed in a thread, a few ahead at most.

    Every piece is compressed by itself and ends on a byte, which costs a few hundredths of a percent. What a piece
    raises is raised here.
    """
    crc = length = 0
    yield MEMBER
    for part in _in_order(pieces):
        crc = isal_zlib.crc32_combine(crc, part.crc, part.length)
        length += part.length
        yield part.data
    yield isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW).flush()
    yield struct.pack("<II", crc, length % 2**32)


def _in_order(pieces: Iterable[Piece]) -> Iterator[_Packed]:
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, "pack") as pool:
        waiting: deque[Future[_Packed]] = deque()
        for piece in pieces:
            waiting.append(pool.submit(_deflated, piece))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _deflated(piece: Piece) -> _Packed:
    data = piece()
    packer = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW)
    deflated = packer.compress(data) + packer.flush(isal_zlib.Z_SYNC_FLUSH)
    return _Packed(deflated, isal_zlib.crc32(data), len(data))
