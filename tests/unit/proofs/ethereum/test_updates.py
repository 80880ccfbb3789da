"""Every rule of an update, each broken alone, on a chain whose committee the tests hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientUpdate,
)
from clearinghouse.proofs.ethereum.forks import STANDARD_RULES, Fork, Network
from clearinghouse.proofs.ethereum.ssz import (
    byte_list_root,
    byte_vector_root,
    hash_pair,
    uint_chunk,
)
from clearinghouse.proofs.ethereum.store import LightClientStore, verify_bootstrap
from clearinghouse.proofs.ethereum.updates import apply_update, validate_update, verify_update
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    LARGE_NETWORK,
    NETWORK,
    PERIOD,
    bootstrap_at,
    filler,
    header_at,
    resigned,
    sign_header,
    signers_of,
    store_at,
    update_at,
)

BASE = 6 * PERIOD
"""First slot of a period in Fulu, whose second half is Gloas."""
START = FIRST_SLOT[Fork.FULU] + 2
"""In Fulu and not at a period's edge."""
HELD = store_at(START)
ATTESTED = START + 20
NOW = 10_000
TWO_THIRDS = 22
"""Of 32."""


def refuse(
    store: LightClientStore,
    update: LightClientUpdate,
    *,
    now: int = NOW,
    network: Network = NETWORK,
) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(network, store, update, now)
    return refusal.value.reason


def take(
    store: LightClientStore, update: LightClientUpdate, *, network: Network = NETWORK
) -> LightClientStore:
    verify_update(network, store, update, update.signature_slot)
    return apply_update(network, store, update)


def slot_of(store: LightClientStore) -> int:
    return store.finalized_header.beacon.slot


# -- what passes --------------------------------------------------------------------------------


@pytest.mark.parametrize("fork", list(STANDARD_RULES))
def test_verify_update_passes_when_its_headers_are_of(fork: Fork) -> None:
    start = FIRST_SLOT[fork]
    bootstrap = bootstrap_at(start)
    store = verify_bootstrap(NETWORK, bootstrap.header.beacon.root(), bootstrap)
    assert store.next_sync_committee is None
    store = take(store, update_at(start + 20))
    assert slot_of(store) == start + 4
    period = NETWORK.period_at(start)
    assert store.current_sync_committee == signers_of(period).committee
    assert store.next_sync_committee == signers_of(period + 1).committee
    store = take(store, update_at(start + 24, with_committee=False))
    assert slot_of(store) == start + 8
    assert store.next_sync_committee == signers_of(period + 1).committee


@pytest.mark.parametrize("fork", list(STANDARD_RULES)[1:])
@pytest.mark.parametrize(("slots_after", "mistaken_for"), [(0, 1), (1, 0)])
def test_verify_update_takes_the_domain_of_the_slot_before_when_a_fork_begins(
    fork: Fork, slots_after: int, mistaken_for: int
) -> None:
    """Votes in the first block of a fork were cast before it, under the fork before."""
    first = FIRST_SLOT[fork]
    update = update_at(first + slots_after - 1, finalized_slot=first - 10)
    store = store_at(first - 12)
    assert slot_of(take(store, update)) == first - 10
    mistaken = sign_header(NETWORK, update.attested_header.beacon, first + mistaken_for)
    assert refuse(store, replace(update, sync_aggregate=mistaken)) == "bls_signature_wrong"


def test_verify_update_passes_when_the_finalized_header_is_of_an_earlier_fork() -> None:
    """The attested slot tells where the finalised root is, the header's own what is in it."""
    first = FIRST_SLOT[Fork.ELECTRA]
    store = take(store_at(first - 14), update_at(first + 2, finalized_slot=first - 8))
    assert slot_of(store) == first - 8


def test_verify_update_passes_when_a_header_before_gloas_comes_with_its_block_hash_alone() -> None:
    """Data carried over into Gloas: the hash within the payload, its branch filled up in front."""
    slot = FIRST_SLOT[Fork.FULU] + 3
    header = header_at(slot)
    payload = header.execution
    assert isinstance(payload, ExecutionPayloadHeader)
    bare = replace(
        header,
        execution=payload.block_hash,
        execution_branch=(ZERO_HASH, ZERO_HASH, *payload_branch(payload), *header.execution_branch),
    )
    attested_slot = FIRST_SLOT[Fork.GLOAS] + 2
    update = update_at(attested_slot, finalized_slot=slot)
    assert len(bare.execution_branch) == 11
    store = store_at(slot - 2)
    period = NETWORK.period_at(attested_slot)
    assert period == NETWORK.period_at(slot) + 1
    store = replace(store, next_sync_committee=signers_of(period).committee)
    after = take(store, replace(update, finalized_header=bare))
    assert after.finalized_header == bare
    moved = replace(bare, execution=filler("another block"))
    assert refuse(store, replace(update, finalized_header=moved)) == "execution_branch_invalid"


