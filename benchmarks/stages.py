"""Where the time of one conversion goes, stage by stage, from compressed file to compressed file.

    python benchmarks/stages.py -i /tmp/heads -m limb-mr-to-ct          # makes a head there if there is none
    python benchmarks/stages.py -i /tmp/heads -m limb-mr-to-ct --skip-below 144

The stages are the program's own functions with a clock around them; a stage within another is taken off the outer one.
"Everything else" is what no clock saw. The model translates the head whatever its envelope says.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from heads import head_files
from modality_translate import Translator, read_volume, write_volume

STAGES: tuple[tuple[str, str, str], ...] = (
    ("envelope check", "runtime.translator", "check_envelope"),
    ("finite check, orientation", "pipeline.prepare", "_oriented"),
    ("resampling, there and back", "pipeline.prepare", "resample"),
    ("foreground", "pipeline.prepare", "foreground"),
    ("percentiles", "intensities.scaling", "percentiles"),
    ("boxes of the body", "pipeline.translate", "body_boxes"),
    ("cutting patches", "pipeline.translate", "cut"),
    ("network", "pipeline.translate", "predict_checked"),
)


class Clock:
    """Seconds by stage, without those of the stages within."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._running: list[str] = []
        self._since = time.perf_counter()

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            self._enter(name)
            try:
                return call(*arguments, **named)
            finally:
                self._leave()

        return timed

    def _enter(self, name: str) -> None:
        self._credit()
        self._running.append(name)
        self.calls[name] += 1

    def _leave(self) -> None:
        self._credit()
        self._running.pop()

    def _credit(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def with_level(translator: Translator, level: float | None) -> Translator:
    """The same model with another level of air."""
    tiling = translator.spec.tiling.model_copy(update={"skip_below": level})
    spec = translator.spec.model_copy(update={"tiling": tiling})
    return Translator(spec, translator.card, translator.sha256, translator.engine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", "--input", type=Path, required=True)
    parser.add_argument("-m", "--model", default="limb-mr-to-ct")
    parser.add_argument("--skip-below", type=float, help="Level of air, in place of the model's own.")
    options = parser.parse_args()
    (file,) = head_files(options.input, 1)
    translator = Translator.load(options.model, device="cpu")
    if options.skip_below is not None:
        translator = with_level(translator, options.skip_below)
    clock = Clock()
    for name, where, function in STAGES:
        module = import_module(f"modality_translate.{where}")
        setattr(module, function, clock.around(name, getattr(module, function)))
    patches = [0]

    def convert() -> None:
        volume = clock.around("reading", read_volume)(file)
        synthetic = translator.translate(volume, force=True, progress=lambda _, total: patches.__setitem__(0, total))
        stored = translator.spec.target.stored
        clock.around("writing", write_volume)(file.with_name("o.nii.gz"), synthetic, dtype=stored, overwrite=True)

    clock.around("everything else (blending)", convert)()
    whole = sum(clock.seconds.values())
    print(f"{options.model} on {file.name}: {patches[0]} patches, {clock.calls['network']} batches, {whole:.1f} s")
    for name, seconds in sorted(clock.seconds.items(), key=lambda item: -item[1]):
        print(f"| {name} | {seconds:.2f} | {seconds / whole:.1%} |")


if __name__ == "__main__":
    main()
