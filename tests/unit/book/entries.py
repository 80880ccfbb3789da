"""Recording entries as they are, and seeing that bad ones leave nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from clearinghouse.book.entries import Entry
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import Corruption
from tests.builders import Clearing

A_HASH = Hash32(b"\x09" * 32)


def corruption(clearing: Clearing, entry: Entry) -> str:
    """Record a bad entry; return the reason after seeing that nothing of it stayed."""
    before, entries = clearing.hash(), len(clearing.journal.records)
    with pytest.raises(Corruption) as caught:
        clearing.record(entry)
    assert (clearing.hash(), len(clearing.journal.records)) == (before, entries)
    return caught.value.reason


def last(clearing: Clearing, kind: type) -> Any:
    return next(e for e in reversed(clearing.journal.entries()) if isinstance(e, kind))
