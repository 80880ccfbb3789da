"""The queue: turns between lanes, bounds of each, and an end that loses nothing."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.errors import Unavailable
from clearinghouse.intake.lanes import Lanes
from tests.builders import WAIT_SECONDS


def lanes(lane_limit: int = 100, group_limit: int = 4, group_weight: int = 10**9) -> Lanes[str]:
    return Lanes(lane_limit, group_limit, group_weight)


def put(queue: Lanes[str], *items: str) -> None:
    """Put items such as ``a1`` into the lane of their letter."""
    for item in items:
        queue.put(item[0], item)


def take_all(queue: Lanes[str]) -> list[list[str]]:
    """Close the queue and return every group that is left."""
    queue.close()
    groups = []
    while group := queue.take():
        groups.append(group)
    return groups


def test_group_takes_turns_when_one_lane_floods() -> None:
    queue = lanes()
    put(queue, *(f"a{n}" for n in range(6)), "b0", "c0", "b1")
    assert take_all(queue) == [["a0", "b0", "c0", "a1"], ["b1", "a2", "a3", "a4"], ["a5"]]


def test_turn_goes_on_in_the_next_group_when_there_are_more_lanes_than_places() -> None:
    queue = lanes(group_limit=2)
    put(queue, "a0", "a1", "b0", "b1", "c0", "c1")
    assert take_all(queue) == [["a0", "b0"], ["c0", "a1"], ["b1", "c1"]]


def test_late_lane_waits_for_one_item_of_each_other_when_they_are_full() -> None:
    queue = lanes(group_limit=3)
    put(queue, *(f"{lane}{n}" for lane in "ab" for n in range(50)))
    queue.take()
    put(queue, "z0")
    assert "z0" in queue.take()


def test_group_ends_with_the_item_that_brings_its_weight() -> None:
    queue = lanes(group_weight=10)
    for number, weight in enumerate((4, 5, 1, 10, 99, 1)):
        queue.put("a", f"a{number}", weight)
    assert take_all(queue) == [["a0", "a1", "a2"], ["a3"], ["a4"], ["a5"]]


def test_full_lane_refuses_and_others_go_on() -> None:
    queue = lanes(lane_limit=2)
    put(queue, "a0", "a1")
    with pytest.raises(Unavailable) as caught:
        put(queue, "a2")
    assert (caught.value.reason, caught.value.retryable) == ("queue_full", True)
    assert caught.value.attributes["limit"] == 2
    put(queue, "b0")
    assert queue.take() == ["a0", "b0", "a1"]
    put(queue, "a2", "a3")
    assert take_all(queue) == [["a2", "a3"]]


def test_put_is_refused_and_the_rest_is_taken_when_the_queue_is_closed() -> None:
    queue = lanes()
    put(queue, "a0", "b0")
    queue.close()
    with pytest.raises(Unavailable) as caught:
        put(queue, "a1")
    assert caught.value.reason == "shutting_down"
    assert queue.take() == ["a0", "b0"]
    assert queue.take() == []
    assert queue.take() == []


@pytest.mark.parametrize("ending", [True, False])
def test_taker_wakes_when_something_comes_or_the_queue_closes(ending: bool) -> None:
    queue = lanes()
    with ThreadPoolExecutor(1) as taker:
        taking = taker.submit(queue.take)
        queue.close() if ending else put(queue, "a0")
        assert taking.result(WAIT_SECONDS) == ([] if ending else ["a0"])


def test_everything_is_taken_once_and_in_order_when_many_threads_put() -> None:
    queue = lanes(lane_limit=10**6, group_limit=7)
    taken: list[str] = []

    def take() -> None:
        while group := queue.take():
            assert len(group) <= 7
            taken.extend(group)

    with ThreadPoolExecutor(5) as workers:
        taking = workers.submit(take)
        putting = [
            workers.submit(put, queue, *(f"{lane}{n}" for n in range(500))) for lane in "abcd"
        ]
        for each in putting:
            each.result(WAIT_SECONDS)
        queue.close()
        taking.result(WAIT_SECONDS)
    for lane in "abcd":
        assert [item for item in taken if item[0] == lane] == [f"{lane}{n}" for n in range(500)]


@given(
    st.lists(st.one_of(st.sampled_from("abcde"), st.none()), max_size=60),
    st.integers(1, 5),
)
def test_no_lane_is_served_twice_while_another_waits(
    steps: list[str | None], group_limit: int
) -> None:
    """Steps put into a lane, or take a group."""
    queue = lanes(group_limit=group_limit)
    waiting: Counter[str] = Counter()
    served: dict[str, Counter[str]] = {}

    def serve(item: str) -> None:
        lane = item[0]
        waiting[lane] -= 1
        served.pop(lane, None)
        for other in waiting:
            if other != lane and waiting[other]:
                since = served.setdefault(other, Counter())
                since[lane] += 1
                assert since[lane] <= 1, f"{lane} came twice before {other}"

    for number, step in enumerate(steps):
        if step is not None:
            put(queue, f"{step}{number}")
            waiting[step] += 1
        elif waiting.total():
            for item in queue.take():
                serve(item)
    for group in take_all(queue):
        for item in group:
            serve(item)
    assert not waiting.total()
