"""What `mtranslate train` prints at its end."""

from __future__ import annotations

import shlex
from typing import Any


def summary(run: Any) -> str:
    """The run folder, its last and lowest validation, held-out scores, what its curves say, and the next command."""
    from modality_translate.training.diagnosis import diagnose

    rows = run.metrics()
    lines = [f"Run folder: {run.path} ({rows[-1]['step']:.0f} steps, {rows[-1]['elapsed'] / 60:.1f} min)"]
    for direction in run.directions():
        lines += [_best(rows, direction)]
    for direction, scores in run.held_out_scores().items():
        means = "  ".join(f"{name} {values['mean']:.4g}" for name, values in scores["summary"].items())
        lines.append(f"Held out, {direction} ({len(scores['cases'])} cases, {scores['units']}): {means}")
    lines += [f"Diagnosis: {verdict}" for verdict in diagnose(rows)]
    lines.append(f"Next: mtranslate export {shlex.quote(str(run.path))} -o model.onnx")
    return "\n".join(lines)


def _best(rows: list[dict[str, float]], direction: str) -> str:
    prefix = "validation." if direction == "forward" else f"validation_{direction}."
    scored = [row for row in rows if f"{prefix}mae" in row]
    if not scored:
        return f"{direction}: no pair to validate on; the last averaged weights are kept."
    last, lowest = scored[-1], min(scored, key=lambda row: row[f"{prefix}mae"])
    figures = "  ".join(f"{name.removeprefix(prefix)} {v:.4g}" for name, v in last.items() if name.startswith(prefix))
    low = f"lowest mae {lowest[f'{prefix}mae']:.4g} at step {lowest['step']:.0f}"
    return f"Last validation, {direction} (step {last['step']:.0f}): {figures}  ({low})"
