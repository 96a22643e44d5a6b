from __future__ import annotations

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.training.toml import to_toml

KEYS = st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
TABLES = st.recursive(
    st.dictionaries(KEYS, PLAIN | st.lists(PLAIN), max_size=4),
    lambda inner: st.dictionaries(KEYS, inner | PLAIN, max_size=3),
    max_leaves=4,
)


@settings(deadline=None, max_examples=60)
@given(TABLES)
def test_what_is_written_reads_back_equal(values: dict[str, object]):
    assert tomllib.loads(to_toml(values)) == values


def test_none_is_left_out():
    assert tomllib.loads(to_toml({"a": None, "b": {"c": None, "d": 1}})) == {"b": {"d": 1}}


def test_comments_stand_above_what_they_are_about():
    values = {"name": "a", "table": {"x": 1, "inner": {"y": 2}}}
    text = to_toml(values, {"": "head\nmore", "table.x": "why\x07", "table.inner": "whole"})
    assert text == '# head\n# more\n\nname = "a"\n\n[table]\n# why?\nx = 1\n\n# whole\n[table.inner]\ny = 2\n'
    assert tomllib.loads(text) == values
