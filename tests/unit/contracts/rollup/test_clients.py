"""The audited client inside an EVM: real Arbitrum data, and an L1 and a rollup of our own."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from adapters.evm.rollup_proofs import (
    build_outbox_proof,
    build_output_proof,
    l1_contract_argument,
)
from clearinghouse.book.identifiers import Address, ChainId, to_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.header import VerifiedHeader, decode_header, verify_block
from clearinghouse.proofs.rollups.audit import ProvenBlock, verify_false_attestation
from clearinghouse.proofs.rollups.history import (
    ARBITRUM_HISTORY_WINDOW_BLOCKS,
    HISTORY_CONTRACT,
    HISTORY_WINDOW_BLOCKS,
    history_slot,
    verify_ancestor,
)
from clearinghouse.proofs.rollups.nitro import verify_outbox_header
from clearinghouse.proofs.rollups.opstack import (
    OutputOracle,
    OutputPreimage,
    OutputProof,
    output_root,
    output_slots,
)
from clearinghouse.proofs.state import StateProof
from tests.unit.contracts.evm import Evm, Reverted
from tests.unit.contracts.rollup.anvil_state import ANVIL, AnvilState, newest_header
from tests.unit.contracts.rollup.attested_client import (
    ACTIVE,
    BOND,
    CHALLENGER_BASIS_POINTS,
    FROZEN,
    INSURANCE,
    MEMBERS,
    THRESHOLD,
    AttestedClient,
    forge_header,
)
from tests.unit.proofs.rollups import recordings
from tests.unit.proofs.rollups.chains import NOW, Chain

OP_LIKE = ChainId(902)


# ------------------------------------------------------------------------------ recorded


class RecordedClient(AttestedClient):
    """A client of Arbitrum Sepolia that is told the real Sepolia header 9567705.

    Only the keys are ours; the Outbox entry and the rollup's header 207673361 are recorded.
    """

    def __init__(self, chain: Evm, rollup: ChainId = recordings.ARBITRUM_SEPOLIA) -> None:
        config, l1_rlp, proof = recordings.outbox()
        outbox = l1_contract_argument(config.outbox)
        root = chain.deploy("OutboxRoot", outbox, config.roots_slot)
        super().__init__(chain, rollup, recordings.SEPOLIA, root, ARBITRUM_HISTORY_WINDOW_BLOCKS)
        self.true_rlp = proof.header_rlp
        self.forged_rlp = forge_header(proof.header_rlp)
        self.l1_height = self.follow_l1(l1_rlp)
        self.root_proof = build_outbox_proof(proof)


def test_recorded_l1_convicts_attesters_when_they_signed_another_header(chain: Evm) -> None:
    client = RecordedClient(chain)
    client.update(client.forged_rlp)
    assert client.contract.call("latestHeight") == 207_673_361
    attestation = client.attest(client.forged_rlp)
    config, l1_rlp, proof = recordings.outbox()
    l1 = recordings.as_verified(recordings.SEPOLIA, l1_rlp)
    proven = ProvenBlock.of(verify_outbox_header(config, l1, proof))
    shown = verify_false_attestation(client.committee, attestation, proven)
    assert shown.freezes
    assert shown.signers == MEMBERS[:THRESHOLD]

    client.audit(attestation, client.l1_height, client.root_proof)
    assert client.contract.call("status") == FROZEN
    assert client.bonds() == [0, 0, 0, BOND]
    reward = THRESHOLD * BOND * CHALLENGER_BASIS_POINTS // 10_000
    assert client.contract.call("owed", client.challenger) == reward
    client.contract.send("collect", INSURANCE)
    assert client.token.call("balanceOf", INSURANCE) == THRESHOLD * BOND - reward
    again = client.refuse(attestation, client.l1_height, client.root_proof)
    assert again == "NothingAtStake"


@pytest.mark.parametrize("seconds_older", [1, 0])
def test_recorded_l1_convicts_attesters_of_a_height_that_the_rollup_never_reaches(
    chain: Evm, seconds_older: int
) -> None:
    """A lower block of L1's that is younger than the held header shows that it is false."""
    client = RecordedClient(chain)
    true = decode_header(client.true_rlp)
    beyond = forge_header(client.true_rlp, true.height + 10**9, true.timestamp - seconds_older)
    client.update(beyond)
    attestation = client.attest(beyond)
    if seconds_older:
        client.audit(attestation, client.l1_height, client.root_proof)
        assert client.contract.call("status") == FROZEN
        assert client.bonds() == [0, 0, 0, BOND]
    else:
        error = client.refuse(attestation, client.l1_height, client.root_proof)
        assert error == "ProvenBelowAttested"
        assert client.bonds() == [BOND] * 4


