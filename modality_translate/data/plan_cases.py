"""Objective, registration and split: chosen from how the cases pair up, with reasons; and what to be warned of."""

from __future__ import annotations

from modality_translate.data.check import FAR, STRANGE, TOLERATED
from modality_translate.data.decision import Decision
from modality_translate.data.fingerprint import Fingerprint, patients_of
from modality_translate.recipe import REGISTERS_FIRST

NEAR = TOLERATED[0]
"""mm apart (median) above which pairs are registered: on limbs that lie 2.7 mm apart that won 3 % of the error."""
FEW_PAIRS = 8
"""Fewer: a smaller network and stronger augmentation."""
ENOUGH_TO_VALIDATE, ENOUGH_TO_HOLD_OUT, EVERY_NTH = 3, 5, 5


def choose_objective(fingerprint: Fingerprint, *, paired: bool) -> Decision:
    """cyclegan without pairs, hybrid with them."""
    if not paired:
        return Decision("objective.kind", "cyclegan", "no pairs: source and target show different patients")
    found = fingerprint.alignment
    if "PET" in (fingerprint.source.modality, fingerprint.target.modality):
        return Decision("objective.kind", "hybrid", "pairs; PET has too few edges to measure how well they lie")
    if found is None:
        return Decision("objective.kind", "hybrid", "pairs; too little structure to measure how well they lie")
    # Never reggan: pairs that are registered first lost by registering them while they are learnt (RESULTS.md).
    apart = f"pairs, {found.median:.1f} mm apart (median of {found.pairs})"
    return Decision("objective.kind", "hybrid", f"{apart}: compared voxel by voxel")


def choose_registration(fingerprint: Fingerprint, objective: str, *, paired: bool) -> list[Decision]:
    """Elastic, before training, where pairs lie measurably apart, or where the objective starts from that."""
    found = fingerprint.alignment
    if not paired or "PET" in (fingerprint.source.modality, fingerprint.target.modality):
        return []
    if objective == REGISTERS_FIRST:
        return [Decision("data.registration", "elastic", f"{objective} mends what registering leaves (20 s a pair)")]
    if found is None or found.median <= NEAR:
        return []
    reason = f"{found.median:.1f} mm apart: sources are moved onto targets where that helps (about 20 s a pair)"
    return [Decision("data.registration", "elastic", reason)]


def choose_split(pairs: tuple[str, ...]) -> list[Decision]:
    """Which cases are only scored at the end, and how many while training; by patient."""
    patients = patients_of(pairs)
    enough = len(patients) >= ENOUGH_TO_HOLD_OUT
    chosen = set(patients[EVERY_NTH - 1 :: EVERY_NTH]) if enough else set()
    held_out = [name for name in pairs if name.split("/")[0] in chosen]
    validation = 1 if len(patients) >= ENOUGH_TO_VALIDATE else 0
    count = f"{counted(len(patients), 'patient')} with both sides"
    return [
        Decision("data.held_out", held_out, f"every {EVERY_NTH}th, scored at the end" if chosen else f"none: {count}"),
        Decision("data.validation", validation, "scored while training" if validation else f"none: {count}"),
    ]


def warnings(fingerprint: Fingerprint, *, paired: bool) -> list[str]:
    """What the user should know before spending hours."""
    found, alignment, said = len(fingerprint.pairs), fingerprint.alignment, []
    if paired and found < FEW_PAIRS:
        said.append(
            f"{counted(found, 'pair')}, which is few: expect a model that fits these patients and hardly any others."
        )
    if paired and found < ENOUGH_TO_VALIDATE:
        said.append(f"{counted(found, 'pair')}, so that none is left to score: the model's accuracy stays unknown.")
    for name, side in (("source", fingerprint.source), ("target", fingerprint.target)):
        if not paired and side.files < FEW_PAIRS:
            said.append(f"{counted(side.files, f'{name} volume')}, which is few for training without pairs.")
        if side.spacing[2] < max(side.spacing[:2]) / 1.5:
            said.append(f"{name} slices were not scanned along the body; they are cut head to foot nevertheless.")
        said += [f"not as a {side.modality} should be, {problem}" for problem in side.problems]
    if not paired and found:
        said.append(f"{found} names are on both sides; they are taken for one patient each, and only scored as pairs.")
    if paired and alignment is not None and "PET" not in (fingerprint.source.modality, fingerprint.target.modality):
        if alignment.agreement < STRANGE:
            said.append(f"edges of the pairs agree by {alignment.agreement:.2f} only: are these the same patients?")
        if alignment.median > FAR:
            said.append(
                f"pairs lie {alignment.median:.1f} mm apart, too far for a registration to be sure: look at some."
            )
    return said


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
