"""Statements about an anchor's storage that do not depend on the node that served them.

Everything is verified with ``clearinghouse.proofs`` against a header that a light client accepted,
and bound to the anchor's address and pinned code, before it is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from adapters.base import CounterProof, ProvenDeposit, ProvenExit, ProvenPhase
from adapters.evm.reader import UnverifiedStateProof
from clearinghouse.book.identifiers import Address, AssetId, Hash32, to_hex
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import (
    FROZEN_SLOT,
    Deposit,
    decode_deposit,
    decode_exit,
    decode_phase,
    deposit_slots,
    exit_slots,
    next_deposit_hash,
    phase_slot,
)
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.state import StateProof, verify_slot

DEPOSITS_PER_REQUEST = 64
"""Three slots each, so a request asks for at most 195 storage proofs of a few kilobytes."""

EXITS_PER_REQUEST = 96
"""Two slots each."""


class StateSource(Protocol):
    """Who serves state and proofs of it; trusted with nothing."""

    def get_proof(
        self, account: Address, slots: Sequence[Hash32], height: int
    ) -> UnverifiedStateProof:
        """Return the nodes of EIP-1186 for ``slots`` of ``account`` after block ``height``."""
        ...

    def deposit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        """Return how many deposits of an asset the anchor had after block ``height``."""
        ...

    def exit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        """Return how many exits of an asset the anchor had after block ``height``."""
        ...


class Prover:
    """Proves what one anchor holds."""

    def __init__(self, source: StateSource, anchor: Address, anchor_code_hash: Hash32) -> None:
        self._source = source
        self._anchor = anchor
        self._code_hash = anchor_code_hash

    def prove_slots(
        self, header: VerifiedHeader, slots: Sequence[Hash32]
    ) -> list[tuple[int, CounterProof]]:
        """Return the word at each slot after ``header``, with the evidence of it.

        Raises
        ------
        ProofInvalid
            When the node's proof does not verify, or another contract is at the anchor's address.
        """
        answer = self._source.get_proof(self._anchor, slots, header.height)
        proven = []
        for slot, nodes in zip(slots, answer.storage_nodes, strict=True):
            proof = StateProof(answer.account_nodes, nodes)
            word = verify_slot(header, self._anchor, self._code_hash, slot, proof)
            proven.append((word, CounterProof(header.height, answer.account_nodes, nodes)))
        return proven

    def prove_phase(self, header: VerifiedHeader, settlement_id: Hash32) -> ProvenPhase:
        """Return a settlement's phase at ``header``; NONE by a sound proof of absence."""
        ((word, proof),) = self.prove_slots(header, [phase_slot(settlement_id)])
        return ProvenPhase(decode_phase(word), header, proof)

    def prove_deposits(
        self, header: VerifiedHeader, asset_id: AssetId, first_index: int, hash_before: Hash32
    ) -> list[ProvenDeposit]:
        """Return every deposit from ``first_index`` to the last one at ``header``.

        The number of deposits is asked of the node and then proven: the record after the last is
        proven absent, and anchors fill indices without gaps. The hash chain is recomputed from
        ``hash_before``, so these deposits follow the ones that the caller already has (P11).

        Raises
        ------
        ProofInvalid
            ``deposit_hash_broken`` when they do not follow ``hash_before``, ``deposit_count_wrong``
            when the node hides or invents deposits, ``deposit_malformed`` and what ``prove_slots``
            raises.
        """
        count = self._source.deposit_count(self._anchor, asset_id, header.height)
        if count < first_index:
            raise _count_wrong("deposit", asset_id, first_index - 1, "was there before")
        proven: list[ProvenDeposit] = []
        chain_hash, previous_total = hash_before, None
        bounds = [*range(first_index, count, DEPOSITS_PER_REQUEST), count]
        for first, end in pairwise(bounds):
            for index, deposit in enumerate(
                self._deposits(header, asset_id, first, end), start=first
            ):
                chain_hash = _verify_next(deposit, asset_id, index, chain_hash)
                if previous_total is not None and deposit.total != previous_total + deposit.quanta:
                    raise _broken(asset_id, index, "its running total does not follow")
                previous_total = deposit.total
                proven.append(_proven(header, index, deposit))
        self._verify_end(header, asset_id, count)
        return proven

    def _deposits(
        self, header: VerifiedHeader, asset_id: AssetId, first: int, end: int
    ) -> list[Deposit]:
        slots = [slot for index in range(first, end) for slot in deposit_slots(asset_id, index)]
        words = [word for word, _ in self.prove_slots(header, slots)]
        deposits = []
        for offset in range(0, len(words), 3):
            deposit = decode_deposit(*words[offset : offset + 3])
            if deposit is None:
                raise _count_wrong("deposit", asset_id, first + offset // 3, "does not exist")
            deposits.append(deposit)
        return deposits

    def _verify_end(self, header: VerifiedHeader, asset_id: AssetId, count: int) -> None:
        ((word, _),) = self.prove_slots(header, [deposit_slots(asset_id, count)[0]])
        if word != 0:
            raise _count_wrong("deposit", asset_id, count, "exists")

    def prove_exits(
        self, header: VerifiedHeader, asset_id: AssetId, first_index: int
    ) -> list[ProvenExit]:
        """Return every exit from ``first_index`` to the last one at ``header``.

        The number is asked of the node and proven as that of deposits is. Nothing chains exits:
        each lies in a slot of its own that is written once.

        Raises
        ------
        ProofInvalid
            ``exit_count_wrong`` when the node hides or invents exits, ``exit_malformed`` and what
            ``prove_slots`` raises.
        """
        count = self._source.exit_count(self._anchor, asset_id, header.height)
        if count < first_index:
            raise _count_wrong("exit", asset_id, first_index - 1, "was there before")
        proven: list[ProvenExit] = []
        bounds = [*range(first_index, count, EXITS_PER_REQUEST), count]
        for first, end in pairwise(bounds):
            proven += self._exits(header, asset_id, first, end)
        ((word, _),) = self.prove_slots(header, [exit_slots(asset_id, count)[0]])
        if word != 0:
            raise _count_wrong("exit", asset_id, count, "exists")
        return proven

    def prove_frozen(self, header: VerifiedHeader) -> bool:
        """Return whether the anchor had frozen at ``header``."""
        ((word, _),) = self.prove_slots(header, [FROZEN_SLOT])
        return word != 0

    def _exits(
        self, header: VerifiedHeader, asset_id: AssetId, first: int, end: int
    ) -> list[ProvenExit]:
        slots = [slot for index in range(first, end) for slot in exit_slots(asset_id, index)]
        words = [word for word, _ in self.prove_slots(header, slots)]
        proven = []
        for index in range(first, end):
            offset = 2 * (index - first)
            request = decode_exit(words[offset], words[offset + 1])
            if request is None:
                raise _count_wrong("exit", asset_id, index, "does not exist")
            if request.asset_id != asset_id:
                raise ProofInvalid(
                    "exit_malformed",
                    f"exit {index} of asset {asset_id} is recorded for asset {request.asset_id}; "
                    "this is not an anchor of ours",
                    asset_id=asset_id,
                    index=index,
                )
            proven.append(
                ProvenExit(
                    chain_id=header.chain_id,
                    asset_id=asset_id,
                    index=index,
                    member=request.member,
                    quanta=request.quanta,
                    time=request.time,
                    height=header.height,
                )
            )
        return proven


def _verify_next(deposit: Deposit, asset_id: AssetId, index: int, hash_before: Hash32) -> Hash32:
    """Check a deposit against the hash chain and return the chain's next hash."""
    if deposit.asset_id != asset_id:
        raise _broken(asset_id, index, f"it is recorded for asset {deposit.asset_id}")
    record = deposit.member + deposit.asset_id.to_bytes(4) + deposit.quanta.to_bytes(8)
    chain_hash = next_deposit_hash(hash_before, record)
    if chain_hash != deposit.hash:
        raise _broken(
            asset_id, index, f"it does not follow {to_hex(hash_before)}, the hash before it"
        )
    return chain_hash


def _proven(header: VerifiedHeader, index: int, deposit: Deposit) -> ProvenDeposit:
    return ProvenDeposit(
        chain_id=header.chain_id,
        asset_id=deposit.asset_id,
        index=index,
        member=deposit.member,
        quanta=deposit.quanta,
        time=deposit.time,
        total=deposit.total,
        hash=deposit.hash,
        height=header.height,
    )


def _broken(asset_id: AssetId, index: int, cause: str) -> ProofInvalid:
    return ProofInvalid(
        "deposit_hash_broken",
        f"deposit {index} of asset {asset_id}: {cause}; start from the hash of the last deposit "
        "that was credited, and see whether the chain rewrote its history",
        asset_id=asset_id,
        index=index,
    )


def _count_wrong(kind: str, asset_id: AssetId, index: int, found: str) -> ProofInvalid:
    return ProofInvalid(
        f"{kind}_count_wrong",
        f"{kind} {index} of asset {asset_id} {found}, against the count that the node gave; ask "
        "another node",
        asset_id=asset_id,
        index=index,
    )
