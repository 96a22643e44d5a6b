"""Many runs on one output folder at the same time: is any volume torn, lost, or converted twice?

    python benchmarks/sharing.py -o /tmp/sharing

Eight `mtranslate convert --resume` begin together on the same folder, round after round. The journal tells who made
what.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import tiny_conversions as tiny
from modality_translate.runtime.journal import read_past


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("-m", "--model", type=Path, help="A small model; one with random weights when left out.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    model, source, out = options.model or options.output / "tiny.onnx", options.output / "in", options.output / "out"
    tiny.make_volumes(source, options.volumes)
    if options.model is None:
        tiny.write_model(model)
    told = options.output / "whole.log"
    whole_words = tiny.command(model, source, options.output / "whole", "--on-exists", "overwrite")
    assert tiny.ended(tiny.start(whole_words, told)) == 0, told.read_text()
    whole = tiny.volumes(options.output / "whole")
    torn = lost = twice = bad = 0
    shares: list[int] = []
    for _ in range(options.rounds):
        shutil.rmtree(out, ignore_errors=True)
        words = tiny.command(model, source, out, "--resume", "-q")
        started = [tiny.start(words, options.output / f"{k}.log") for k in range(options.processes)]
        bad += sum(tiny.ended(pid) != 0 for pid in started)
        torn += len(tiny.damaged(out, whole)) + len(tiny.temporaries(out))
        lost += len(whole.keys() - tiny.volumes(out).keys())
        made = [fact for facts in read_past(out).made.values() for fact in facts]
        twice += len(made) - len({fact.output for fact in made})
        shares.append(len({fact.run for fact in made}))
    print(f"{options.rounds} rounds of {options.processes} processes on {options.volumes} volumes: {torn} torn, "
          f"{lost} lost, {twice} converted twice, {bad} runs without exit code 0")  # fmt: skip
    print(f"{min(shares)} to {max(shares)} of the processes had a share of the work")
    raise SystemExit(1 if torn or lost or twice or bad else 0)


if __name__ == "__main__":
    main()