def test_header_of_the_future_is_refused_in_the_evm(chain: Evm) -> None:
    client = RecordedClient(chain)
    ahead = forge_header(client.true_rlp, 10**9, NOW + 30 * 86_400)
    with pytest.raises(Reverted) as refusal:
        client.update(ahead)
    assert refusal.value.error.name == "TimestampInFuture"
    assert client.contract.call("latestHeight") == 0


def test_recorded_l1_acquits_attesters_when_they_signed_the_true_header(chain: Evm) -> None:
    client = RecordedClient(chain)
    client.update(client.true_rlp)
    attestation = client.attest(client.true_rlp)
    error = client.refuse(attestation, client.l1_height, client.root_proof)
    assert error == "AttestationTrue"
    assert client.bonds() == [BOND] * 4


def test_recorded_l1_convicts_nobody_when_the_evidence_is_of_elsewhere(chain: Evm) -> None:
    client = RecordedClient(chain)
    l1_height, proof = client.l1_height, client.root_proof
    forged = client.attest(client.forged_rlp)
    above = client.attest(client.forged_rlp, forged.height + 1)
    below = client.attest(client.forged_rlp, forged.height - 1)
    relabelled = dataclasses.replace(above, height=forged.height)
    elsewhere = RecordedClient(chain, ChainId(10)).attest(client.forged_rlp)
    assert client.refuse(forged, l1_height + 1, proof) == "UnknownHeader"
    assert client.refuse(above, l1_height, proof) == "ProvenBelowAttested"
    assert client.refuse(below, l1_height, proof) == "ProofTruncated"  # no proof of history
    assert client.refuse(relabelled, l1_height, proof) == "NothingAtStake"
    assert client.refuse(elsewhere, l1_height, proof) == "NothingAtStake"
    assert client.bonds() == [BOND] * 4


# --------------------------------------------- synthetic: one anvil is both L1 and rollup

FINALIZATION_SECONDS = 100
MESSAGE_PASSER_ROOT = keccak256(b"message passer")


class PostedRollup:
    """A rollup whose newest block was posted to an L2OutputOracle in the real layout.

    One anvil plays both chains. It runs EIP-2935 itself, so the history that reaches from the
    posted block to the audited one is a real system contract's.
    """

    def __init__(self, chain: Evm) -> None:
        chain.request("anvil_mine", hex(40))
        posted, self.posted_rlp = newest_header(chain)
        self.posted = VerifiedHeader(
            OP_LIKE, posted.height, posted.block_hash, posted.state_root, posted.timestamp
        )
        self.rollup_state = AnvilState(chain, Chain({}))
        self.rollup_state.block = posted
        synthetic = Chain({})
        self.config = OutputOracle(OP_LIKE, synthetic.proxy("oracle"), FINALIZATION_SECONDS)
        self.root_slot, self.time_slot = output_slots(self.config, 0)
        root = output_root(posted.state_root, MESSAGE_PASSER_ROOT, posted.block_hash)
        words = synthetic.accounts[self.config.oracle.address].storage
        words[self.config.outputs_slot] = 1
        words[int.from_bytes(self.root_slot)] = int.from_bytes(root)
        words[int.from_bytes(self.time_slot)] = (NOW - 1_000) | posted.height << 128
        self.l1 = AnvilState(chain, synthetic)

    def prove_output(self) -> OutputProof:
        address = self.config.oracle.address
        return OutputProof(
            oracle=self.l1.prove(self.config.oracle),
            index=0,
            length_nodes=self.l1.prove_slot(address, self.config.outputs_slot),
            root_nodes=self.l1.prove_slot(address, self.root_slot),
            time_nodes=self.l1.prove_slot(address, self.time_slot),
            preimage=OutputPreimage(MESSAGE_PASSER_ROOT, self.posted_rlp),
        )

    def prove_history(self, height: int) -> StateProof:
        return StateProof(
            self.rollup_state.prove_account(HISTORY_CONTRACT),
            self.rollup_state.prove_slot(
                HISTORY_CONTRACT, history_slot(height, HISTORY_WINDOW_BLOCKS)
            ),
        )


