"""A folder on three dask workers, one of them killed half-way, and what handing out a volume costs.

    python benchmarks/cluster.py -o /tmp/cluster

First, the folder is converted by `mtranslate convert --scheduler`, and SIGKILL ends one of three workers once half of
the volumes are there; files and journal are compared with those of one undisturbed process. Then volumes that are
finished already are handed out (--resume finds them whole): what is left is the cost of scheduling, of the claim and of
two digests, next to that of the same without workers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

import tiny_conversions as tiny
from modality_translate.runtime.journal import Journal, Made, read_past
from modality_translate.runtime.plan import Job

KEY_SECONDS = 30.0
"""Per volume and worker: what a network of use takes for a volume on a few cores."""


def module(name: str, *words: object) -> list[str]:
    return [sys.executable, "-m", name, *map(str, words)]


@contextmanager
def cluster(folder: Path, count: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler's address, and it and its workers, each a process of its own as on other machines."""
    place, log = folder / "scheduler.json", (folder / "dask.log").open("wb")
    place.unlink(missing_ok=True)
    words = module("distributed.cli.dask_scheduler", "--port", 0, "--host", "127.0.0.1", "--no-dashboard",
                   "--scheduler-file", place)  # fmt: skip
    processes = [subprocess.Popen(words, stderr=log, stdout=log)]
    while not place.is_file() or not place.read_text():
        time.sleep(0.05)
    address = json.loads(place.read_text())["address"]
    words = module("distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard", "--nthreads", 2,
                   "--local-directory", folder)  # fmt: skip
    processes += [subprocess.Popen(words, stderr=log, stdout=log) for _ in range(count)]
    try:
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
        log.close()


def convert(model: Path, source: Path, out: Path, *more: object) -> subprocess.Popen[str]:
    words = module("modality_translate", *tiny.command(model, source, out, "-q", *more))
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=tiny.ENVIRONMENT)


def finished(process: subprocess.Popen[str], out: Path) -> dict[str, Any]:
    said, _ = process.communicate()
    assert process.returncode == 0, said
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


def kill_one(model: Path, source: Path, folder: Path, whole: dict[str, bytes]) -> bool:
    out = folder / "killed"
    shutil.rmtree(out, ignore_errors=True)
    with cluster(folder, 3) as (address, processes):
        process = convert(model, source, out, "--scheduler", address)
        while len(tiny.volumes(out)) < len(whole) // 2:
            assert process.poll() is None, "ended before half was done"
            time.sleep(0.005)
        processes[1].kill()
        report = finished(process, out)
    made = read_past(out).made
    twice = sum(len(facts) - 1 for facts in made.values())
    same = tiny.volumes(out) == whole
    print(f"{report['totals']}; journal: {len(made)} of {len(whole)} volumes, {twice} twice; "
          f"bytes {'as' if same else 'NOT as'} undisturbed")  # fmt: skip
    return same and twice == 0 and report["totals"]["converted"] == len(whole) == len(report["volumes"])


def cost(model: Path, source: Path, out: Path, repeats: int) -> tuple[list[float], list[float], float]:
    """Milliseconds per finished volume, without workers and with three, alternated; and of the scheduler's CPU."""
    alone, handed = [], []
    count = len(list(source.iterdir()))
    with cluster(out.parent, 3) as (address, processes):
        scheduler = psutil.Process(processes[0].pid)
        before = sum(scheduler.cpu_times()[:2])
        for _ in range(repeats):
            alone.append(finished(convert(model, source, out, "--resume"), out)["seconds"] * 1000 / count)
            report = finished(convert(model, source, out, "--resume", "--scheduler", address), out)
            assert report["totals"]["skipped"] == count
            handed.append(report["seconds"] * 1000 / count)
        used = (sum(scheduler.cpu_times()[:2]) - before) * 1000 / count / repeats
    return alone, handed, used


def on_paper(folder: Path, count: int) -> None:
    """What a client keeps of `count` volumes, and what --resume reads: measured, to be multiplied."""
    tracemalloc.start()
    jobs = [Job(f"sub-{n:06}/t1.nii.gz", folder / f"in/sub-{n:06}/t1.nii.gz", folder / f"out/sub-{n:06}/t1.nii.gz",
                f"sub-{n:06}/t1.nii.gz", (n, n, n)) for n in range(count)]  # fmt: skip
    kept = tracemalloc.get_traced_memory()[0] / count
    shutil.rmtree(folder / "paper", ignore_errors=True)
    journal = Journal(folder / "paper", "run")
    journal.path.parent.mkdir(parents=True)
    made = [Made(job.output, "0" * 40, "1" * 40, "2" * 64, '{"force": false}', "3" * 16) for job in jobs]
    lines = (json.dumps({"begun": m.output, "run": m.run}) + "\n" + json.dumps({"made": asdict(m)}) for m in made)
    journal.path.write_text("\n".join(lines))
    size = journal.path.stat().st_size / count
    del made
    before = tracemalloc.get_traced_memory()[0]
    past = read_past(folder / "paper")
    memory = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    begin = time.process_time()
    assert len(read_past(folder / "paper").made) == len(past.made) == count
    seconds = (time.process_time() - begin) * 1e6 / count
    print(f"of {count} volumes, each: {kept:.0f} bytes of plan in the client; journal {size:.0f} bytes on disk, "
          f"{memory:.0f} in memory, read in {seconds:.0f} us")  # fmt: skip


def words(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ms ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=60)
    parser.add_argument("--handed", type=int, default=600, help="Finished volumes to hand out.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-m", "--model", type=Path, help="A small model; one with random weights when left out.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    os.environ |= tiny.ENVIRONMENT
    folder = options.output
    model = options.model or folder / "tiny.onnx"
    tiny.make_volumes(folder / "in", options.volumes)
    if options.model is None:
        tiny.write_model(model)
    finished(convert(model, folder / "in", folder / "whole", "--on-exists", "overwrite"), folder / "whole")
    good = kill_one(model, folder / "in", folder, tiny.volumes(folder / "whole"))
    if options.handed:
        tiny.make_volumes(folder / "many", options.handed)
        finished(convert(model, folder / "many", folder / "made", "--resume"), folder / "made")
        alone, handed, used = cost(model, folder / "many", folder / "made", options.repeats)
        print(f"per finished volume: {words(alone)} without workers, {words(handed)} handed to three, "
              f"{used:.1f} ms of it the scheduler's processor time")  # fmt: skip
        busiest = KEY_SECONDS * 1000 / statistics.median(handed)
        print(f"so one client keeps about {busiest:.0f} volumes in work, of {KEY_SECONDS:.0f} s each")
        on_paper(folder, 100_000)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
