"""A model behind HTTP: a WSGI application for any server, without torch.

    pip install 'modality-translate[cpu]' waitress
    MTRANSLATE_MODEL=limb-mr-to-ct waitress-serve --listen=127.0.0.1:8080 --call app:from_environment

    curl --data-binary @t1.nii.gz http://127.0.0.1:8080/translate -o ct.nii.gz
    curl http://127.0.0.1:8080/spec

It knows no users and no encryption: leave it on the loopback address, or put a proxy that does both in front of it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from modality_translate import Translator, read_volume, write_volume
from modality_translate.errors import EnvelopeError, TranslationError, VolumeError

Start = Callable[[str, list[tuple[str, str]]], Any]
LARGEST_BODY = 512 * 2**20


class RefusedError(Exception):
    """What is answered instead of a volume: the status line and the reason."""


class Application:
    """POST /translate takes a .nii.gz and answers with one; GET /spec says what the model wants."""

    def __init__(self, translator: Translator, largest_body: int = LARGEST_BODY) -> None:
        self.translator = translator
        self.largest_body = largest_body
        # One volume at a time takes all cores already; the next waits instead of doubling the memory.
        self.one_at_a_time = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        try:
            kind, body = self.answer(environ)
        except RefusedError as refusal:
            status, reason = refusal.args
            kind, body = "application/json", json.dumps({"error": reason}).encode()
        else:
            status = "200 OK"
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
        return [body]

    def answer(self, environ: dict[str, Any]) -> tuple[str, bytes]:
        """Content type and body, or a `RefusedError`."""
        asked = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if asked == ("GET", "/spec"):
            return "application/json", self.translator.spec.canonical_json().encode()
        if asked == ("POST", "/translate"):
            return "application/gzip", self.translate(environ["wsgi.input"], self.length(environ))
        raise RefusedError("404 Not Found", "There are POST /translate and GET /spec.")

    def length(self, environ: dict[str, Any]) -> int:
        """Bytes of the body, believed only within limits."""
        text = environ.get("CONTENT_LENGTH") or ""
        if not text.isascii() or not text.isdigit():
            raise RefusedError("411 Length Required", "Content-Length is missing.")
        if int(text) > self.largest_body:
            raise RefusedError("413 Content Too Large", f"At most {self.largest_body} bytes are taken.")
        return int(text)

    def translate(self, body: IO[bytes], length: int) -> bytes:
        """The synthetic volume as the bytes of a .nii.gz."""
        with tempfile.TemporaryDirectory() as folder, self.one_at_a_time:
            source, target = Path(folder, "source.nii.gz"), Path(folder, "synthetic.nii.gz")
            with source.open("wb") as file:
                shutil.copyfileobj(Limited(body, length), file)
            try:
                synthetic = self.translator.translate(read_volume(source))
                stored = self.translator.spec.target.stored
                write_volume(target, synthetic, dtype=stored, description=self.translator.description(synthetic))
            except EnvelopeError as error:
                raise RefusedError("422 Unprocessable Content", error.reason) from error
            except VolumeError as error:
                raise RefusedError("400 Bad Request", error.reason) from error
            except (TranslationError, MemoryError) as error:
                reason = error.reason if isinstance(error, TranslationError) else "is too large for this machine."
                raise RefusedError("500 Internal Server Error", reason) from error
            return target.read_bytes()


class Limited:
    """The first `left` bytes of a body: servers differ on whether a body ends by itself."""

    def __init__(self, body: IO[bytes], left: int) -> None:
        self.body, self.left = body, left

    def read(self, size: int) -> bytes:
        piece = self.body.read(min(size, self.left))
        self.left -= len(piece)
        return piece


def from_environment() -> Application:
    """The application for the model in MTRANSLATE_MODEL, a file or the name of a shipped one."""
    return Application(Translator.load(os.environ["MTRANSLATE_MODEL"]))
