"""What ``SyncCommitteeLightClient`` believes, and what it refuses, on a chain of the tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ethereum.network import build_network
from clearinghouse.book.identifiers import ZERO_HASH
from tests.unit.contracts.client import (
    ACTIVE,
    DECADE_SECONDS,
    ELECTRA_PERIOD,
    EXPIRED,
    SLOT,
    Client,
    deploy_client,
    finalising,
    header_with,
    payload_of,
    reverts,
    with_finalized,
)
from tests.unit.contracts.evm import Evm, Reverted
from tests.unit.proofs.ethereum.chain import (
    LARGE_NETWORK,
    NETWORK,
    PERIOD,
    filler,
    signers_of,
    update_at,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]


@pytest.fixture
def client(evm: Evm) -> Client:
    return deploy_client(evm, ELECTRA_PERIOD)


# --------------------------------------------------------------------------------- finality


def test_update_stores_the_finalised_execution_block(client: Client) -> None:
    update = update_at(SLOT)
    receipt = client.update(update)
    payload = payload_of(update)
    height = payload.block_number
    assert client.contract.call("headerAt", height) == (
        payload.state_root,
        payload.timestamp,
    )
    assert client.contract.call("latestHeight") == height
    assert (client.finalized_slot, client.status) == (SLOT - 16, ACTIVE)
    assert client.committee_root(ELECTRA_PERIOD + 1) == signers_of(6).committee.root()
    assert len(receipt["logs"]) == 2, "a committee and a header"
    with reverts("UnknownHeader", height - 1):
        client.contract.call("headerAt", height - 1)


def test_update_changes_nothing_when_repeated(client: Client) -> None:
    client.update(update_at(SLOT))
    assert client.update(update_at(SLOT))["logs"] == []
    assert client.finalized_slot == SLOT - 16


def test_update_refuses_an_older_header_after_a_newer_one(client: Client) -> None:
    client.update(update_at(SLOT))
    with reverts("SlotNotIncreasing", SLOT - 17, SLOT - 16):
        client.update(update_at(SLOT - 1))


def test_update_refuses_another_header_of_the_newest_slot(client: Client) -> None:
    """Two thirds signed both: that is for ``freeze``, not for whoever comes last."""
    client.update(update_at(SLOT))
    other = header_with(SLOT - 16, block_number=9_999, block_hash=filler("other"))
    with reverts("SlotNotIncreasing", SLOT - 16, SLOT - 16):
        client.update(finalising(SLOT + 1, other))


def test_update_refuses_a_lower_execution_block_in_a_newer_beacon_block(client: Client) -> None:
    client.update(update_at(SLOT))
    low = header_with(SLOT - 15, block_number=5)
    with reverts("HeightNotIncreasing", 5, payload_of(update_at(SLOT)).block_number):
        client.update(finalising(SLOT + 1, low))


@pytest.mark.parametrize("name", ["block_number", "state_root", "block_hash"])
def test_update_refuses_a_zero_header(client: Client, name: str) -> None:
    zero = 0 if name == "block_number" else ZERO_HASH
    with reverts("ZeroHeader"):
        client.update(finalising(SLOT, header_with(SLOT - 16, **{name: zero})))


def test_update_refuses_execution_fields_of_another_block(client: Client) -> None:
    update = update_at(SLOT)
    assert update.finalized_header is not None
    forged = replace(payload_of(update), state_root=filler("forged"))
    header = replace(update.finalized_header, execution=forged)
    with reverts("BranchInvalid", 50):
        client.update(replace(update, finalized_header=header))


def test_update_refuses_a_finalised_header_that_the_state_does_not_hold(client: Client) -> None:
    with reverts("BranchInvalid", 169):
        client.update(with_finalized(update_at(SLOT), parent_root=filler("forged")))


# -------------------------------------------------------------------------------- committees


def test_update_follows_the_chain_over_periods_and_forks(evm: Evm) -> None:
    client = deploy_client(evm, 3)
    for period in range(3, 6):
        client.update(update_at(period * PERIOD + 20))
        assert client.committee_root(period + 1) == signers_of(period + 1).committee.root()
    client.update(update_at(6 * PERIOD + 20, with_committee=False))
    assert client.finalized_slot == 6 * PERIOD + 4
    assert client.committee_root(7) == ZERO_HASH


def test_update_refuses_a_committee_that_is_not_known(evm: Evm) -> None:
    client = deploy_client(evm, 4)
    client.update(update_at(4 * PERIOD + 20, with_committee=False))
    with reverts("UnknownCommittee", 5):
        client.update(update_at(5 * PERIOD + 20))
    client.update(update_at(4 * PERIOD + 21))
    with reverts("UnknownCommittee", 6):
        client.update(update_at(6 * PERIOD + 20))


def test_update_refuses_an_earlier_period_than_the_trusted_one(client: Client) -> None:
    with reverts("SlotNotIncreasing", 304, ELECTRA_PERIOD * PERIOD - 1):
        client.update(update_at(ELECTRA_PERIOD * PERIOD, with_committee=False))


def test_update_brings_a_missing_committee_with_an_older_header(client: Client) -> None:
    client.update(update_at(SLOT, with_committee=False))
    receipt = client.update(update_at(SLOT - 5))
    assert client.committee_root(6) == signers_of(6).committee.root()
    assert client.finalized_slot == SLOT - 16, "the newer header stays"
    assert len(receipt["logs"]) == 1


def test_next_committee_is_refused_when_the_state_does_not_hold_it(client: Client) -> None:
    """SP1-Helios GHSA-83q5-vwj7-gxww: a next committee came with no proof of its own."""
    update = update_at(SLOT)
    for forged in (
        replace(update, next_sync_committee=signers_of(9).committee),
        replace(update, next_sync_committee_branch=(filler("any"),) * 6),
    ):
        with reverts("BranchInvalid", 87):
            client.update(forged)
    with reverts("BranchNotNormalised", 87, 1):
        client.update(replace(update, next_sync_committee_branch=(filler("any"),)))
    assert client.committee_root(6) == ZERO_HASH


def test_next_committee_is_refused_when_its_period_is_not_final(client: Client) -> None:
    client.update(update_at(SLOT))
    update = update_at(6 * PERIOD + 5)
    assert update.finalized_header is not None
    client.update(update)  # the encoder leaves the committee out
    assert client.committee_root(7) == ZERO_HASH
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(NETWORK), "period_at", lambda *_: 6)
        data = client.encode(update_at(6 * PERIOD + 6))
    with reverts("CommitteeNotFinal", 5, 6):
        client.contract.send("update", data)


def test_update_refuses_another_committee_for_a_known_period(client: Client) -> None:
    client.update(update_at(SLOT))
    other = signers_of(9).committee
    with reverts("CommitteeConflict", 6, signers_of(6).committee.root(), other.root()):
        client.update(update_at(SLOT + 1, following=other))


def test_committee_of_the_next_period_signs_the_last_slots_of_a_period(client: Client) -> None:
    """The signature's slot, not the header's, says who signed."""
    client.update(update_at(SLOT))
    last = 6 * PERIOD - 1
    update = update_at(last, signature_slot=last + 1, with_committee=False)
    client.update(update)
    assert client.finalized_slot == last - 16

    by_old = update_at(
        last, finalized_slot=last - 8, signature_slot=last + 1, signers=signers_of(5)
    )
    with reverts("SignatureInvalid"):
        client.update(by_old)


# ------------------------------------------------------------------------------ participation


@pytest.mark.parametrize(
    ("size", "participants"), [(32, 22), (32, 21), (512, 342), (512, 341), (512, 512)]
)
def test_two_thirds_must_sign(evm: Evm, size: int, participants: int) -> None:
    network = NETWORK if size == 32 else LARGE_NETWORK
    client = deploy_client(evm, ELECTRA_PERIOD, network)
    places = range(size - participants, size)
    update = update_at(SLOT, network=network, places=places, with_committee=False)
    if 3 * participants >= 2 * size:
        client.update(update)
        assert client.finalized_slot == SLOT - 16
    else:
        with reverts("ParticipationTooLow", participants, size):
            client.update(update)


@pytest.mark.parametrize(
    "absent",
    [(0,), (31,), (0, 1), (1, 2), (0, 15, 16, 31), tuple(range(10)), tuple(range(1, 21, 2))],
)
def test_absent_members_are_proven_wherever_they_sit(
    client: Client, absent: tuple[int, ...]
) -> None:
    client.update(update_at(SLOT, places=set(range(32)) - set(absent)))
    assert client.finalized_slot == SLOT - 16


# ------------------------------------------------------------------------------------- expiry


def test_expired_client_is_not_updated_but_still_serves_headers(evm: Evm) -> None:
    """There is no update on a timeout: without finality the client stands still, then expires."""
    trusting_seconds = 900
    update = update_at(SLOT)
    last_moment = int(evm.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 500
    genesis_time = last_moment - trusting_seconds - (SLOT - 16) * NETWORK.seconds_per_slot
    network = replace(NETWORK, genesis_time=genesis_time)
    client = deploy_client(evm, ELECTRA_PERIOD, network, trusting_seconds=trusting_seconds)
    client.update(update)

    evm.set_next_time(last_moment)
    assert client.update(update)["logs"] == []
    assert client.status == ACTIVE
    evm.set_next_time(last_moment + 1)
    with reverts("ClientExpired"):
        client.update(update_at(SLOT + 5))
    assert client.status == EXPIRED
    assert client.contract.call("headerAt", payload_of(update).block_number)


# ------------------------------------------------------------------------------- construction


def test_client_is_refused_when_a_constant_is_missing(evm: Evm) -> None:
    good = list(deploy_arguments())
    for at, value in ((0, 0), (1, ZERO_HASH), (3, 0), (4, 0), (5, 0), (6, 4), (6, 48), (7, 0)):
        bad = [*good[:at], value, *good[at + 1 :]]
        with reverts("InvalidNetwork"):
            evm.deploy("SyncCommitteeLightClient", tuple(bad), 5, filler("committee"))
    with reverts("InvalidNetwork"):
        evm.deploy("SyncCommitteeLightClient", tuple(good), 5, ZERO_HASH)
    with reverts("InvalidNetwork"):
        evm.deploy("SyncCommitteeLightClient", (*good[:8], []), 5, filler("committee"))
    forks = good[8]
    assert isinstance(forks, list)
    with reverts("ForksNotIncreasing", 1):
        evm.deploy("SyncCommitteeLightClient", (*good[:8], forks[::-1]), 5, filler("committee"))


def deploy_arguments() -> tuple[object, ...]:
    return build_network(NETWORK, DECADE_SECONDS)


def test_network_is_what_was_configured(client: Client) -> None:
    configured = client.contract.call("network")
    assert configured == tuple(
        tuple(value) if isinstance(value, list) else value for value in deploy_arguments()
    )
    assert client.contract.call("chainId") == NETWORK.chain_id


def test_first_update_must_be_of_a_known_fork(evm: Evm) -> None:
    client = deploy_client(evm, 0)
    early = with_finalized(update_at(SLOT), slot=3)
    assert early.finalized_header is not None
    by_hash = replace(early.finalized_header, execution=filler("hash"))
    with reverts("UnknownFork", 0):
        client.update(replace(early, finalized_header=by_hash), b"\xc0")


def test_beacon_header_fields_are_bounded(client: Client) -> None:
    data = bytearray(client.encode(update_at(SLOT)))
    data[32] = 1  # the highest byte of the attested slot's word
    with reverts(""):
        client.contract.send("update", bytes(data))


def test_truncated_updates_are_refused(client: Client) -> None:
    data = client.encode(update_at(SLOT, places=set(range(30))))
    for length in (0, 31, 32, 33, 500, len(data) // 2, len(data) - 33):
        with pytest.raises(Reverted):
            client.contract.send("update", data[:length])
    assert client.finalized_slot == ELECTRA_PERIOD * PERIOD - 1
