from __future__ import annotations

import threading
from contextlib import closing

import pytest

from modality_translate.data.prefetch import AHEAD, prefetch


def test_items_come_in_order():
    assert list(prefetch(lambda step: step * step, range(2, 6))) == [4, 9, 16, 25]


def test_an_error_is_raised_where_its_item_would_have_come():
    def make(step: int) -> int:
        return 10 // (2 - step)

    items = prefetch(make, range(4))
    assert [next(items), next(items)] == [5, 10]
    with pytest.raises(ZeroDivisionError, match="division"):
        next(items)


def test_closing_ends_the_thread_and_nothing_is_made_far_ahead():
    made: list[int] = []
    with closing(prefetch(lambda step: made.append(step), range(1000))) as items:
        next(items)
    assert len(made) <= AHEAD + 3
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]