def payload_branch(payload: ExecutionPayloadHeader) -> tuple[Hash32, ...]:
    """Return the branch of the block hash, leaf 12 of 17, within a payload's own tree."""
    leaves: list[Hash32] = [
        payload.parent_hash,
        byte_vector_root(payload.fee_recipient),
        payload.state_root,
        payload.receipts_root,
        byte_vector_root(payload.logs_bloom),
        payload.prev_randao,
        *map(
            uint_chunk,
            (payload.block_number, payload.gas_limit, payload.gas_used, payload.timestamp),
        ),
        byte_list_root(payload.extra_data, 32),
        uint_chunk(payload.base_fee_per_gas),
        payload.block_hash,
        payload.transactions_root,
        payload.withdrawals_root,
        uint_chunk(payload.blob_gas_used),
        uint_chunk(payload.excess_blob_gas),
    ]
    level = leaves + [ZERO_HASH] * (32 - len(leaves))
    siblings: list[Hash32] = []
    place = 12
    while len(level) > 1:
        siblings.append(level[place ^ 1])
        level = [hash_pair(a, b) for a, b in zip(level[::2], level[1::2], strict=True)]
        place //= 2
    return tuple(siblings)


# -- participation ------------------------------------------------------------------------------


def test_verify_update_counts_two_thirds_when_committees_have_512_places() -> None:
    store = store_at(START, network=LARGE_NETWORK)
    enough = update_at(ATTESTED, network=LARGE_NETWORK, places=range(342))
    assert slot_of(take(store, enough, network=LARGE_NETWORK)) == START + 4
    short = update_at(ATTESTED, network=LARGE_NETWORK, places=range(341))
    assert refuse(store, short, network=LARGE_NETWORK) == "participation_below_two_thirds"
    validate_update(LARGE_NETWORK, store, short, NOW)


@pytest.mark.parametrize("places", [range(21), range(1), [31]])
def test_verify_update_refuses_when_less_than_two_thirds_signed(places: list[int]) -> None:
    update = update_at(ATTESTED, places=places)
    validate_update(NETWORK, HELD, update, NOW)
    assert refuse(HELD, update) == "participation_below_two_thirds"


def test_verify_update_refuses_when_nobody_signed() -> None:
    update = update_at(ATTESTED, places=range(TWO_THIRDS))
    nobody = replace(update.sync_aggregate, participation=(False,) * 32)
    assert refuse(HELD, replace(update, sync_aggregate=nobody)) == "participants_none"


@pytest.mark.parametrize("count", [0, 24, 31, 33, 40, 512])
def test_verify_update_refuses_when_the_flags_are_not_one_per_place(count: int) -> None:
    update = update_at(ATTESTED)
    flags = replace(update.sync_aggregate, participation=(True,) * count)
    changed = replace(update, sync_aggregate=flags)
    assert refuse(HELD, changed) == "participation_length_wrong"
    with pytest.raises(ProofInvalid) as refusal:
        validate_update(NETWORK, HELD, changed, NOW)
    assert refusal.value.reason == "participation_length_wrong"


def test_verify_update_refuses_when_a_flag_is_set_moved_or_cleared() -> None:
    update = update_at(ATTESTED, places=range(24))
    honest = list(update.sync_aggregate.participation)
    for change in ({30: True}, {0: False, 30: True}, {0: False}):
        flags = tuple(change.get(place, flag) for place, flag in enumerate(honest))
        changed = replace(update.sync_aggregate, participation=flags)
        assert refuse(HELD, replace(update, sync_aggregate=changed)) == "bls_signature_wrong"


def test_verify_update_counts_a_validator_twice_when_it_was_drawn_twice() -> None:
    """Its signature is then in the sum twice; once is not enough."""
    own = signers_of(NETWORK.period_at(START))
    keys = (own.committee.public_keys[1], *own.committee.public_keys[1:])
    store = replace(HELD, current_sync_committee=replace(own.committee, public_keys=keys))
    secrets = (own.secrets[1], *own.secrets[1:])
    twice = replace(own, secrets=secrets)
    update = update_at(ATTESTED, signers=twice)
    assert slot_of(take(store, update)) == START + 4
    once = replace(
        update,
        sync_aggregate=replace(
            update_at(ATTESTED, signers=twice, places=range(1, 32)).sync_aggregate,
            participation=(True,) * 32,
        ),
    )
    assert refuse(store, once) == "bls_signature_wrong"


