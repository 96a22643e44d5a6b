from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modality_translate.printable import plain


@given(st.text())
def test_nothing_is_left_that_a_terminal_would_obey(text: str):
    assert plain(text).isprintable()
    assert len(plain(text)) == len(text)


def test_names_in_any_script_stay():
    assert plain("Größe 腕 ١") == "Größe 腕 ١"
