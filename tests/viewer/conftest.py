"""A real browser, a page served from loopback, and models small enough to judge it by."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from modality_translate.exporting.metadata import sealed
from modality_translate.pipeline.self_test import measure_self_test, self_test_patch
from modality_translate.pipeline.spec import Spec
from modality_translate.viewer.catalogue import catalogue
from modality_translate.viewer.server import Site, address, open_server

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
HOST = """async ({task, model, volumes}) => {
    const { Host } = await import(new URL("host/client.js", location.href));
    const { fetchParts } = await import(new URL("host/parts.js", location.href));
    const bytes = (text) => new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
    const text = async (blob) => {
        const letters = Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte));
        return btoa(letters.join(""));
    };
    const start = () => new Worker(new URL("host/worker.js", location.href), { type: "module" });
    const host = new Host(start, await fetchParts(new URL("vendor/", location.href)));
    const attempt = (promise) => promise.catch((error) => ({ error: error.message }));
    if (model) {
        const loaded = await attempt(host.load(bytes(model)));
        if (loaded.error || task === "load") return [loaded];
    }
    const results = [];
    for (const volume of volumes) {
        const done = await attempt(host[task](bytes(volume)));
        results.push(done.nifti ? { nifti: await text(done.nifti) } : done);
    }
    host.stop("done");
    return results;
}"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip extra dev)")
    if CHROMIUM is None:
        pytest.skip("no chromium here: `make chromium` installs it (apt-get, as root)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Open an address; in the end no request may have left this computer and no error may have gone unseen."""
    outside: list[str] = []
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)

    def open_one(url: str) -> Any:
        page = context.new_page()
        home = url.split("/", 3)[2]
        page.on("request", lambda request: None if _stays(request.url, home) else outside.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(url)
        return page

    yield open_one
    context.close()
    assert outside == []
    # A refused file is an answer of the server with its reason, which the console reports as well.
    assert [error for error in errors if "422" not in error] == []


def _stays(url: str, home: str) -> bool:
    return url.startswith(("data:", "blob:", f"http://{home}/", f"file://{home}/"))


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server of the paths given; its address."""
    running: list[tuple[Any, threading.Thread]] = []

    def start(*paths: Path) -> str:
        site = Site(catalogue(paths))
        server = open_server(site, 0)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.append((server, thread))
        return address(server, site)

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def in_browser(open_page: Callable[[str], Any], serve: Callable[..., str]) -> Callable[..., list[dict[str, Any]]]:
    """Give model bytes and the bytes of volumes to the host's `task` in the browser; its answers."""

    def run(task: str, model: bytes | None, volumes: list[bytes], anything: Path) -> list[dict[str, Any]]:
        page = open_page(serve(anything))
        coded = [base64.b64encode(volume).decode() for volume in volumes]
        request = {"task": task, "model": base64.b64encode(model).decode() if model else None, "volumes": coded}
        answers: list[dict[str, Any]] = page.evaluate(HOST, request)
        return answers

    return run


def tiny_model(spec: Spec) -> bytes:
    """A model file whose graph mixes neighbours with weights that differ in every direction."""
    graph = mixing_graph(spec)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"source": self_test_patch(spec)})
    tested = spec.model_copy(update={"self_test": measure_self_test(answer, 0.1)})
    return sealed(graph, tested, "A <b>card</b>.", "tests", "Apache-2.0")


def mixing_graph(spec: Spec) -> onnx.ModelProto:
    """synthetic = clip(gain conv(source) + offset), as large as the spec's core."""
    random = np.random.default_rng(11)
    kernel = np.where(np.array(spec.tiling.patch) > 1, 3, 1)
    halo = np.array(spec.tiling.halo)
    weights = random.uniform(-0.2, 0.4, (1, 1, *kernel)).astype(np.float32)
    low, high = spec.target.scaling.fixed.range
    top = spec.source.scaling.fixed.range[1]
    pads = [int(side) for side in np.where(halo > 0, 0, kernel // 2)]
    values = {"gain": (high - low) / top / 2, "offset": low + (high - low) / 4, "low": low, "high": high}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["source", "weights"], ["mixed"], pads=pads * 2),
            helper.make_node("Mul", ["mixed", "gain"], ["scaled"]),
            helper.make_node("Add", ["scaled", "offset"], ["moved"]),
            helper.make_node("Clip", ["moved", "low", "high"], ["synthetic"]),
        ],
        "translator",
        [helper.make_tensor_value_info("source", TensorProto.FLOAT, ["batch", 1, *spec.tiling.patch])],
        [helper.make_tensor_value_info("synthetic", TensorProto.FLOAT, ["batch", 1, *spec.tiling.core])],
        [
            helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel()),
            *(helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in values.items()),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