def test_synthetic_l1_convicts_attesters_of_a_height_that_was_never_posted(chain: Evm) -> None:
    rollup = PostedRollup(chain)
    oracle = l1_contract_argument(rollup.config.oracle)
    root = chain.deploy("OutputOracleRoot", oracle, 3, FINALIZATION_SECONDS)
    client = AttestedClient(chain, OP_LIKE, ANVIL, root, HISTORY_WINDOW_BLOCKS)
    l1_height = client.follow_l1(rollup.l1.block_rlp)
    height = rollup.posted.height - 25
    true_header, true_rlp = verify_block(chain.request("eth_getBlockByNumber", hex(height), False))
    history, proof = rollup.prove_history(height), build_output_proof(rollup.prove_output())
    proven = verify_ancestor(rollup.posted, height, HISTORY_WINDOW_BLOCKS, history)
    assert proven == true_header.block_hash

    honest = client.attest(true_rlp)
    assert client.refuse(honest, l1_height, proof, history) == "AttestationTrue"
    forged_rlp = forge_header(true_rlp)
    client.update(forged_rlp)
    forged = client.attest(forged_rlp)
    other = rollup.prove_history(height - 1)
    assert client.refuse(forged, l1_height, proof, other) == "NodeHashMismatch"
    assert client.contract.call("status") == ACTIVE
    client.audit(forged, l1_height, proof, history)
    assert client.contract.call("status") == FROZEN
    assert client.bonds() == [0, 0, 0, BOND]


def test_synthetic_l1_convicts_nobody_when_its_output_was_deleted(chain: Evm) -> None:
    rollup = PostedRollup(chain)
    oracle = l1_contract_argument(rollup.config.oracle)
    root = chain.deploy("OutputOracleRoot", oracle, 3, FINALIZATION_SECONDS)
    client = AttestedClient(chain, OP_LIKE, ANVIL, root, HISTORY_WINDOW_BLOCKS)
    l1_height = client.follow_l1(rollup.l1.block_rlp)
    proof = dataclasses.replace(rollup.prove_output(), index=1)
    forged = client.attest(forge_header(rollup.posted_rlp))
    assert client.refuse(forged, l1_height, build_output_proof(proof)) == "OutputDeleted"
    assert client.bonds() == [BOND] * 4


# --------------------------------------------------------------------------------- bonds


def test_bond_is_locked_in_the_evm_until_the_unbonding_time_is_over(chain: Evm) -> None:
    client = RecordedClient(chain)
    member = MEMBERS[0]
    assert not _sends(client, member, "withdrawBond", member)
    assert _sends(client, member, "resign")
    _, withdrawable_at = client.contract.call("bondOf", member)
    chain.set_next_time(withdrawable_at - 1)
    assert not _sends(client, member, "withdrawBond", member)
    chain.set_next_time(withdrawable_at)
    assert _sends(client, member, "withdrawBond", member)
    assert client.token.call("balanceOf", member) == BOND
    forged = client.attest(client.forged_rlp)
    assert client.refuse(forged, client.l1_height, client.root_proof) == "NothingAtStake"


def _sends(client: AttestedClient, sender: Address, function: str, *arguments: object) -> bool:
    """Return whether the sender's transaction went through."""
    chain = client.chain
    chain.request("anvil_impersonateAccount", to_hex(sender))
    chain.request("anvil_setBalance", to_hex(sender), hex(10**18))
    transaction = {
        "from": to_hex(sender),
        "to": client.contract.address,
        "data": to_hex(client.contract.artifact.encode_call(function, *arguments)),
        "gas": hex(10**6),
    }
    sent = chain.request("eth_sendTransaction", transaction)
    pause = threading.Event()
    while (receipt := chain.request("eth_getTransactionReceipt", sent)) is None:
        pause.wait(0.005)
    return bool(receipt["status"] == "0x1")
