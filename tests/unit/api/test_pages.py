"""Goal: pages of a list add up to the list, also when it grows meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.api.pages import page_of
from clearinghouse.errors import Rejected


def itself(item: int) -> int:
    return item


@given(st.sets(st.integers(0, 50)).map(sorted), st.integers(1, 7))
def test_pages_add_up_to_the_list(items: list[int], size: int) -> None:
    collected: list[int] = []
    token = ""
    for _ in range(len(items) + 1):
        page, token = page_of(items, itself, size, token)
        assert len(page) <= size
        collected += page
        if not token:
            break
    assert token == ""
    assert collected == items


def test_page_neither_repeats_nor_skips_when_the_list_grows() -> None:
    first, token = page_of([2, 4, 6], itself, 2, "")
    second, token = page_of([1, 2, 3, 4, 5, 6, 7], itself, 2, token)
    assert (first, second, token) == ([2, 4], [5, 6], "6")


def test_page_is_of_default_size_when_zero_or_more_than_allowed_is_asked() -> None:
    items = list(range(1_500))
    for size in (0, 5_000):
        page, token = page_of(items, itself, size, "")
        assert (len(page), token) == (1_000, "999")


@pytest.mark.parametrize("token", ["x", "-1", "1.5", "²", " 1"])
def test_page_is_refused_when_the_token_is_foreign(token: str) -> None:
    with pytest.raises(Rejected) as refused:
        page_of([1, 2], itself, 1, token)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"
