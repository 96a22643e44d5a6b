"""The field's reference Pix2Pix and CycleGAN against ours: same patients, same wall time, one table.

    python benchmarks/side_by_side.py --minutes 20 --seed 0 -o runs/side_by_side

Nothing is fetched. Contenders train one after another, each in its own process, with the machine to itself; each one's
result is kept in the folder, so that an interrupted benchmark goes on behind the last finished one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contenders import NAMES, Budget, Result, results
from limbs import HELD_OUT, markdown, tight_names

HEADS = ("answer", "MAE HU", "MAE tight", "PSNR dB", "MS-SSIM", "bone MAE", "bone tight", "steps", "minutes")
LAST = "trained on"
BUDGET, TIGHT = "budget.json", "tight.json"


def kept(path: Path, make: Any) -> Any:
    """What `path` holds (JSON); made and written there the first time."""
    if not path.is_file():
        made = json.dumps(make(), indent=1) + "\n"
        unfinished = path.with_suffix(".part")
        unfinished.write_text(made)
        unfinished.replace(path)
    return json.loads(path.read_text())


def check_budget(folder: Path, budget: Budget) -> None:
    """Results of another budget never mix into the table."""
    folder.mkdir(parents=True, exist_ok=True)
    known = kept(folder / BUDGET, lambda: asdict(budget))
    if known != asdict(budget):
        raise SystemExit(f"{folder} holds results of {known}; choose another folder.")


def contest(names: list[str], budget: Budget, folder: Path) -> Iterator[Result]:
    for name in names:
        stem = name.replace(" ", "_").lower()
        found = kept(folder / f"{stem}.json", lambda n=name, s=stem: _plain(results(n, budget, folder / s)))
        yield from (Result(**one) for one in found)


def table(found: list[Result], tight: list[str]) -> str:
    """Means over the four held-out patients, and over the tight ones among them."""
    return markdown([*HEADS, LAST], [_line(result, tight) for result in found])


def _line(result: Result, tight: list[str]) -> list[str]:
    row = result.row
    scores = [row.shown("mae"), row.shown("mae", tight), row.shown("psnr"), row.shown("ms_ssim")]
    bone = [row.shown("mae_bone"), row.shown("mae_bone", tight)]
    length = ["", ""] if result.steps is None else [str(result.steps), f"{result.minutes:.1f}"]
    return [result.name, *scores, *bone, *length, result.trained_on]


def _plain(found: list[Result]) -> list[dict[str, object]]:
    return [result.as_dict() for result in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="wall time of each training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--threads", type=int, help="CPU threads of each training; torch's choice when left out")
    parser.add_argument("-d", "--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of runs and results")
    given = parser.parse_args()
    budget = Budget(given.minutes, given.seed, given.threads, given.device)
    check_budget(given.output, budget)
    tight = kept(given.output / TIGHT, tight_names)
    found = list(contest([name for name in NAMES if name in given.only], budget, given.output))
    print(table(found, tight))
    print(f"\nTight by `mtranslate check`: {', '.join(tight)}; not: {', '.join(sorted({*HELD_OUT} - {*tight}))}.")


if __name__ == "__main__":
    main()
