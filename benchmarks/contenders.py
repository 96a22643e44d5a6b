"""Who is compared, and what one contender's training and scores come to. Each trains in a process of its own."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from json import loads
from pathlib import Path

from child import run_module
from limbs import RECIPES, Row, Scores, answers, floor_rows, scores
from modality_translate import Translator
from modality_translate.data.machine import machine_at_hand
from modality_translate.data.plan_learning import choose_precision
from modality_translate.exporting.export import export_run
from modality_translate.training.device import open_fabric
from modality_translate.training.run import RunFolder
from reference.train import FACTS
from reference.translate import STATISTICS, translator

UNBOUNDED = 10**6
"""Steps: the minutes end every training."""

PAIRED = ("data.validation=0", "generator.width=16")
"""As many patients as the reference learns from, and a network that 20 minutes of two cores can train (the recipe's
width of 24 is for 40)."""
OURS: dict[str, tuple[str, tuple[str, ...]]] = {
    "hybrid": ("sts_mr_to_ct.toml", ("objective.kind=hybrid", *PAIRED)),
    "hybrid, registered pairs": ("sts_mr_to_ct.toml", ("objective.kind=hybrid", *PAIRED, "data.registration=elastic")),
    "pix2pix": ("sts_mr_to_ct.toml", ("objective.kind=pix2pix", *PAIRED)),
    "cyclegan": ("sts_mr_to_ct_unpaired.toml", ("objective.kind=cyclegan", "data.validation=0")),
    "cut": ("sts_mr_to_ct_unpaired.toml", ("objective.kind=cut", "data.validation=0")),
}
"""Recipe, and what is set over it; see `changes`."""
REFERENCE = {"reference Pix2Pix": "pix2pix", "reference CycleGAN": "cyclegan"}
FLOORS = "floors"
NAMES = (FLOORS, *REFERENCE, *OURS)


def changes(name: str, device: str) -> tuple[str, ...]:
    """What is set over the recipe of one of ours, with the precision that `mtranslate plan` chooses on `device`."""
    _, given = OURS[name]
    precision = choose_precision(machine_at_hand(device), paired=set(PAIRED) <= set(given)).value
    return (*given, f"training.precision={precision}")


@dataclass(frozen=True)
class Budget:
    """The same for every contender."""

    minutes: float
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"

    def flags(self) -> list[str]:
        """On the command line, minutes and seed apart."""
        threads = ["--threads", str(self.threads)] if self.threads else []
        return ["--device", self.device, *threads]


@dataclass(frozen=True)
class Result:
    """One row of the table. `others` are scores that were beaten by `scores` of the same contender."""

    name: str
    scores: Scores
    steps: int | None = None
    minutes: float | None = None
    trained_on: str = ""
    others: dict[str, Scores] = field(default_factory=dict)

    @property
    def row(self) -> Row:
        return Row(self.name, self.scores)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def results(name: str, budget: Budget, folder: Path) -> list[Result]:
    """Train and score a contender in `folder`; what an interrupted training left there is dropped."""
    shutil.rmtree(folder, ignore_errors=True)
    if name == FLOORS:
        return [Result(row.label, row.scores, trained_on="13 pairs") for row in floor_rows()]
    return [_ours(name, budget, folder) if name in OURS else _reference(name, budget, folder)]


def _ours(name: str, budget: Budget, folder: Path) -> Result:
    """By the commands a user would type; the exported file translates."""
    recipe, _ = OURS[name]
    settings = [
        *changes(name, budget.device),
        f"seed={budget.seed}",
        f"training.minutes={budget.minutes}",
        f"training.steps={UNBOUNDED}",
    ]
    flags = [part for setting in settings for part in ("--set", setting)]
    run_module("modality_translate", "train", str(RECIPES / recipe), "-o", str(folder), *flags, *budget.flags())
    model = folder / "model.onnx"
    export_run(folder, model)
    found = scores(answers(Translator.load(model, device=budget.device, threads=budget.threads).translate))
    last = RunFolder(folder).metrics()[-1]
    return Result(name, found, int(last["step"]), last["elapsed"] / 60.0, _patients(RunFolder(folder)))


def _patients(run: RunFolder) -> str:
    names = run.splits() or {}
    sources, targets = (names[f"train_{side}"] for side in ("source", "target"))
    dealt = _dealt(len(sources), len(targets), sources == targets)
    return f"{dealt} + {len(names['validation'])} to choose weights" if names["validation"] else dealt


def _dealt(sources: int, targets: int, paired: bool) -> str:
    return f"{sources} pairs" if paired else f"{sources} MR, {targets} other CT"


def _reference(name: str, budget: Budget, folder: Path) -> Result:
    """Tested every way its normalisation allows; the better way by MAE counts."""
    kind = REFERENCE[name]
    length = ["--minutes", str(budget.minutes), "--seed", str(budget.seed)]
    run_module("reference.train", kind, "-o", str(folder), *length, *budget.flags())
    facts = loads((folder / FACTS).read_text())
    device = open_fabric(budget.device, "32", budget.threads).device
    tested = {way: scores(answers(translator(kind, folder, way, device))) for way in STATISTICS[kind]}
    best = min(tested, key=lambda way: Row(name, tested[way]).mean("mae"))
    label = f"{name} ({best} statistics)" if len(tested) > 1 else name
    sources, targets = facts["volumes"]
    trained_on = _dealt(sources, targets, paired=kind == "pix2pix")
    others = {way: found for way, found in tested.items() if way != best}
    return Result(label, tested[best], facts["steps"], facts["minutes"], trained_on, others)
