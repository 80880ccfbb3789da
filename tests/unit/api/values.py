"""Hypothesis strategies for every value that travels."""

from __future__ import annotations

from hypothesis import strategies as st

from clearinghouse.api import views
from clearinghouse.book import columns, entries, mandates, orders, reference, settlements
from clearinghouse.book.ranges import INT64_MAX, UINT32_MAX, UINT64_MAX, UINT128_MAX
from clearinghouse.commitment.trees import Branch, Node
from clearinghouse.intake.ports import BatchReceipt, ColumnsReceipt, OrdersReceipt
from clearinghouse.netting.metrics import NettingFigures

addresses = st.binary(min_size=20, max_size=20)
hashes = st.binary(min_size=32, max_size=32)
signatures = st.binary(max_size=70)
uint32 = st.integers(0, UINT32_MAX)
uint64 = st.integers(0, UINT64_MAX)
uint128 = st.integers(0, UINT128_MAX)
int64 = st.integers(-(2**63), INT64_MAX)
chain_ids = st.integers(1, INT64_MAX)
texts = st.text(max_size=20)
names = st.text(
    st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=64
)  # fmt: skip
phases = st.sampled_from(settlements.Phase)


def tuples_of(values: st.SearchStrategy) -> st.SearchStrategy:
    """Return short tuples."""
    return st.lists(values, max_size=3).map(tuple)


order = st.builds(
    orders.Order,
    member=addresses,
    instrument=uint32,
    side=st.sampled_from(orders.Side),
    quantity=uint64,
    limit_price=uint64,
    maximum_fee_rate=uint32,
    expiry=uint64,
    nonce=uint64,
    venue=addresses,
)
signed_order = st.builds(
    orders.SignedOrder, order=order, signature=signatures, delegate=st.none() | addresses
)
mandate = st.builds(
    mandates.Mandate,
    member=addresses,
    delegate=addresses,
    venue=addresses,
    instrument=uint32,
    maximum_order_notional=uint64,
    maximum_total_notional=uint64,
    minimum_sell_price=uint64,
    expiry=uint64,
    nonce=uint64,
)
signed_mandate = st.tuples(mandate, signatures)
fill = st.builds(orders.Fill, buy_order=hashes, sell_order=hashes, quantity=uint64, cash=uint64)
batch = st.builds(orders.FillBatch, venue=addresses, batch_id=hashes, fills=tuples_of(fill))
rows = batch.map(columns.FillRows.of)
submission = st.tuples(rows, st.lists(signed_order, max_size=3), signatures)
receipt = st.builds(
    BatchReceipt, sequence=uint64, reasons=tuples_of(st.sampled_from(orders.Reason))
)


def columns_of(kind: type) -> st.SearchStrategy:
    """Return columns with a few rows of any bytes, ``FillColumns`` or ``MandatedOrders``."""

    def fields(count: int) -> st.SearchStrategy:
        elements = {
            name: st.lists(
                st.sampled_from([b"\x00", b"\x01"])
                if name == "sides"
                else st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize),
                min_size=count,
                max_size=count,
            ).map(b"".join)
            for name, dtype in kind.WIDTHS.items()
        }
        known = {"venue": addresses, "batch_id": hashes}
        named = {name: known[name] for name in kind.__struct_fields__ if name in known}
        return st.builds(kind, **named, **elements)

    return st.integers(0, 3).flatmap(fields)


fill_columns = columns_of(columns.FillColumns)
mandated_orders = columns_of(columns.MandatedOrders)
reason_codes = st.lists(st.sampled_from(list(orders.REASON_CODE.values())), max_size=4).map(bytes)
columns_receipt = st.builds(ColumnsReceipt, sequence=uint64, reasons=reason_codes)
orders_receipt = st.builds(
    lambda sequence, reasons: OrdersReceipt(sequence, reasons * 4, reasons), uint64, reason_codes
)
placement_limit = st.builds(
    orders.PlacementLimit,
    member=addresses,
    chain_id=chain_ids,
    asset_id=uint32,
    maximum_quanta=uint128,
    nonce=uint64,
)
release = st.builds(
    orders.Release,
    member=addresses,
    chain_id=chain_ids,
    asset_id=uint32,
    quanta=uint64,
    nonce=uint64,
    expiry=uint64,
)

instrument = st.builds(
    reference.Instrument,
    instrument_id=uint32,
    symbol=names,
    quote_asset=uint32,
    lot_exponent=st.integers(-36, 36),
    initial_margin_ppm=uint32,
)
vault_asset = st.builds(
    reference.VaultAsset,
    asset_id=uint32,
    token=addresses,
    token_units_per_quantum=uint128,
    minimum_deposit_quanta=uint64,
)
chain = st.builds(
    reference.Chain,
    chain_id=chain_ids,
    name=texts,
    anchor=addresses,
    assets=tuples_of(vault_asset),
)
operator_set = st.builds(
    settlements.OperatorSet,
    epoch=uint64,
    threshold=uint32,
    signers=tuples_of(addresses),
    parameters_hash=hashes,
)
windows = st.builds(settlements.Windows, uint64, uint64, uint64, uint64, uint64, uint64)
genesis = st.builds(
    reference.Genesis,
    clearinghouse_id=hashes,
    home_chain_id=chain_ids,
    chains=tuples_of(chain),
    assets=tuples_of(
        st.builds(reference.Asset, asset_id=uint32, symbol=texts, decimals=uint32)
    ),
    operator_set=operator_set,
    windows=windows,
    house=addresses,
)  # fmt: skip

