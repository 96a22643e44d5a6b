"""Every call that changes a file fails once, and disks fill up: does a final name ever mean anything but a whole file?

    python benchmarks/faults.py -o /tmp/faults

The calls of a `mtranslate convert` below its output folder (create, write, fsync, rename, mkdir, unlink) are counted;
then, for each of them, a run is made in which that one fails, with "no space left" and with an input/output error;
writes also stop half-way, with the disk full from there on. Then the same on tmpfs of a few sizes (as root) and with a
limit on the size of files. After each, files under final names are compared with an undisturbed run's, the run must
have said what happened without a traceback, and `--resume` must end as if nothing had been.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import tiny_conversions as tiny

CODES = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO}
PRELOADED = "MTRANSLATE_FAILING_CALLS"
HERE = Path(__file__).parent


def preload(folder: Path) -> None:
    """Start this script anew with the library that fails calls, unless it has it."""
    if PRELOADED in os.environ:
        return
    library = folder / "failing_calls.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "failing_calls.c", "-ldl"], check=True)
    os.environ |= {PRELOADED: str(library.absolute()), "LD_PRELOAD": str(library.absolute())}
    os.execv(sys.executable, [sys.executable, *sys.argv])


class Trial:
    """One model and folder, an undisturbed result, and what was found wrong."""

    def __init__(self, model: Path, output: Path, count: int) -> None:
        self.model, self.output, self.source = model, output.absolute(), output.absolute() / "in"
        tiny.make_volumes(self.source, count)
        self.told = self.output / "told.log"
        self.library = ctypes.CDLL(os.environ[PRELOADED])
        self.library.call_failed.restype = ctypes.c_char_p
        self.wrong: list[str] = []
        self.calls: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        whole = self.output / "whole"
        assert self.run(whole, lambda: None, "--on-exists", "overwrite") == 0, self.told.read_text()
        self.whole = tiny.volumes(whole)

    def run(self, out: Path, prepare: Callable[[], None], *more: str) -> int:
        words = tiny.command(self.model, self.source, out, *more)
        return tiny.ended(tiny.start(words, self.told, prepare))

    def fail(self, n: int, code: int, torn: bool) -> bool:
        """Whether there was a call number `n` to fail."""
        out, noted = self.output / "out", self.output / "failed.txt"
        shutil.rmtree(out, ignore_errors=True)
        noted.unlink(missing_ok=True)

        def arm() -> None:
            self.library.fail_call(f"{out}".encode(), n, code, torn)
            exit_now = os._exit

            def note_and_exit(status: int) -> None:
                noted.write_bytes(self.library.call_failed())
                exit_now(status)

            os._exit = note_and_exit  # type: ignore[assignment]

        status = self.run(out, arm)
        call = noted.read_text().split(" ")[0] if noted.is_file() else ""
        if not call:
            return False
        self.calls[call] += 1
        self.check(out, status, f"call {n}, {call}, {errno.errorcode[code]}{', torn' * torn}")
        return True

    def check(self, out: Path, status: int, what: str) -> None:
        """Note what is wrong after a run that met a failure, and resume it."""
        said = self.told.read_text(errors="replace")
        self.codes[status] += 1
        problems = [f"{name} is damaged" for name in tiny.damaged(out, self.whole)]
        problems += ["a traceback"] * ("Traceback" in said) + [f"exit code {status}"] * (status not in (0, 1, 8))
        problems += ["all is said to be well, but volumes are missing"] * (
            status == 0 and tiny.volumes(out) != self.whole
        )
        if self.run(out, lambda: None, "--resume") or tiny.volumes(out) != self.whole or tiny.temporaries(out):
            problems.append(f"not as undisturbed after --resume: {self.told.read_text(errors='replace')[-300:]}")
        self.wrong += [f"{what}: {problem}" for problem in problems]


def fail_every_call(trial: Trial, most: int | None) -> None:
    kinds = [("ENOSPC", False), ("EIO", False), ("ENOSPC", True)]
    for name, torn in kinds:
        n = 1
        while (most is None or n <= most) and trial.fail(n, CODES[name], torn):
            n += 1


def fill_disks(trial: Trial, sizes: range) -> int:
    """tmpfs of so many KiB, each filled by the results; how many were tried."""
    out = trial.output / "small"
    out.mkdir(exist_ok=True)
    for size in sizes:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", out], capture_output=True).returncode:
            return 0
        try:
            status = trial.run(out, lambda: None)
            if status and "No space left on device" not in trial.told.read_text():
                trial.wrong.append(f"tmpfs of {size} KiB: the reason is not told: {trial.told.read_text()[-300:]}")
            subprocess.run(["mount", "-o", "remount,size=64m", out], check=True)
            trial.check(out, status, f"tmpfs of {size} KiB")
        finally:
            subprocess.run(["umount", out], check=True)
    return len(sizes)


def limit_files(trial: Trial) -> None:
    """Files may not grow beyond a part of what a volume needs."""
    out = trial.output / "limited"
    shutil.rmtree(out, ignore_errors=True)
    largest = max(map(len, trial.whole.values()))
    status = trial.run(out, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, resource.RLIM_INFINITY)))
    if "File too large" not in trial.told.read_text():
        trial.wrong.append(f"file size limit: the reason is not told: {trial.told.read_text()[-300:]}")
    trial.check(out, status, "file size limit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=2)
    parser.add_argument("--most", type=int, help="Only so many calls of each kind of failure.")
    parser.add_argument("--disks", type=int, default=12, help="Sizes of tmpfs to fill (as root).")
    parser.add_argument("-m", "--model", type=Path, help="A small model; one with random weights when left out.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    model = options.model or options.output / "tiny.onnx"
    if PRELOADED not in os.environ and options.model is None:
        tiny.write_model(model)
    preload(options.output)
    trial = Trial(model, options.output, options.volumes)
    fail_every_call(trial, options.most)
    print(f"{trial.calls.total()} failing calls: {dict(trial.calls.most_common())}")
    limit_files(trial)
    disks = fill_disks(trial, range(8, 8 + 4 * options.disks, 4)) if os.geteuid() == 0 else 0
    print(f"1 limit on the size of files, {disks} full disks; exit codes {dict(sorted(trial.codes.items()))}")
    print(f"{len(trial.wrong)} wrong", *trial.wrong, sep="\n")
    raise SystemExit(1 if trial.wrong or not trial.calls else 0)


if __name__ == "__main__":
    main()
