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
MOST_SECONDS = 25
FLAGS = ["--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
HOST = """async ({task, groups, force}) => {
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
    const results = [];
    for (const [models, volumes] of groups) {
        for (const model of models) {
            const loaded = await attempt(host.load(bytes(model)));
            if (loaded.error || task === "load") results.push(loaded);
        }
        for (const volume of volumes) {
            const done = await attempt(host[task](bytes(volume), force));
            results.push(done.nifti ? { nifti: await text(done.nifti) } : done);
        }
    }
    host.stop("done");
    return results;
}"""


_CHROMIUM = pytest.StashKey[Any]()


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Any]:
    """Chromium, driven by playwright. One for all folders of tests: playwright starts once in a process."""
    if _CHROMIUM in pytestconfig.stash:
        yield pytestconfig.stash[_CHROMIUM]
        return
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip extra dev)")
    if CHROMIUM is None:
        pytest.skip("no chromium here: `make chromium` installs it (apt-get, as root)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        pytestconfig.stash[_CHROMIUM] = chromium
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Open an address; in the end no request may have left this computer and no error may have gone unseen."""
    outside: list[str] = []
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 900, "height": 560}, accept_downloads=True)

    def open_one(url: str) -> Any:
        page = context.new_page()
        home = url.split("/", 3)[2]
        page.on("request", lambda request: None if _stays(request.url, home) else outside.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if _is_error(message) else None)
        page.goto(url)
        return page

    yield open_one
    context.close()
    assert outside == []
    assert errors == []


def _is_error(message: Any) -> bool:
    """Not what a browser says of the answer to a request: files that are refused, icons that are not there."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")


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
def ask_host(open_page: Callable[[str], Any], serve: Callable[..., str], tmp_path: Path) -> Callable[..., Any]:
    """Give the bytes of models, then of volumes, group by group, to the host's `task` in the browser; its answers."""

    def ask(task: str, *groups: tuple[list[bytes], list[bytes]], force: bool = True) -> Any:
        anything = tmp_path / "report.html"
        anything.write_text("served, so that there is a page to stand on")
        coded = [[[base64.b64encode(file).decode() for file in files] for files in group] for group in groups]
        # Any address of the server will do, and this one draws nothing.
        page = open_page(serve(anything) + "files.json")
        return page.evaluate(HOST, {"task": task, "groups": coded, "force": force})

    return ask


@pytest.fixture
def in_browser(ask_host: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """The answers of `task` for each volume, after the model, if any, was loaded."""
    return lambda task, model, volumes: ask_host(task, ([model] if model else [], volumes))


@pytest.fixture
def in_browser_models(ask_host: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """What loading each of these models answers."""
    return lambda models: ask_host("load", (models, []))


def wait_for(page: Any, script: str) -> Any:
    """Ask until the answer is true: waiting inside the page would need the `eval` that its policy forbids."""
    for _ in range(MOST_SECONDS * 10):
        if found := page.evaluate(script):
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"{script} stayed false; the page says {page.inner_text('#status')!r}")


def status_has(page: Any, word: str) -> None:
    wait_for(page, f"document.getElementById('status').textContent.includes({word!r})")


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
