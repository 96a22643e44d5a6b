"""Translate one volume with one model in a headless Chromium, as the page does it.

    python export/web/translate.py MODEL.onnx IN.nii.gz OUT.nii

Proves the browser host with a conformance kit. Needs modality-translate[dev] and a Chromium; never overwrites.
"""

from __future__ import annotations

import base64
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from modality_translate.viewer.catalogue import catalogue
from modality_translate.viewer.server import Site, address, open_server

TRANSLATE = """async ([model, volume]) => {
    const at = (path) => new URL(path, location.href);
    const { Host } = await import(at("host/client.js"));
    const { fetchParts } = await import(at("host/parts.js"));
    const blob = (text) => new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
    const host = new Host(() => new Worker(at("host/worker.js"), { type: "module" }), await fetchParts(at("vendor/")));
    await host.load(blob(model));
    const { nifti } = await host.translate(blob(volume), true);
    const bytes = new Uint8Array(await nifti.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def translate(model: Path, volume: Path) -> bytes:
    """The synthetic volume as .nii; playwright's Error, with the page's reason, for what the page refuses."""
    files = [base64.b64encode(path.read_bytes()).decode() for path in (model, volume)]
    with tempfile.TemporaryDirectory() as folder:
        # The server shows something or refuses to start; the page is given the files' own bytes.
        report = Path(folder, "report.json")
        report.write_text("{}")
        site = Site(catalogue([report]))
        server = open_server(site, 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = chromium.new_page()
            page.goto(address(server, site) + "files.json")
            answer = base64.b64decode(page.evaluate(TRANSLATE, files))
            chromium.close()
        server.shutdown()
        server.server_close()
    return answer


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model, volume, output = map(Path, sys.argv[1:])
    with output.open("xb") as file:
        try:
            file.write(translate(model, volume))
        except BaseException:
            output.unlink()
            raise


if __name__ == "__main__":
    main()
