"""Bytes of one file in order: plain, or gzip with every member's CRC32 and length verified to the end of the file."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from isal import igzip_lib

from modality_translate.errors import VolumeError

CHUNK = 2**20
GZIP_MAGIC = b"\x1f\x8b"
DEFLATE_LIMIT = 1032
"""No deflate stream unpacks to more than this many times its size."""
SUSPECT_RATIO, SUSPECT_BYTES = 400, 2**30
"""A scan never packs this well at this size; refusing it answers a gzip bomb before any work."""
IsalError: Any = igzip_lib.IsalError  # its stub calls the class an instance
COPY_AGAIN = "Copy or download the file again."


class Stream(ABC):
    """Reads forward only. `size` is the file's length on disk, `position` the number of bytes delivered so far."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self.position = 0

    @abstractmethod
    def piece(self, limit: int) -> bytes:
        """The next 1 to `limit` bytes; empty at the end."""

    @abstractmethod
    def require(self, wanted: int) -> None:
        """Refuse, before any allocation, a file that cannot hold `wanted` bytes."""

    def read(self, count: int) -> bytes:
        """`count` bytes, fewer only at the end of the stream."""
        pieces: list[bytes] = []
        missing = count
        while missing and (piece := self.piece(min(missing, CHUNK))):
            pieces.append(piece)
            missing -= len(piece)
        self.position += count - missing
        return b"".join(pieces)

    def exactly(self, count: int) -> bytes:
        """`count` bytes, or a VolumeError that says how many there were."""
        data = self.read(count)
        if len(data) < count:
            wanted = self.position - len(data) + count
            raise VolumeError(self.path, f"is truncated: {self.position} of {wanted} bytes are there.", COPY_AGAIN)
        return data

    def skip_to(self, position: int) -> None:
        """Go forward to `position` by reading, in bounded pieces."""
        while self.position < position:
            self.exactly(min(position - self.position, CHUNK))

    def finish(self, slack: int) -> tuple[str, ...]:
        """Read to the end of the file; note up to `slack` bytes nobody asked for, refuse more."""
        extra = 0
        while piece := self.piece(CHUNK):
            extra += len(piece)
            if extra > slack:
                reason = f"holds more than the {self.position} bytes its header describes, so the header is wrong."
                raise VolumeError(self.path, reason, COPY_AGAIN)
        return (f"{extra} bytes after the voxels were ignored",) if extra else ()


class PlainStream(Stream):
    """An uncompressed file."""

    def piece(self, limit: int) -> bytes:
        return self.file.read(limit)

    def skip_to(self, position: int) -> None:
        self.file.seek(position)
        self.position = position

    def require(self, wanted: int) -> None:
        if self.size < wanted:
            raise VolumeError(self.path, f"is truncated: {self.size} of {wanted} bytes are there.", COPY_AGAIN)


class GzipStream(Stream):
    """A gzip file of one or more members. Unpacks no further than it is read, so its memory is bounded."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        super().__init__(path, file)
        self.garbage = 0
        self._pending = file.read(CHUNK)
        self._member: igzip_lib.IgzipDecompressor | None = None
        if not self._pending.startswith(GZIP_MAGIC):
            raise VolumeError(path, "is not gzip-compressed, although its name says so.", "Rename or copy it again.")

    def piece(self, limit: int) -> bytes:
        while self._open_member():
            data = self._unpack(limit)
            if data:
                return data
        return b""

    def require(self, wanted: int) -> None:
        if wanted > DEFLATE_LIMIT * self.size:
            reason = (
                f"is truncated or lies: {self.size} compressed bytes cannot unpack to the {wanted} bytes announced."
            )
            raise VolumeError(self.path, reason, COPY_AGAIN)
        if wanted > SUSPECT_BYTES and wanted > SUSPECT_RATIO * self.size:
            reason = f"would unpack {self.size} bytes to {wanted}, which no scan does (a gzip bomb?)."
            raise VolumeError(self.path, reason, "If it is genuine, unpack it first with gunzip.")

    def finish(self, slack: int) -> tuple[str, ...]:
        notes = super().finish(slack)
        return (*notes, f"{self.garbage} bytes after the gzip data were ignored") if self.garbage else notes

    def _open_member(self) -> bool:
        """Make sure a member is open; False when all are done and only garbage, if anything, is left."""
        if self._member is not None and not self._member.eof:
            return True
        rest = self._pending if self._member is None else self._member.unused_data
        if len(rest) < len(GZIP_MAGIC):
            rest += self.file.read(CHUNK)
        if not rest.startswith(GZIP_MAGIC):
            self._count_garbage(len(rest))
            return False
        self._pending, self._member = rest, igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        return True

    def _count_garbage(self, first: int) -> None:
        if not self.garbage:
            self.garbage = first + self.size - self.file.tell()
            self.file.seek(0, os.SEEK_END)

    def _unpack(self, limit: int) -> bytes:
        data, self._pending = self._pending, b""
        assert self._member is not None
        if not data and self._member.needs_input:
            data = self.file.read(CHUNK)
            if not data:
                raise VolumeError(self.path, "is truncated: the gzip data stop half-way.", COPY_AGAIN)
        try:
            unpacked: bytes = self._member.decompress(data, limit)
        except IsalError as error:
            raise VolumeError(self.path, f"is damaged: {_tidy(error)}.", COPY_AGAIN) from error
        return unpacked


def _tidy(error: Exception) -> str:
    """The library's words without its number: "incorrect checksum found"."""
    words = str(error).split(maxsplit=2)[-1]
    return f"gzip data, {words[:1].lower()}{words[1:]}"


@contextmanager
def open_stream(path: Path, *, packed: bool) -> Iterator[Stream]:
    """The bytes of a regular file; `packed` files are unpacked and verified.

    Raises VolumeError for what is missing, forbidden or not a regular file, and for every failure while reading.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise VolumeError(path, "is not a regular file.", "Give a file on disk.")
            if not os.fstat(file.fileno()).st_size:
                raise VolumeError(path, "is empty.", COPY_AGAIN)
            yield GzipStream(path, file) if packed else PlainStream(path, file)
    except FileNotFoundError as error:
        raise VolumeError(path, "does not exist.", "Check the spelling of the path.") from error
    except IsADirectoryError as error:
        raise VolumeError(path, "is a folder, not a file.", "Give one of the files in it.") from error
    except PermissionError as error:
        raise VolumeError(path, "may not be read: permission denied.", "Change its permissions.") from error
    except OSError as error:
        raise VolumeError(
            path, f"cannot be read: {error.strerror or error}.", "Check the path and the disk."
        ) from error
    except MemoryError as error:
        raise VolumeError(path, "does not fit into memory.", "Use a machine with more memory.") from error


def _open_without_waiting(name: str, flags: int) -> int:
    """A named pipe would block a plain open for ever."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
