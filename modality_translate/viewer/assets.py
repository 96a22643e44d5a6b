"""The page's own files, by their address relative to the page."""

from __future__ import annotations

from pathlib import Path

WEB = Path(__file__).parent / "web"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".gz": "application/gzip",
}


def assets() -> dict[str, Path]:
    """Address, such as "host/worker.js", to file; nothing that is not of the page's kinds."""
    files = (path for path in sorted(WEB.rglob("*")) if path.is_file() and path.suffix in TYPES)
    return {path.relative_to(WEB).as_posix(): path for path in files}


if __name__ == "__main__":
    print(WEB)
