"""A server for one person on this computer: loopback only, every address behind a secret, reading only."""

from __future__ import annotations

import json
import secrets
import sys
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

from modality_translate.errors import TranslationError
from modality_translate.viewer.assets import TYPES, assets
from modality_translate.viewer.catalogue import Catalogue, Item, content

LOOPBACK = "127.0.0.1"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""A report is a finished page: pictures and styles inside, no scripts."""
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""The first two make the page isolated, without which a browser gives no threads."""
IDLE_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    body: bytes
    type: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK
    policy: str = PAGE_POLICY


NOT_FOUND = Answer(b"Not found.\n", status=HTTPStatus.NOT_FOUND)
WRONG_HOST = Answer(b"This server answers to 127.0.0.1 only.\n", status=HTTPStatus.MISDIRECTED_REQUEST)


@dataclass
class Site:
    """What is served, by address behind `secret`."""

    catalogue: Catalogue
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, target: str) -> Answer:
        """The answer to a request for this target, such as "/SECRET/files/ID"."""
        prefix = f"/{self.secret}/"
        path = urlsplit(target).path
        if not path.startswith(prefix):
            return NOT_FOUND
        address = path.removeprefix(prefix) or "index.html"
        if address == "files.json":
            listed = [item.listed() for item in self.catalogue.items]
            return Answer(json.dumps(listed).encode(), TYPES[".json"])
        if address.startswith("files/"):
            return self._file(address.removeprefix("files/"))
        found = assets().get(address)
        return NOT_FOUND if found is None else Answer(found.read_bytes(), TYPES[found.suffix])

    def _file(self, name: str) -> Answer:
        item = next((item for item in self.catalogue.items if item.id == name), None)
        if item is None:
            return NOT_FOUND
        try:
            # One volume at a time: a page that asks for many must not fill the memory.
            with self._reading:
                body = content(item)
        except TranslationError as error:
            return Answer(str(error).encode("utf-8", "replace"), status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return _as_answer(item, body)


def _as_answer(item: Item, body: bytes) -> Answer:
    if item.kind != "report":
        return Answer(body, "application/octet-stream")
    return Answer(body, TYPES[item.path.suffix.lower()], policy=REPORT_POLICY)


def open_server(site: Site, port: int) -> ThreadingHTTPServer:
    """A server bound to 127.0.0.1 at `port` (0 for a free one); call its serve_forever().

    Raises OSError when the port is taken.
    """
    handler = type("Handler", (_Handler,), {"site": site})
    return _Server((LOOPBACK, port), handler)


def address(server: ThreadingHTTPServer, site: Site) -> str:
    """What to open in a browser."""
    return f"http://{LOOPBACK}:{server.server_port}/{site.secret}/"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that is closed while it loads is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    site: ClassVar[Site]
    server: ThreadingHTTPServer
    timeout = IDLE_SECONDS
    server_version, sys_version = "mtranslate", ""

    def do_GET(self) -> None:
        self._send(self._answer(), with_body=True)

    def do_HEAD(self) -> None:
        self._send(self._answer(), with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: addresses hold the secret, and the terminal is for people."""

    def _answer(self) -> Answer:
        # A foreign page that has its own name point here (DNS rebinding) is known by that name.
        known = {f"{host}:{self.server.server_port}" for host in (LOOPBACK, "localhost")}
        return self.site.answer(self.path) if self.headers.get("Host") in known else WRONG_HOST

    def _send(self, answer: Answer, *, with_body: bool) -> None:
        self.send_response(answer.status)
        for name, value in {**HEADERS, "Content-Security-Policy": answer.policy, "Content-Type": answer.type}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)
