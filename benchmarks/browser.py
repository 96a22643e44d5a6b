"""One volume of 256 x 256 x 150 through the page in Chromium: python benchmarks/browser.py

Prints the time from the click to the result on the screen, the memory of all of Chromium, and the longest task of the
page's main thread meanwhile, which is how long the page did not answer; then the same volume through `Translator`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from modality_translate.runtime.translator import Translator
from modality_translate.viewer.catalogue import catalogue
from modality_translate.viewer.server import Site, address, open_server
from modality_translate.volumes import Volume, read_volume, write_volume

FLAGS = ["--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WATCH = """() => {
    window.tasks = [];
    const note = (list) => list.getEntries().forEach((task) => window.tasks.push([task.startTime, task.duration]));
    new PerformanceObserver(note).observe({ type: "longtask" });
}"""
MIB = 2**20


def leg(shape: tuple[int, int, int]) -> Volume:
    """Two cylinders of tissue with bone inside and noise around, MR-like, in LPS order."""
    x, y, z = np.indices(shape, np.float32)
    array = np.random.default_rng(0).rayleigh(8, shape).astype(np.float32)
    for side in (0.3, 0.7):
        away = np.hypot(x / shape[0] - side, (y / shape[1] - 0.5) * (1 + 0.1 * z / shape[2]))
        array += 400 * (away < 0.17) + 500 * ((away < 0.17) & (away > 0.14)) - 350 * (away < 0.035)
    return Volume.of(array, np.diag([-1.0, -1.0, 2.0, 1.0]))


def memory_of_children(parent: int) -> int:
    """Bytes that the processes below `parent` hold, shared pages shared out (PSS)."""
    parents, total = {}, 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    for process in parents:
        line = process
        while line in parents and line != parent:
            line = parents[line]
        if line == parent and process != parent:
            total += _pss(process)
    return total


def _pss(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(row.split()[1]) * 1024 for row in text.splitlines() if row.startswith("Pss:"))


@contextmanager
def served(paths: list[Path]) -> Iterator[str]:
    site = Site(catalogue(paths))
    server = open_server(site, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address(server, site)
    server.shutdown()


def wait_for(page: Any, word: str, watch: Any, seconds: float = 3600) -> float:
    """Seconds until the page says `word`; `watch()` is called meanwhile."""
    start = time.perf_counter()
    while word not in (said := page.inner_text("#status")):
        watch()
        if time.perf_counter() - start > seconds or page.locator("#status.wrong").count():
            raise SystemExit(f"the page says: {said}")
        page.wait_for_timeout(250)
    return time.perf_counter() - start


def in_browser(volume: Path, model: Path, saved: Path) -> None:
    """Open, translate, save; print what it took."""
    held: list[int] = []
    computing = [0.0]

    def watch() -> None:
        held.append(memory_of_children(os.getpid()))
        if "Translating" in page.inner_text("#status"):
            computing.append(page.evaluate("performance.now()"))

    with served([volume, model]) as url, sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 800}, accept_downloads=True)
        page.goto(url)
        opened = wait_for(page, "passed its self-test", lambda: None)
        held.append(memory_of_children(os.getpid()))
        page.evaluate(WATCH)
        page.click("#translate")
        took = wait_for(page, "Done", watch)
        tasks = page.evaluate("window.tasks")
        threads = page.evaluate("Math.min(8, navigator.hardwareConcurrency)")
        with page.expect_download() as download:
            page.click("#download")
        download.value.save_as(saved)
        chromium.close()
    print(f"page: opened in {opened:.1f} s, translated and shown in {took:.1f} s with {threads} threads")
    print(f"page: {held[0] / MIB:.0f} MiB before, at most {max(held) / MIB:.0f} MiB (all of Chromium, PSS)")
    for when, lengths in (
        ("while computing", [length for start, length in tasks if start < computing[-1]]),
        ("showing the result", [length for start, length in tasks if start >= computing[-1]]),
    ):
        print(f"page: main thread {when}: longest task {max(lengths, default=0):.0f} ms, {len(lengths)} over 50 ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(256, 256, 150))
    parser.add_argument("--model", default="limb-mr-to-ct")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        volume, saved = Path(name, "mr.nii.gz"), Path(name, "web.nii.gz")
        write_volume(volume, leg(tuple(chosen.shape)), dtype="int16")
        model = next(item.path for item in catalogue([Path(chosen.model)]).items)
        in_browser(volume, model, saved)
        start = time.perf_counter()
        translator = Translator.load(model, device="cpu")
        theirs = translator.translate(volume)
        print(f"Translator: {time.perf_counter() - start:.1f} s with all cores")
        low, high = translator.spec.target.scaling.fixed.range
        apart = np.abs(read_volume(saved).array - np.rint(theirs.array)) / (high - low)
        print(f"differs by at most {100 * apart.max():.4f} % of the range, {100 * apart.mean():.6f} % on average")


if __name__ == "__main__":
    main()
