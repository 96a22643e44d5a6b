from __future__ import annotations

from pathlib import Path

from modality_translate.training.curves import write_curves

ROWS = [{"step": 10 * i, "l1": 1 / i, "adversarial": 0.3, "discriminator": 0.2} for i in range(1, 4)]


def test_curves_show_terms_and_the_equilibrium(tmp_path: Path):
    write_curves(tmp_path / "losses.svg", [*ROWS, {"step": 40, "validation.mae": 60.0}], "my run")
    text = (tmp_path / "losses.svg").read_text()
    for word in ("my run", "discriminator", "equilibrium 0.25", "best 60", "validation.mae", "l1"):
        assert f"<!-- {word} -->" in text


def test_each_direction_has_its_own_panel_as_units_differ(tmp_path: Path):
    scores = {"step": 40, "validation.mae": 60.0, "validation_backward.mae": 200.0}
    write_curves(tmp_path / "losses.svg", [*ROWS, scores], "my run")
    text = (tmp_path / "losses.svg").read_text()
    assert "<!-- best 60 -->" in text
    assert "<!-- best 200 -->" in text


def test_accuracy_is_drawn_with_chance(tmp_path: Path):
    write_curves(tmp_path / "losses.svg", [row | {"discriminator_accuracy": 0.6} for row in ROWS], "my run")
    assert "<!-- chance 0.5 -->" in (tmp_path / "losses.svg").read_text()


def test_without_a_game_there_is_no_panel_for_it(tmp_path: Path):
    write_curves(tmp_path / "losses.svg", [{"step": row["step"], "l1": row["l1"]} for row in ROWS], "my run")
    assert "equilibrium" not in (tmp_path / "losses.svg").read_text()


def test_the_same_rows_give_the_same_file(tmp_path: Path):
    for name in ("a.svg", "b.svg"):
        write_curves(tmp_path / name, ROWS, "run")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