# -- slots and periods --------------------------------------------------------------------------


def test_verify_update_refuses_when_it_is_signed_in_the_future() -> None:
    update = update_at(ATTESTED)
    verify_update(NETWORK, HELD, update, update.signature_slot)
    assert refuse(HELD, update, now=update.signature_slot - 1) == "signature_slot_in_future"


@pytest.mark.parametrize("signature_slot", [ATTESTED, ATTESTED - 1, 0])
def test_verify_update_refuses_when_it_is_signed_no_later_than_attested(
    signature_slot: int,
) -> None:
    update = resigned(replace(update_at(ATTESTED), signature_slot=signature_slot))
    assert refuse(HELD, update) == "signature_slot_not_after_attested"


def test_verify_update_refuses_when_the_finalized_header_is_later_than_the_attested() -> None:
    update = update_at(ATTESTED, finalized_slot=ATTESTED + 1)
    assert refuse(HELD, update) == "finalized_after_attested"
    assert slot_of(take(HELD, update_at(ATTESTED, finalized_slot=ATTESTED))) == ATTESTED


def test_verify_update_passes_when_the_next_committee_signs_over_a_period_boundary() -> None:
    """Attested in the last slot of the old period, signed in the first of the new one."""
    last = BASE - 1
    store = store_at(BASE - 30, knows_next=True)
    update = update_at(last, finalized_slot=last - 16, signature_slot=BASE)
    after = take(store, update)
    assert slot_of(after) == last - 16
    assert after.current_sync_committee == store.current_sync_committee
    old_signers = signers_of(NETWORK.period_at(last))
    assert refuse(store, resigned(update, signers=old_signers)) == "bls_signature_wrong"
    ignorant = replace(store, next_sync_committee=None)
    assert refuse(ignorant, update) == "committee_unknown"


def test_apply_update_rotates_committees_when_the_finalized_header_enters_a_period() -> None:
    store = store_at(BASE - 30, knows_next=True)
    not_yet = take(store, update_at(BASE + 10, finalized_slot=BASE - 4))
    assert not_yet.current_sync_committee == store.current_sync_committee
    assert not_yet.next_sync_committee == store.next_sync_committee
    rotated = take(not_yet, update_at(BASE + 18, finalized_slot=BASE))
    period = NETWORK.period_at(BASE)
    assert rotated.current_sync_committee == signers_of(period).committee
    assert rotated.next_sync_committee == signers_of(period + 1).committee


def test_apply_update_forgets_the_next_committee_when_the_update_brings_none() -> None:
    """Never a committee that no branch of the same update proved; the client asks for it then."""
    store = store_at(BASE - 30, knows_next=True)
    rotated = take(store, update_at(BASE + 16, finalized_slot=BASE, with_committee=False))
    assert rotated.current_sync_committee == signers_of(NETWORK.period_at(BASE)).committee
    assert rotated.next_sync_committee is None
    assert refuse(rotated, update_at(BASE + PERIOD + 2)) == "committee_unknown"
    late = update_at(BASE + 20, finalized_slot=BASE)
    completed = take(rotated, late)
    assert completed.next_sync_committee == signers_of(NETWORK.period_at(BASE) + 1).committee
    assert slot_of(completed) == BASE


@pytest.mark.parametrize("knows_next", [False, True])
def test_verify_update_refuses_when_a_period_is_skipped(knows_next: bool) -> None:
    store = store_at(START, knows_next=knows_next)
    skipping = update_at(START + (2 if knows_next else 1) * PERIOD)
    assert refuse(store, skipping) == "committee_unknown"


def test_verify_update_refuses_when_the_signature_is_of_an_earlier_period() -> None:
    assert refuse(store_at(BASE + 2, knows_next=True), update_at(BASE - 10)) == "committee_unknown"


def test_verify_update_refuses_when_an_older_header_comes_after_a_newer_one() -> None:
    store = take(HELD, update_at(ATTESTED + 8))
    older = update_at(ATTESTED, with_committee=False)
    assert refuse(store, older) == "update_not_final"
    assert refuse(store, update_at(slot_of(store) - 1)) == "update_not_relevant"


def test_verify_update_refuses_when_it_is_replayed() -> None:
    update = update_at(ATTESTED)
    assert refuse(take(HELD, update), update) == "update_not_final"
