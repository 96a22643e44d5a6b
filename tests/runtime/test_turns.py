from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from modality_translate.runtime.turns import Room, Turns


def until(said: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not said():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_who_came_first_goes_next():
    turns, order = Turns(), list[int]()

    def have(place: int) -> None:
        with turns.turn(place):
            order.append(place)

    with turns.turn(9):
        threads = [threading.Thread(target=have, args=(place,)) for place in (7, 3, 5)]
        for thread in threads:
            thread.start()
        until(lambda: len(turns._waiting) == 3)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [3, 5, 7]
    assert turns.seconds > 0


def test_two_streams_compute_for_two_volumes_and_count_the_time_once():
    turns, begin = Turns(2), time.monotonic()
    inside, release, third = threading.Barrier(3), threading.Event(), list[float]()

    def have(place: int) -> None:
        with turns.turn(place):
            inside.wait()
            release.wait()

    def wait() -> None:
        with turns.turn(0):
            third.append(time.monotonic())

    threads = [threading.Thread(target=have, args=(place,)) for place in (1, 2)]
    for thread in threads:
        thread.start()
    inside.wait()
    last = threading.Thread(target=wait)
    last.start()
    until(lambda: turns._waiting == [0])
    assert third == []
    release.set()
    for thread in (*threads, last):
        thread.join()
    assert 0 < turns.seconds <= time.monotonic() - begin


def test_a_turn_ends_with_an_error_too():
    turns = Turns()
    with pytest.raises(ValueError, match="bad"), turns.turn(0):
        raise ValueError("bad")
    with turns.turn(0):
        pass


def test_volumes_wait_for_room_and_a_large_one_is_alone():
    room, inside, most = Room(10), list[int](), [0]

    def hold(voxels: int) -> None:
        with room.of(voxels):
            inside.append(voxels)
            most[0] = max(most[0], sum(inside))
            assert sum(inside) <= 10 or len(inside) == 1
            time.sleep(0.002)
            inside.remove(voxels)

    threads = [threading.Thread(target=hold, args=(voxels,)) for voxels in (4, 6, 25, 5, 5, 10, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [25]
