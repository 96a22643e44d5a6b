"""Conversions of a folder killed at random moments and resumed: is anything damaged, lost, or other than undisturbed?

    python benchmarks/kills_convert.py --kills 200 -o /tmp/kills

SIGKILL comes after a random part of the time that a whole run takes. After each kill every file under a final name is
compared with the undisturbed run's, then `--resume` goes on, and is killed as well, until the folder is done; then all
is compared again, and nothing temporary may be left.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import tiny_conversions as tiny


@dataclass
class Count:
    """What happened."""

    kills: int = 0
    in_writing: int = 0
    """Kills that left a temporary file."""
    folders: int = 0
    damaged: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Temporary files and locks at the end."""

    @property
    def good(self) -> bool:
        return self.kills > 0 and not (self.damaged or self.lost or self.differing or self.left)


def killed_until_done(words: list[str], out: Path, whole: dict[str, bytes], seconds: float, draw: random.Random,
                      count: Count, most: int) -> None:  # fmt: skip
    """One folder, from the first kill to its end."""
    shutil.rmtree(out, ignore_errors=True)
    while True:
        pid = tiny.start([*words, "--resume"], out.with_suffix(".log"))
        if count.kills < most:
            time.sleep(draw.uniform(0, seconds))
            os.kill(pid, signal.SIGKILL)
        code = tiny.ended(pid)
        count.damaged += tiny.damaged(out, whole)
        if code != -signal.SIGKILL:
            break
        count.kills += 1
        count.in_writing += bool(tiny.temporaries(out))
    if code:
        raise SystemExit(f"exit code {code}: {out.with_suffix('.log').read_text()}")
    count.folders += 1
    found = tiny.volumes(out)
    count.lost += sorted(whole.keys() - found.keys())
    count.differing += [name for name in found if found[name] != whole.get(name)]
    count.left += [*tiny.temporaries(out), *(path.name for path in (out / ".mtranslate").glob("*.lock"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-m", "--model", type=Path, help="A small model; one with random weights when left out.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    model, source = options.model or options.output / "tiny.onnx", options.output / "in"
    tiny.make_volumes(source, options.volumes)
    if options.model is None:
        tiny.write_model(model)
    for _ in range(2):  # the first run also tries the model and measures the engines, and kills would come too late
        begin = time.monotonic()
        pid = tiny.start(tiny.command(model, source, options.output / "whole", "--on-exists", "overwrite"),
                         options.output / "whole.log")  # fmt: skip
        assert tiny.ended(pid) == 0, (options.output / "whole.log").read_text()
    seconds, whole = time.monotonic() - begin, tiny.volumes(options.output / "whole")
    draw, count = random.Random(options.seed), Count()
    while count.kills < options.kills:
        out = options.output / "killed"
        words = tiny.command(model, source, out, "-q")
        killed_until_done(words, out, whole, seconds, draw, count, options.kills)
    print(f"{count.kills} kills in {count.folders} folders of {len(whole)} volumes, {count.in_writing} during a write")
    print(f"{len(count.damaged)} damaged, {len(count.lost)} lost, {len(count.differing)} unlike the undisturbed run, "
          f"{len(count.left)} temporary files or locks left")  # fmt: skip
    raise SystemExit(0 if count.good else 1)


if __name__ == "__main__":
    main()
