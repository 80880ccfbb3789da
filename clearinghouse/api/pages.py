"""Pages of lists (AIP-158)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from clearinghouse.errors import Rejected

MAXIMUM_PAGE_SIZE = 1_000

Item = TypeVar("Item")


def page_of(
    items: Sequence[Item], key: Callable[[Item], int], page_size: int, page_token: str
) -> tuple[Sequence[Item], str]:
    """Return a page and the token of the next one, empty when there is none.

    ``items`` are sorted by ``key``; the token is the key of the page's last item, so a list that
    grows between two pages neither repeats nor skips anything.

    Raises
    ------
    Rejected
        ``PAGE_TOKEN_INVALID`` for a token that this server did not give.
    """
    if page_token and not (page_token.isascii() and page_token.isdigit()):
        raise Rejected("PAGE_TOKEN_INVALID", "send the token of the page before, unchanged")
    size = min(page_size or MAXIMUM_PAGE_SIZE, MAXIMUM_PAGE_SIZE)
    start = bisect_right(items, int(page_token), key=key) if page_token else 0
    page = items[start : start + size]
    more = start + size < len(items)
    return page, str(key(page[-1])) if more else ""
