"""The whole page as one HTML file, with models and volumes inside, that works when opened from disk."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator

from modality_translate.errors import TranslationError
from modality_translate.viewer.assets import assets
from modality_translate.viewer.bundle import bundle
from modality_translate.viewer.catalogue import Item, content

LARGEST = 256 * 2**20
"""Bytes inside, before packing: a browser must parse the file and hold it."""
MODULES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs")
WASM = "ort-wasm-simd-threaded.wasm.gz"
_OURS = re.compile(r"^.*(?:niivue\.umd\.js|page/served\.js|style\.css).*\n", re.MULTILINE)
_PACKING = 6


def single_page(items: Iterable[Item]) -> str:
    """The HTML of a page that holds the models and volumes of `items`, checked, and asks for nothing else.

    Raises `VolumeError` or `ModelError` for an item that cannot be trusted, `TranslationError` for reports and when
    all together are too large.
    """
    head, foot = _OURS.sub("", _text("index.html")).split("</head>")
    viewer, style = _inline(_text("vendor/niivue.umd.js")), _text("style.css")
    start = _inline(bundle("page/single.js"))
    blocks = "".join(_blocks(items))
    return "".join([
        head,
        f'<meta http-equiv="Content-Security-Policy" content="{_policy([viewer, start], style)}">\n',
        f"<style>{style}</style>\n<script>{viewer}</script>\n</head>",
        foot.replace("</body>", f'{blocks}<script type="module">{start}</script>\n</body>'),
    ])  # fmt: skip


def _policy(scripts: list[str], style: str) -> str:
    """Only these scripts run, and no address can be reached: the browser itself keeps the data here."""
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed} 'wasm-unsafe-eval' blob:; worker-src blob:; "
        f"style-src {_digest(style)}; img-src blob: data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _blocks(items: Iterable[Item]) -> Iterator[str]:
    """Data that no browser runs; page/single.js reads it by its ids."""
    licences = _text("vendor/LICENSES.txt") + _text("vendor/onnxruntime-ThirdPartyNotices.txt")
    yield _block("licences", _packed(licences.encode()))
    yield _block("worker", _packed(bundle("host/worker.js").encode()))
    for name in MODULES:
        yield _block(name, _packed(_text(f"vendor/{name}").encode()))
    yield _block("wasm", assets()[f"vendor/{WASM}"].read_bytes())
    yield from _files(items)


def _files(items: Iterable[Item]) -> Iterator[str]:
    listed, inside = [], 0
    for item in items:
        if item.kind == "report":
            raise TranslationError(item.path, "is a report, which cannot be part of the page.", "Leave it out.")
        data = content(item)
        inside += len(data)
        if inside > LARGEST:
            reason = f"makes the page too large: over {LARGEST // 2**20} MiB inside."
            raise TranslationError(item.path, reason, "Leave volumes out, or serve them without --html.")
        yield _block(item.id, _packed(data))
        listed.append(item.listed())
    yield f'<script type="application/json" id="files">{json.dumps(listed).replace("<", chr(92) + "u003c")}</script>\n'


def _block(name: str, data: bytes) -> str:
    return f'<script type="application/octet-stream" id="{name}">{base64.b64encode(data).decode()}</script>\n'


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, _PACKING, mtime=0)


def _inline(script: str) -> str:
    """A script that HTML does not end early: in JavaScript the two spellings mean the same."""
    return script.replace("</script", "<\\/script").replace("<!--", "\\x3c!--")


def _text(address: str) -> str:
    return assets()[address].read_text("utf-8")
