"""A client of a rollup on chain, its bonded attesters, and the L1 client that audits them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import rlp

from adapters.committee.client import (
    DAY_SECONDS,
    ClientPolicy,
    build_configuration,
    build_update,
)
from adapters.evm.rollup_proofs import l1_evidence_argument
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import sign_digest, signer_address
from clearinghouse.proofs.committee import Attestation, Committee, committee_digest
from clearinghouse.proofs.header import decode_header
from clearinghouse.proofs.rlp import encode_uint
from clearinghouse.proofs.state import StateProof
from tests.unit.contracts.evm import Contract, Evm, Reverted
from tests.unit.proofs.committees import CLEARINGHOUSE, KEYS

EPOCH, THRESHOLD = 1, 3
MEMBERS = tuple(map(signer_address, KEYS))
BOND, UNBONDING_SECONDS = 10**9, 30 * 86_400
CHALLENGER_BASIS_POINTS = 4_000
INSURANCE = Address(b"\x15" * 20)
ACTIVE, FROZEN = range(2)

LASTING = ClientPolicy(trusting_seconds=10 * 365 * DAY_SECONDS)
"""Recordings are old, and clocks are moved by weeks."""

NO_HISTORY = StateProof((), ())


class AttestedClient:
    """The contracts of one rollup on one chain; the same four keys attest L1 and the rollup."""

    def __init__(
        self, chain: Evm, rollup: ChainId, l1: ChainId, root: Contract, history_window: int
    ) -> None:
        self.chain = chain
        self.committee = Committee(CLEARINGHOUSE, rollup, EPOCH, THRESHOLD, MEMBERS)
        self.l1_chain = l1
        l1_committee = Committee(CLEARINGHOUSE, l1, EPOCH, THRESHOLD, MEMBERS)
        self.l1 = chain.deploy("CommitteeLightClient", build_configuration(l1_committee, LASTING))
        self.token = chain.deploy("FaucetToken", "Test USD", "USD", 6)
        self.contract = chain.deploy(
            "AttestedRollupClient",
            (
                *(CLEARINGHOUSE, rollup, EPOCH, THRESHOLD, MEMBERS),
                *(self.l1.address, root.address, history_window),
                *(self.token.address, BOND, UNBONDING_SECONDS),
                *(CHALLENGER_BASIS_POINTS, INSURANCE),
            ),
        )
        self.challenger = Address(bytes.fromhex(chain.request("eth_accounts")[0][2:]))
        self.token.send("faucet", self.challenger, BOND * len(MEMBERS))
        self.token.send("approve", self.contract.address, BOND * len(MEMBERS))
        for member in MEMBERS:
            self.contract.send("postBond", member)

    def follow_l1(self, header_rlp: bytes) -> int:
        """Have L1's committee attest a header, and return its height."""
        header = decode_header(header_rlp)
        self.l1.send(
            "update",
            encode_update(header_rlp, sign(self.l1_chain, header.height, header.block_hash)),
        )
        return header.height

    def attest(self, header_rlp: bytes, height: int | None = None) -> Attestation:
        """Return what three attesters sign for a header, or for its hash at another height."""
        header = decode_header(header_rlp)
        attested = header.height if height is None else height
        signatures = sign(self.committee.chain_id, attested, header.block_hash)
        return Attestation(EPOCH, attested, header.block_hash, signatures)

    def update(self, header_rlp: bytes) -> Any:
        """Return the receipt of an update with what the attesters sign."""
        data = encode_update(header_rlp, self.attest(header_rlp).signatures)
        return self.contract.send("update", data)

    def audit(
        self,
        attestation: Attestation,
        l1_height: int,
        root_proof: bytes,
        history: StateProof = NO_HISTORY,
    ) -> Any:
        """Return the receipt of an audit."""
        return self.contract.send(
            "audit",
            attestation.height,
            attestation.block_hash,
            attestation.signatures,
            l1_evidence_argument(l1_height, root_proof, history),
        )

    def refuse(
        self,
        attestation: Attestation,
        l1_height: int,
        root_proof: bytes,
        history: StateProof = NO_HISTORY,
    ) -> str:
        """Return the error with which the contract refuses an audit."""
        with pytest.raises(Reverted) as refusal:
            self.audit(attestation, l1_height, root_proof, history)
        return refusal.value.error.name

    def bonds(self) -> list[int]:
        return [self.contract.call("bondOf", member)[0] for member in MEMBERS]


def forge_header(header_rlp: bytes, height: int | None = None, timestamp: int = 0) -> bytes:
    """Return another header, as colluding attesters would make it: of the same height and time, or
    of these."""
    fields = rlp.decode(header_rlp)
    if height is not None:
        fields[8], fields[11] = map(encode_uint, (height, timestamp))
    fields[3] = keccak256(b"a state in which the attesters own everything")
    return rlp.encode(fields)


def sign(chain_id: ChainId, height: int, block_hash: Hash32) -> tuple[bytes, ...]:
    """Return the signatures of three attesters."""
    digest = committee_digest(CLEARINGHOUSE, chain_id, EPOCH, height, block_hash)
    return tuple(sign_digest(key, digest) for key in KEYS[:THRESHOLD])


def encode_update(header_rlp: bytes, signatures: Sequence[bytes]) -> bytes:
    header = decode_header(header_rlp)
    attestation = Attestation(EPOCH, header.height, header.block_hash, tuple(signatures))
    return build_update(header_rlp, attestation)
