"""The page in export/web/README.md, as a newcomer copies it, behind a server that knows nothing of it."""

from __future__ import annotations

import functools
import re
import shutil
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from modality_translate.runtime.translator import Translator
from modality_translate.viewer.assets import WEB
from modality_translate.volumes import read_volume

from .conftest import tiny_model, wait_for
from .test_host import SPECS, WORST, volumes

README = Path(__file__).parents[2] / "export" / "web" / "README.md"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def test_the_page_of_the_readme_translates(tmp_path: Path, open_page: Callable[[str], Any]):
    site = shutil.copytree(WEB, tmp_path / "site")
    spec = SPECS["slices of MR to CT"]
    (site / "model.onnx").write_bytes(tiny_model(spec))
    (site / "index.html").write_text(re.findall(r"```html\n(.*?)```", README.read_text(), re.DOTALL)[0])
    volumes(spec.source)["flipped"].to_filename(tmp_path / "mr.nii.gz")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    page = open_page(f"http://127.0.0.1:{server.server_port}/")
    wait_for(page, "!document.getElementById('volume').disabled")
    page.set_input_files("#volume", str(tmp_path / "mr.nii.gz"))
    wait_for(page, "document.getElementById('result').textContent === 'Save'")
    with page.expect_download() as download:
        page.click("#result")
    download.value.save_as(tmp_path / "saved.nii")
    server.shutdown()
    server.server_close()
    wanted = Translator.load(site / "model.onnx", device="cpu").translate(tmp_path / "mr.nii.gz")
    assert np.abs(read_volume(tmp_path / "saved.nii").array - wanted.array).max() <= WORST * 4095
