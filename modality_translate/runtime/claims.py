"""One output, one writer: a claim is a lock of the operating system, so it ends with its process, however that ends."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from modality_translate.errors import VolumeError
from modality_translate.volumes.atomic import REMEDIES

FOLDER = ".mtranslate"
"""Within the output folder: locks of the moment, and journals."""
_ATTEMPTS = 1000
"""At making a lock's folder while others remove it, empty, at the end of their runs."""


@dataclass(frozen=True)
class Claim:
    """The right to write one output. A context manager: it is given up at the end."""

    path: Path
    handle: int

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Removed while still locked: whoever has it open finds another file, or none, under the name and tries again.
        with suppress(OSError):  # left for the next sweep
            self.path.unlink()
        os.close(self.handle)


def take(folder: Path, output: str) -> Claim | None:
    """The claim on `output`, a path within the output folder `folder`; none while another run or thread holds it.

    Raises `VolumeError` where the folder cannot be written or its file system has no locks.
    """
    path = _lock(folder, output)
    try:
        return _locked(path, output)
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "Choose a file system with locks (Lustre: mount with -o flock).")
        raise VolumeError(folder / output, f"cannot be claimed: {error.strerror or error}.", remedy) from error


def holder(folder: Path, output: str) -> str:
    """Who has claimed `output`, for people: "process 4711 on node7"."""
    try:
        found = json.loads(_lock(folder, output).read_text("ascii"))
        return f"process {found['pid']} on {found['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def sweep_locks(folder: Path) -> None:
    """Remove the lock files that killed runs left in the output folder `folder`."""
    for path in (folder / FOLDER).glob("*.lock"):
        claim = _locked(path, "")
        if claim is not None:
            with claim:
                pass


def tidy(folder: Path) -> None:
    """Remove the folder of locks and journals, if it is empty."""
    with suppress(OSError):  # in use, or never made
        (folder / FOLDER).rmdir()


def _lock(folder: Path, output: str) -> Path:
    # A digest, because names may be as long as the file system allows.
    name = hashlib.blake2b(output.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    return folder / FOLDER / f"{name}.lock"


def _locked(path: Path, output: str) -> Claim | None:
    while True:
        handle = _opened(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, handle):
                _sign(handle, output)
                return Claim(path, handle)
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _opened(path: Path) -> int:
    for _ in range(_ATTEMPTS):
        # FileExistsError comes from mkdir too, where the folder is gone again when it is looked at.
        with suppress(FileNotFoundError, FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent))


def _is_still(path: Path, handle: int) -> bool:
    """Whether the file locked is the one under the name: the last holder may have removed it in between."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _sign(handle: int, output: str) -> None:
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "output": output})
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode("ascii"), 0)
