from __future__ import annotations

import pytest

from modality_translate.data.share import share


@pytest.mark.parametrize(("parts", "processes"), [(1, 1), (1, 2), (2, 2), (3, 4), (2, 6)])
def test_every_sample_is_taken_once(parts: int, processes: int):
    taken = [share(24, parts, rank, processes) for rank in range(processes)]
    assert sorted(number for one in taken for number in one) == list(range(24))
    assert {len(one) for one in taken} == {24 // processes}


def test_each_part_shows_the_same_samples_however_many_share_it():
    alone = share(8, 2, 0, 1)
    both = [share(8, 2, rank, 2) for rank in range(2)]
    for part in range(2):
        together = [number for one in both for number in one[2 * part : 2 * part + 2]]
        assert together == alone[4 * part : 4 * part + 4]