settlement = st.builds(
    settlements.Settlement,
    clearinghouse_id=hashes,
    cycle=uint64,
    parent=hashes,
    operator_epoch=uint64,
    cut_time=uint64,
    journal_count=uint64,
    journal_head=hashes,
    statements_root=hashes,
    flows_root=hashes,
    fills_root=hashes,
    prices_root=hashes,
    prepare_deadline=uint64,
    decide_by=uint64,
    chains=tuples_of(
        st.builds(settlements.ChainEntry, chain_ids, addresses, hashes, st.booleans())
    ),
)
leg = st.builds(
    settlements.Leg,
    chain_id=chain_ids,
    anchor=addresses,
    cycle=uint64,
    parent_leg=hashes,
    assets=tuples_of(
        st.builds(
            settlements.LegAsset,
            asset_id=uint32,
            claims_tree=hashes,
            claims=uint128,
            releases_tree=hashes,
            released=uint128,
            deposit_cursor=uint64,
            deposit_hash=hashes,
            exit_cursor=uint64,
        )
    ),
    data_hash=hashes,
)
chain_phases = tuples_of(st.builds(views.ChainPhase, chain_ids, phases, st.booleans()))
settlement_record = st.builds(
    views.SettlementRecord,
    settlement_id=hashes,
    settlement=settlement,
    legs=tuples_of(leg),
    operator_set=operator_set,
    signatures=tuples_of(signatures),
    chain_phases=chain_phases,
    outcome=phases,
    releases=tuples_of(
        st.builds(views.PayableRelease, chain_ids, uint32, uint64, addresses, uint64, hashes)
    ),
    sequence=uint64,
)
settlement_summary = st.builds(
    views.SettlementSummary, hashes, uint64, phases, chain_phases, st.booleans()
)

claim_changes = st.builds(
    lambda chain, asset, changes: entries.ClaimChanges(
        chain,
        asset,
        b"".join(position.to_bytes(4, "little") for position, _ in changes),
        b"".join(quanta.to_bytes(8, "little") for _, quanta in changes),
    ),
    chain_ids,
    uint32,
    st.lists(st.tuples(uint32, st.integers(0, INT64_MAX)), min_size=1, max_size=3),
)
settlement_entry = st.one_of(
    st.builds(
        entries.SettlementProposed,
        settlement_id=hashes,
        settlement=settlement,
        legs=tuples_of(leg),
        marks=tuples_of(st.builds(entries.MarkAtCut, uint32, uint64)),
        claims=st.lists(
            claim_changes, max_size=3, unique_by=lambda c: (c.chain_id, c.asset_id)
        ).map(tuple),
        releases=tuples_of(
            st.builds(entries.PlannedRelease, chain_ids, uint32, uint32, uint64, hashes)
        ),
        residuals=tuples_of(st.builds(entries.ResidualChange, uint32, uint32, int64)),
        shortfalls=tuples_of(st.builds(entries.ShortfallFlow, uint32, uint32, int64)),
        crossings=tuples_of(st.builds(entries.AssetCrossing, uint32, uint64)),
    ),
    st.builds(entries.SettlementSigned, hashes, tuples_of(signatures)),
    st.builds(entries.PhaseProven, hashes, chain_ids, phases, uint64, hashes, uint64),
    st.builds(entries.TransactionIncluded, hashes, chain_ids, texts, hashes, uint64, uint32),
    st.builds(entries.FinalityViolated, chain_ids, texts),
)
settlement_event = st.builds(views.SettlementEvent, uint64, uint64, settlement_entry)

member = st.builds(
    views.Member,
    member=addresses,
    position=uint32,
    claims=tuples_of(st.builds(views.Claim, chain_ids, uint32, uint64)),
    accounts=tuples_of(
        st.builds(views.AssetAccount, uint32, int64, uint64, uint64, int64, uint64)
    ),
    holdings=tuples_of(st.builds(views.MemberHolding, uint32, int64, int64, uint64)),
    placement_limits=tuples_of(placement_limit),
    sequence=uint64,
)  # fmt: skip
branch = st.builds(Branch, tuples_of(hashes), tuples_of(uint128))
root = st.builds(Node, hashes, uint128)
claim_branch = st.builds(views.ClaimBranch, hashes, root, uint32, addresses, uint64, branch)
release_branch = st.builds(views.ReleaseBranch, hashes, root, uint64, addresses, uint64, branch)
solvency = st.builds(
    views.Solvency,
    tuples_of(
        st.builds(views.VaultLiabilities, chain_ids, uint32, uint64, uint64, uint64, uint64)
    ),
    uint64,
)  # fmt: skip
figures = st.builds(NettingFigures, uint128, uint128, uint64, uint64)
gas = st.none() | uint64
cycle = st.builds(
    views.CycleReport,
    cycle=uint64,
    settlement_id=hashes,
    outcome=phases,
    fills=uint64,
    positions=figures,
    cash=figures,
    bilateral=figures,
    crossings=st.dictionaries(uint32, uint64, max_size=3),
    legs=tuples_of(
        st.builds(views.CycleLeg, chain_ids, phases, gas, gas, gas, gas, gas, uint32)
    ),
)  # fmt: skip
status = st.builds(
    views.OperationStatus,
    clearinghouse_id=hashes,
    sequence=uint64,
    journal_head=hashes,
    halted=texts,
    cycle=uint64,
    in_flight=st.none() | hashes,
    last_committed=hashes,
    members=uint64,
    instruments=uint64,
    fills=uint64,
    fills_since_cut=uint64,
)
