"""What members and the operator register: instruments, venues, limits, releases, deposits."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from clearinghouse.book.entries import DepositFinalised
from clearinghouse.book.identifiers import Address, AssetId, ChainId, InstrumentId
from clearinghouse.book.orders import PlacementLimit, Release
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.reference import Instrument
from clearinghouse.commitment.orders import placement_limit_digest, release_digest
from clearinghouse.errors import Conflict, Corruption, Rejected
from clearinghouse.intake import registration
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    CLEARINGHOUSE_ID,
    DAVE,
    EUR,
    HOME,
    HOUSE,
    INSTRUMENTS,
    NEVER,
    REMOTE,
    SPOKE,
    START_SECONDS,
    USD,
    Account,
    Clearing,
)
from tests.ledger import totals
from tests.unit.intake.commands import assert_equals_replay, failure


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.close()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"instrument_id": InstrumentId(2)}, "OUT_OF_RANGE"),
        ({"instrument_id": InstrumentId(2**32)}, "OUT_OF_RANGE"),
        ({"initial_margin_ppm": -1}, "OUT_OF_RANGE"),
        ({"initial_margin_ppm": 1_000_001}, "OUT_OF_RANGE"),
        ({"quote_asset": AssetId(9)}, "ASSET_UNKNOWN"),
    ],
)
def test_instrument_is_rejected_when_it_makes_no_sense(
    clearing: Clearing, fields: dict[str, int], reason: str
) -> None:
    fields = {"instrument_id": InstrumentId(50)} | fields
    instrument: Instrument = msgspec.structs.replace(INSTRUMENTS[0], **fields)
    assert failure(clearing, clearing.sequencer.create_instrument(instrument)).reason == reason


def test_venue_is_renamed_once_when_registered_again(clearing: Clearing) -> None:
    first = clearing.get(clearing.sequencer.register_venue(CAROL.address, "carol"))
    assert clearing.get(clearing.sequencer.register_venue(CAROL.address, "carol")) == first
    second = clearing.get(clearing.sequencer.register_venue(CAROL.address, "carola"))
    assert second == first + 1
    assert clearing.read(lambda state: state.venues[CAROL.address]) == "carola"
    with pytest.raises(Rejected, match="venue"):
        clearing.sequencer.register_venue(Address(bytes(19)), "short")


def sign_limit(
    member: Account, maximum: int, nonce: int, asset: AssetId = USD, chain: ChainId = SPOKE
) -> tuple[PlacementLimit, bytes]:
    limit = PlacementLimit(member.address, chain, asset, maximum, nonce)
    return limit, member.sign_digest(placement_limit_digest(CLEARINGHOUSE_ID, limit))


def limit_in_force(clearing: Clearing, member: Account) -> int:
    found = clearing.read(lambda state: state.find_limit(member.address, (SPOKE, USD)))
    return found.maximum_quanta


def test_limit_with_the_greatest_nonce_is_in_force_when_several_come(clearing: Clearing) -> None:
    accept = clearing.sequencer.accept_placement_limits
    clearing.get(accept([sign_limit(CAROL, 5, 10), sign_limit(CAROL, 6, 11)]))
    assert limit_in_force(clearing, CAROL) == 6
    entries = len(clearing.journal.records)
    clearing.get(accept([sign_limit(CAROL, 6, 11)]))
    assert len(clearing.journal.records) == entries, "a repetition is harmless"
    for late in (
        [sign_limit(CAROL, 7, 11)],
        [sign_limit(CAROL, 7, 10)],
        [sign_limit(CAROL, 7, 13), sign_limit(CAROL, 8, 12)],
    ):
        error = failure(clearing, accept(late))
        assert (type(error), error.reason) == (Conflict, "LIMIT_SUPERSEDED")
    assert limit_in_force(clearing, CAROL) == 6
    assert len(clearing.journal.records) == entries, "all of a call or none"


def test_limit_of_the_largest_size_survives_the_journal(clearing: Clearing) -> None:
    largest = sign_limit(CAROL, 2**128 - 1, 1)
    clearing.get(clearing.sequencer.accept_placement_limits([largest]))
    assert_equals_replay(clearing)
    assert limit_in_force(clearing, CAROL) == 2**128 - 1
    clearing.deposit(CAROL, 5)
    assert_equals_replay(clearing)
    assert limit_in_force(clearing, CAROL) == 2**128 - 1, "she has a position now"


def test_limits_of_addresses_without_a_deposit_are_refused_when_too_many_signed_some(
    clearing: Clearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "EARLY_LIMITS_ADDRESSES", 2)
    accept = clearing.sequencer.accept_placement_limits
    clearing.get(accept([sign_limit(CAROL, 5, 1)]))
    entries = len(clearing.journal.records)
    refused = accept([sign_limit(DAVE, 5, 1), sign_limit(HOUSE, 5, 1)])
    assert failure(clearing, refused).reason == "EARLY_LIMITS_EXHAUSTED"
    assert len(clearing.journal.records) == entries, "all of a call or none"
    clearing.get(accept([sign_limit(DAVE, 5, 1)]))
    assert failure(clearing, accept([sign_limit(HOUSE, 5, 1)])).reason == "EARLY_LIMITS_EXHAUSTED"
    clearing.get(accept([sign_limit(CAROL, 6, 2), sign_limit(ALICE, 6, 10**6)]))
    assert limit_in_force(clearing, CAROL) == 6, "of the two that are known"
    clearing.deposit(HOUSE, 5)
    clearing.get(accept([sign_limit(HOUSE, 5, 1)]))
    assert limit_in_force(clearing, HOUSE) == 5, "a member by now"


def test_limit_is_rejected_when_no_vault_holds_the_asset(clearing: Clearing) -> None:
    future = clearing.sequencer.accept_placement_limits([sign_limit(CAROL, 5, 1, EUR, REMOTE)])
    assert failure(clearing, future).reason == "VAULT_UNKNOWN"


def test_limit_is_rejected_at_once_when_another_signed_it(clearing: Clearing) -> None:
    limit, _ = sign_limit(CAROL, 5, 1)
    _, signature = sign_limit(ALICE, 5, 1)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.accept_placement_limits([(limit, signature)])
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_release_holds_its_quanta_once_when_it_is_repeated(clearing: Clearing) -> None:
    release = Release(ALICE.address, HOME, USD, 400_000, 1, NEVER)
    signature = ALICE.sign_digest(release_digest(CLEARINGHOUSE_ID, release))
    accept = clearing.sequencer.accept_release
    release_id = clearing.get(accept(release, signature))
    assert clearing.get(accept(release, signature)) == release_id
    clearing.restart()
    assert clearing.get(clearing.sequencer.accept_release(release, signature)) == release_id
    position = clearing.position(ALICE)
    assert clearing.read(lambda s: totals(s, "held")) == {position: {USD: 400_000}}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"quanta": 1_000_001}, "RELEASE_EXCEEDS_FREE"),
        ({"quanta": 0}, "OUT_OF_RANGE"),
        ({"quanta": INT64_MAX + 1}, "OUT_OF_RANGE"),
        ({"expiry": START_SECONDS - 1}, "RELEASE_EXPIRED"),
        ({"chain": REMOTE, "asset": EUR}, "VAULT_UNKNOWN"),
    ],
)
def test_release_is_rejected_when_it_cannot_be_held(
    clearing: Clearing, fields: dict[str, int], reason: str
) -> None:
    entries = len(clearing.journal.records)
    with pytest.raises(Rejected) as caught:
        clearing.release(ALICE, **({"quanta": 1} | fields))  # type: ignore[arg-type]
    assert caught.value.reason == reason
    assert len(clearing.journal.records) == entries


def test_release_is_taken_when_it_is_all_that_is_free(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 100, 100)
    clearing.release(ALICE, 1_000_000 - 1_000)
    with pytest.raises(Rejected) as caught:
        clearing.release(ALICE, 1)
    assert caught.value.reason == "RELEASE_EXCEEDS_FREE"


def test_release_is_rejected_when_member_never_deposited(clearing: Clearing) -> None:
    with pytest.raises(Rejected) as caught:
        clearing.release(CAROL, 1)
    assert caught.value.reason == "MEMBER_UNKNOWN"


def test_deposit_counts_once_when_it_is_recorded_again(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 5, SPOKE)
    again = clearing.journal.entries()[-1]
    assert isinstance(again, DepositFinalised)
    error = failure(clearing, clearing.sequencer.record(lambda state: again))
    assert (type(error), error.reason) == (Corruption, "deposit_out_of_order")
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: state.collateral(position, USD)) == 1_000_005
