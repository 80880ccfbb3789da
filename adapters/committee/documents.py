"""Committees and their handovers as JSON: what attesters publish and operators submit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clearinghouse.book.identifiers import ChainId, Hash32, to_hex
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import Committee, Scheme
from clearinghouse.proofs.handover import Handover


def committee_document(committee: Committee) -> dict[str, Any]:
    """Return a committee as ``decode_committee`` reads it."""
    return {
        "clearinghouse_id": to_hex(committee.clearinghouse_id),
        "chain_id": committee.chain_id,
        "epoch": committee.epoch,
        "threshold": committee.threshold,
        "scheme": committee.scheme.value,
        "members": [to_hex(member) for member in committee.members],
        "possessions": [to_hex(proof) for proof in committee.possessions],
    }


def handover_document(handover: Handover) -> dict[str, Any]:
    """Return a handover as ``decode_handover`` reads it."""
    return {
        "last_height": handover.last_height,
        "successor": committee_document(handover.successor),
        "signatures": [to_hex(signature) for signature in handover.signatures],
    }


def decode_committee(encoded: bytes) -> Committee:
    """Return the committee of a document.

    Raises
    ------
    ProofInvalid
        ``committee_malformed`` when it is none, or one that no client would take.
    """
    try:
        return _committee(json.loads(encoded))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProofInvalid("committee_malformed", f"this is no committee: {error}") from error


def decode_handover(encoded: bytes) -> Handover:
    """Return the handover of a document; unverified.

    Raises
    ------
    ProofInvalid
        ``handover_malformed`` when it is none, or hands over to what no client would take.
    """
    try:
        stored = json.loads(encoded)
        return Handover(
            _integer(stored["last_height"]),
            _committee(stored["successor"]),
            tuple(_bytes(item) for item in stored["signatures"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProofInvalid("handover_malformed", f"this is no handover: {error}") from error


def _committee(stored: Mapping[str, Any]) -> Committee:
    return Committee(
        clearinghouse_id=Hash32(_bytes(stored["clearinghouse_id"])),
        chain_id=ChainId(_integer(stored["chain_id"])),
        epoch=_integer(stored["epoch"]),
        threshold=_integer(stored["threshold"]),
        members=tuple(_bytes(member) for member in stored["members"]),
        scheme=Scheme(stored["scheme"]),
        possessions=tuple(_bytes(proof) for proof in stored["possessions"]),
    )


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"an integer is expected, was {value!r}")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"hex digits are expected, was {value!r}")
    return bytes.fromhex(value.removeprefix("0x"))
