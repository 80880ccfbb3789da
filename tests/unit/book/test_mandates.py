"""Which mandate decides, and what was ordered under it."""

from __future__ import annotations

from typing import Any

import pytest

from clearinghouse.book.identifiers import AssetId, InstrumentId
from clearinghouse.book.mandates import (
    ANY_INSTRUMENT,
    Mandate,
    MandateTable,
    key_of,
    order_notional,
)
from clearinghouse.book.orders import Side
from clearinghouse.errors import Corruption
from tests.builders import ALICE, BOB, BTC, CAROL, ETH, EUR, NEVER, OTHER_VENUE, USD, VENUE
from tests.builders import build_order as order


def mandate(**fields: Any) -> Mandate:
    """Return a mandate of Alice for Carol's key."""
    defaults: dict[str, Any] = {
        "member": ALICE.address,
        "delegate": CAROL.address,
        "venue": VENUE.address,
        "instrument": BTC,
        "maximum_order_notional": 1_000,
        "maximum_total_notional": 2_500,
        "minimum_sell_price": 0,
        "expiry": NEVER,
        "nonce": 1,
    }
    return Mandate(**(defaults | fields))


def key(instrument: InstrumentId = BTC, **fields: Any) -> Any:
    return key_of(mandate(instrument=instrument, **fields))


def test_table_finds_the_mandate_of_the_instrument_when_there_is_a_wider_one() -> None:
    table = MandateTable()
    wide, narrow = mandate(instrument=ANY_INSTRUMENT, nonce=9), mandate(nonce=1)
    table.enter(wide)
    table.enter(narrow)
    for instrument, expected in ((BTC, narrow), (ETH, wide)):
        use = table.find(key(instrument))
        assert use is not None
        assert use.mandate == expected


def test_table_finds_the_revoked_mandate_when_a_wider_one_is_in_force() -> None:
    table = MandateTable()
    table.enter(mandate(instrument=ANY_INSTRUMENT))
    table.enter(mandate(maximum_order_notional=0, maximum_total_notional=0))
    use = table.find(key(BTC))
    assert use is not None
    assert use.mandate.maximum_order_notional == 0


@pytest.mark.parametrize(
    "other",
    [
        {"member": BOB.address},
        {"delegate": BOB.address},
        {"venue": OTHER_VENUE.address},
        {"instrument": ETH},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_table_finds_nothing_when_the_mandate_is_for_another(other: dict[str, Any]) -> None:
    table = MandateTable()
    table.enter(mandate())
    assert table.find(key_of(mandate(**other))) is None


def test_use_adds_up_by_asset_and_starts_again_with_a_new_mandate() -> None:
    table = MandateTable()
    table.enter(mandate())
    for asset, notional in ((USD, 1_000), (USD, 500), (EUR, 2_500)):
        table.use(key(), asset, notional)
    use = table.find(key())
    assert use is not None
    assert [use.left_notional(AssetId(n)) for n in (USD, EUR, 99)] == [1_000, 0, 2_500]
    table.enter(mandate(nonce=2))
    renewed = table.find(key())
    assert renewed is not None
    assert renewed.left_notional(USD) == 2_500


def test_use_stops_the_process_when_it_exceeds_the_mandate() -> None:
    table = MandateTable()
    with pytest.raises(Corruption):
        table.use(key(), USD, 1)
    table.enter(mandate())
    table.use(key(), USD, 2_500)
    with pytest.raises(Corruption) as stopped:
        table.use(key(), USD, 1)
    assert stopped.value.reason == "mandate_exceeded"


def test_enter_stops_the_process_when_the_nonce_does_not_grow() -> None:
    table = MandateTable()
    table.enter(mandate(nonce=3))
    for nonce in (2, 3):
        with pytest.raises(Corruption) as stopped:
            table.enter(mandate(nonce=nonce))
        assert stopped.value.reason == "mandate_nonce"


def test_copy_stays_as_it_is_when_the_table_goes_on() -> None:
    table = MandateTable()
    table.enter(mandate())
    table.use(key(), USD, 100)
    copy = table.copied()
    table.use(key(), USD, 100)
    table.enter(mandate(instrument=ETH))
    use = copy.find(key())
    assert use is not None
    assert use.used_notional == {USD: 100}
    assert copy.find(key(ETH)) is None


@pytest.mark.parametrize(
    ("price", "notional"), [(0, 7), (1, 7), (2, 14), (2**63 - 1, 7 * (2**63 - 1))]
)
def test_order_notional_is_quantity_times_price_and_never_nothing(
    price: int, notional: int
) -> None:
    assert order_notional(order(ALICE, Side.SELL, 7, price)) == notional
