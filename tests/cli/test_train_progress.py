"""What a training says on stderr."""

from __future__ import annotations

import pytest

from modality_translate.cli.train_progress import TrainingBar, TrainingLines


@pytest.mark.parametrize("shown", [lambda: TrainingLines(quiet=False), TrainingBar])
def test_names_of_cases_do_not_drive_the_terminal(shown, capsys: pytest.CaptureFixture[str]):
    with shown() as lines:
        lines.say("pa\x1b[2Jt\x07ient: not registered\nsecond line")
    said = capsys.readouterr().err
    assert "pa?[2Jt?ient: not registered\nsecond line\n" in said


def test_quiet_lines_say_nothing(capsys: pytest.CaptureFixture[str]):
    TrainingLines(quiet=True).say("anything")
    assert capsys.readouterr().err == ""
