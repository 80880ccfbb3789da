"""Slots, forks and their trees as ``SyncCommitteeLightClient`` reads them, Gloas included."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import ZERO_HASH, ChainId
from clearinghouse.proofs.ethereum.containers import (
    LightClientUpdate,
)
from clearinghouse.proofs.ethereum.forks import Fork
from clearinghouse.proofs.header import decode_header, encode_header
from clearinghouse.proofs.rlp import decode_list, encode_item
from tests.unit.contracts.client import (
    ELECTRA_PERIOD,
    SLOT,
    Client,
    deploy_client,
    finalising,
    payload_of,
    reverts,
)
from tests.unit.contracts.conftest import NOW_SLOT
from tests.unit.contracts.evm import Evm
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    NETWORK,
    PERIOD,
    filler,
    header_at,
    resigned,
    sign_header,
    update_at,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]


@pytest.fixture
def client(evm: Evm) -> Client:
    return deploy_client(evm, ELECTRA_PERIOD)


# -------------------------------------------------------------------------------- slots, forks


def test_signature_counts_for_the_fork_of_the_slot_before(evm: Evm) -> None:
    boundary = FIRST_SLOT[Fork.FULU]
    for attested, version_slot, is_valid in (
        (boundary - 1, boundary - 1, True),
        (boundary - 1, boundary, False),
        (boundary, boundary, True),
        (boundary, boundary - 1, False),
    ):
        client = deploy_client(evm, ELECTRA_PERIOD)
        update = update_at(attested, with_committee=False)
        # Signed as if included one slot after `version_slot`.
        aggregate = sign_header(NETWORK, update.attested_header.beacon, version_slot + 1)
        update = replace(update, sync_aggregate=aggregate, signature_slot=attested + 1)
        if is_valid:
            client.update(update)
            assert client.finalized_slot == attested - 16
        else:
            with reverts("SignatureInvalid"):
                client.update(update)


@pytest.mark.parametrize(
    ("fork", "slots_after"),
    [
        (Fork.CAPELLA, 17),
        (Fork.DENEB, 3),  # what it finalises is of the fork before
        (Fork.DENEB, 17),
        (Fork.ELECTRA, 3),
        (Fork.ELECTRA, 17),
        (Fork.FULU, 3),
        (Fork.FULU, 17),
    ],
)
def test_every_header_is_read_by_its_own_forks_indices(
    evm: Evm, fork: Fork, slots_after: int
) -> None:
    slot = FIRST_SLOT[fork] + slots_after
    update = update_at(slot)
    client = deploy_client(evm, slot // PERIOD)
    client.update(update)
    assert client.contract.call("latestHeight") == payload_of(update).block_number


def test_indices_of_another_fork_are_refused(evm: Evm) -> None:
    """What a relayer says of the fork does not matter: the header's own slot decides."""
    slot = FIRST_SLOT[Fork.ELECTRA] - 1
    activations = tuple(
        replace(entry, epoch=0) if entry.fork <= Fork.ELECTRA else entry
        for entry in NETWORK.activations
    )
    early = replace(NETWORK, activations=activations)
    client = deploy_client(evm, slot // PERIOD)
    update = update_at(slot, network=early)
    with reverts("BranchInvalid", 105):  # one node longer than at this slot, and not zero
        client.update(resigned(replace(update, finality_branch=update.finality_branch[1:])))
    with reverts("BranchNotNormalised", 105, 7):
        client.update(resigned(update))


def test_padded_branches_are_accepted_when_the_padding_is_zero(evm: Evm) -> None:
    slot = FIRST_SLOT[Fork.ELECTRA] - 1
    update = update_at(slot)
    for padding, error in (((ZERO_HASH,), None), ((filler("x"),), "BranchNotNormalised")):
        client = deploy_client(evm, slot // PERIOD)
        padded = replace(
            update,
            finality_branch=(*padding, *update.finality_branch),
            next_sync_committee_branch=(*padding, *update.next_sync_committee_branch),
        )
        if error is None:
            client.update(padded)
            assert client.finalized_slot == slot - 16
        else:
            with reverts(error, 105, 7):
                client.update(padded)


def test_slots_are_refused_out_of_order(client: Client) -> None:
    for attested, finalized, signature in (
        (SLOT, SLOT - 8, SLOT),
        (SLOT, SLOT - 8, SLOT - 1),
        (SLOT, SLOT + 1, SLOT + 2),
    ):
        update = update_at(
            attested, finalized_slot=finalized, signature_slot=signature, with_committee=False
        )
        with reverts("SlotsNotOrdered", signature, attested, finalized):
            client.update(update)
    client.update(update_at(SLOT, finalized_slot=SLOT, with_committee=False))


def test_signature_of_the_future_is_refused_until_its_slot_begins(evm: Evm) -> None:
    now = NETWORK.genesis_time + NOW_SLOT * NETWORK.seconds_per_slot + 10_000
    network = replace(NETWORK, genesis_time=now - 346 * NETWORK.seconds_per_slot)
    client = deploy_client(evm, ELECTRA_PERIOD, network)
    evm.set_next_time(now - 1)
    with reverts("SlotInFuture", 346):
        client.update(update_at(SLOT))
    evm.set_next_time(now)
    client.update(update_at(SLOT))
    assert client.finalized_slot == SLOT - 16


def test_update_of_another_network_is_refused(client: Client) -> None:
    other = replace(NETWORK, genesis_validators_root=filler("other"), chain_id=ChainId(7))
    with reverts("SignatureInvalid"):
        client.update(update_at(SLOT, network=other))


def test_header_without_execution_is_refused(evm: Evm) -> None:
    slot = FIRST_SLOT[Fork.CAPELLA] + 17
    update = update_at(slot)
    client = deploy_client(evm, slot // PERIOD)
    bare = replace(update, finalized_header=header_at(FIRST_SLOT[Fork.CAPELLA] - 1))
    assert bare.finalized_header is not None
    claimed = replace(bare.finalized_header, execution=payload_of(update))
    with reverts("NoExecution", FIRST_SLOT[Fork.CAPELLA] // 8 - 1):
        client.update(replace(bare, finalized_header=claimed))


# -------------------------------------------------------------------------------- block hashes


def block_of(number: int, timestamp: int) -> dict[str, object]:
    """Return a block with the fields of today's headers, as a node gives them."""
    word, zero = "0x" + "11" * 32, "0x0"
    return {
        "parentHash": word,
        "sha3Uncles": word,
        "miner": "0x" + "22" * 20,
        "stateRoot": "0x" + filler(("state", number)).hex(),
        "transactionsRoot": word,
        "receiptsRoot": word,
        "logsBloom": "0x" + "00" * 256,
        "difficulty": zero,
        "number": hex(number),
        "gasLimit": hex(30_000_000),
        "gasUsed": zero,
        "timestamp": hex(timestamp),
        "extraData": "0x",
        "mixHash": word,
        "nonce": "0x" + "00" * 8,
        "baseFeePerGas": "0x7",
    }


def gloas_update(slot: int, rlp: bytes) -> LightClientUpdate:
    """Return a true update whose finalised block holds only an execution block's hash."""
    return finalising(slot, header_at(slot - 16, block_hash=decode_header(rlp).block_hash))


def test_gloas_header_is_decoded_from_its_rlp(evm: Evm) -> None:
    slot = FIRST_SLOT[Fork.GLOAS] + 17
    client = deploy_client(evm, slot // PERIOD)
    rlp = encode_header(block_of(77, 1_234))
    header = decode_header(rlp)
    client.update(gloas_update(slot, rlp), rlp)
    assert client.contract.call("headerAt", 77) == (
        header.state_root,
        header.timestamp,
    )

    # The next block was withheld: its beacon block is built on the same execution block.
    assert client.update(gloas_update(slot + 1, rlp), rlp)["logs"] == []
    assert client.finalized_slot == slot + 1 - 16
    with reverts("BranchInvalid", 2856):
        client.update(gloas_update(slot + 2, rlp), encode_header(block_of(78, 1_234)))


def test_malformed_execution_headers_are_refused(evm: Evm) -> None:
    slot = FIRST_SLOT[Fork.GLOAS] + 17
    client = deploy_client(evm, slot // PERIOD)
    rlp = encode_header(block_of(77, 1_234))
    update = gloas_update(slot, rlp)
    items = decode_list(rlp, max_bytes=2_048)
    for bad, error in (
        (b"\x00", "InvalidRlp"),
        (rlp[:-1], "InvalidRlp"),
        (rlp + b"\x00", "InvalidRlp"),
        (encode_item(items[:14]), "HeaderFieldCount"),
        (encode_item([*items, *items, b"33"]), "HeaderFieldCount"),
        (encode_item([*items[:3], b"short", *items[4:]]), "InvalidRlp"),
        (encode_item([*items[:8], b"\x00\x01", *items[9:]]), "InvalidRlp"),
        (encode_item([[], *items[1:]]), "InvalidRlp"),
        (rlp + bytes(2_048), "HeaderTooLarge"),
        (b"\xd0" * 384, ""),  # as long as payload fields, which are no such bytes
        (bytes(31) + b"\x01" + (bytes(31) + b"\x01") * 11, "NoExecution"),
    ):
        with reverts(error):
            client.update(update, bad)
