"""Fetch the libraries of the page from the npm registry into the package: python export/web/vendor.py

The two versions are pinned by the digests of npm; what is written is listed in vendor/SHA256SUMS, as it was before
packing. `mtranslate view` and the page need nothing from any network afterwards.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

VENDOR = Path(__file__).parents[2] / "modality_translate" / "viewer" / "web" / "vendor"


class Package(NamedTuple):
    url: str
    sha512: str
    """As in the registry's dist.integrity, base64."""
    files: tuple[str, ...]


PACKAGES = (
    Package(
        "https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-1.30.0.tgz",
        "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        ("dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm"),
    ),
    Package(
        "https://registry.npmjs.org/@niivue/niivue/-/niivue-0.69.0.tgz",
        "YMjQvJgD1W2b7DuoxkwlC4VxbrgIePRJ5qyQzXKxi2v2MBVg285P/CIQyg46oDDGDIcaNlbd+MhtO/edMbXJkA==",
        ("dist/niivue.umd.js",),
    ),
)


def fetch(package: Package) -> dict[str, bytes]:
    """Name to content of the files wanted; an error if the archive is not the pinned one."""
    with urllib.request.urlopen(package.url, timeout=60) as answer:  # noqa: S310
        archive = answer.read()
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != package.sha512:
        raise SystemExit(f"{package.url}: has another digest ({digest}) than the pinned one.")
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        return {Path(name).name: _member(members, name) for name in package.files}


def store(name: str, content: bytes) -> str:
    """Write one file, WebAssembly packed (14 MB to 3.7 MB); the line for SHA256SUMS."""
    if name.endswith(".wasm"):
        (VENDOR / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    else:
        (VENDOR / name).write_bytes(content)
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n"


def _member(members: tarfile.TarFile, name: str) -> bytes:
    file = members.extractfile(f"package/{name}")
    assert file is not None
    return file.read()


def main() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    lines = [store(name, content) for package in PACKAGES for name, content in fetch(package).items()]
    (VENDOR / "SHA256SUMS").write_text("".join(sorted(lines)))
    print("".join(sorted(lines)), end="")


if __name__ == "__main__":
    main()
