"""An anchor's events, for progress displays only: nothing is credited from a log (P11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.evm.artifacts import decode_event, load_artifact
from adapters.evm.reader import Reader
from clearinghouse.book.identifiers import Address, Hash32


@dataclass(frozen=True)
class AnchorEvent:
    """Something that a node says an anchor reported."""

    name: str
    arguments: Mapping[str, object]
    height: int
    transaction_hash: Hash32


def read_anchor_events(
    reader: Reader, anchor: Address, first_height: int, last_height: int
) -> list[AnchorEvent]:
    """Return the anchor's events between two heights, both included, in the chain's order.

    A log of another emitter, and one that the anchor's ABI does not declare, is left out whatever
    the node returned it for.
    """
    artifact = load_artifact("Anchor")
    events = []
    for log in reader.logs(anchor, first_height, last_height):
        decoded = None if log.emitter != anchor else decode_event(artifact, log.topics, log.data)
        if decoded is not None:
            events.append(AnchorEvent(*decoded, log.height, log.transaction_hash))
    return events
