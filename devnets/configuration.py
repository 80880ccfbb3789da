"""What a devnet file says: chains, their families and finality, assets, windows, operators.

A devnet file is TOML, described by the comments in ``three.toml``. It never holds a key: keys are
drawn when the devnet starts and live in keystore files in its directory.
"""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from clearinghouse.book.identifiers import AssetId, ChainId
from clearinghouse.book.ranges import INT64_MAX, UINT32_MAX
from clearinghouse.book.settlements import Windows
from clearinghouse.errors import Rejected

THREE_CHAINS = Path(__file__).with_name("three.toml")
"""The default devnet."""

HETEROGENEOUS = Path(__file__).with_name("heterogeneous.toml")
"""One chain of every family."""

FAST = Path(__file__).with_name("fast.toml")
"""The test suite's devnet."""

MEMBERS_MAX = 64
"""Signatures that a contract checks in one call; each costs about 3,500 gas."""

UNIT_DECIMALS_MAX = 24
"""Decimals between a quantum and a token unit: keeps 2^48 quanta within the contract's uint128."""

MIN_PERIOD_SLOTS = 8
"""A period has to see a block made, final and signed; three slots when nothing is late."""

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Symbol = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9]{0,11}$")]
Seconds = Annotated[int, Meta(ge=1, le=UINT32_MAX)]
Decimals = Annotated[int, Meta(ge=0, le=36)]
Members = Annotated[int, Meta(ge=1, le=MEMBERS_MAX)]


Family = Literal["committee", "ethereum", "opstack", "nitro"]
"""By whom a chain's finalised headers are signed: attesters, an Ethereum sync committee, or bonded
attesters whom the rollup's L1 audits."""


class CommitteeConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """The attesters of one chain."""

    members: Members
    quorum: Members


class BeaconConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """The beacon chain of an Ethereum-like chain. A slot lasts as long as a block."""

    slots_per_epoch: Annotated[int, Meta(ge=1, le=64)] = 8
    epochs_per_period: Annotated[int, Meta(ge=1, le=512)] = 8
    """How long one sync committee signs; mainnet's sizes are 32 slots and 256 epochs."""
    committee_size: Annotated[int, Meta(ge=8, le=512, multiple_of=8)] = 512
    """Places in the sync committee; a power of two."""
    trusting_seconds: Seconds = 86_400
    """After so long without an update light clients no longer believe the committee they know."""

    @property
    def slots_per_period(self) -> int:
        return self.slots_per_epoch * self.epochs_per_period


class RollupConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a rollup's roots are posted."""

    l1: Name
    """An Ethereum-like chain of the devnet, before this one in the file."""
    posting_seconds: Annotated[float, Meta(gt=0, le=3600)] = 3.0
    """Between two roots; a week on OP Stack mainnets, as everything below."""
    finalization_seconds: Seconds = 4
    """How long a root can be challenged (OP Stack)."""
    unbonding_seconds: Seconds = 604_800
    """How long a bond stays at stake after its attester resigned."""


class OperatorConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """The keys that sign settlements."""

    members: Members
    threshold: Members


class WindowConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """The clearinghouse's constants in seconds, as ``clearinghouse.book.settlements.Windows``."""

    challenge_seconds: Seconds
    grace_seconds: Seconds
    stall_seconds: Seconds
    freeze_delay_seconds: Seconds
    max_decide_seconds: Seconds
    client_latency_seconds: Seconds

    @property
    def windows(self) -> Windows:
        return Windows(**msgspec.structs.asdict(self))


class SettlementConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """What the coordinator asks for in each settlement, and how it waits."""

    prepare_deadline_seconds: Seconds
    """From the cut to the last moment at which an anchor prepares."""
    decide_by_seconds: Seconds
    """From the cut to the moment after which home aborts."""
    inclusion_timeout_seconds: Annotated[float, Meta(gt=0, le=3600)]
    """Until a transaction counts as not included."""
    poll_seconds: Annotated[float, Meta(gt=0, le=60)]
    """Between two looks at a node."""


class AssetConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """One asset of the ledger."""

    id: Annotated[int, Meta(ge=0, le=UINT32_MAX)]
    symbol: Symbol
    quantum_decimals: Decimals
    """One quantum is ``10^-quantum_decimals`` of the asset."""
    minimum_deposit_quanta: Annotated[int, Meta(ge=1, le=INT64_MAX)]

    @property
    def asset_id(self) -> AssetId:
        return AssetId(self.id)


class ChainConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """One chain: its pace, its finality rule, who signs its headers, and its tokens."""

    name: Name
    chain_id: Annotated[int, Meta(ge=1, le=INT64_MAX)]
    block_seconds: Annotated[float, Meta(ge=0.05, le=60)]
    finality_blocks: Annotated[int, Meta(ge=2, le=128, multiple_of=2)]
    """Blocks on top that make a block final. Anvil's finalised block is two epochs old, and the
    shortest epoch has one slot, hence even numbers."""
    token_decimals: dict[Symbol, Decimals]
    """Of each asset's token on this chain, by the asset's symbol."""
    family: Family = "committee"
    committee: CommitteeConfiguration | None = None
    """Of a chain whose headers attesters sign."""
    beacon: BeaconConfiguration | None = None
    """Of an Ethereum-like chain."""
    rollup: RollupConfiguration | None = None
    """Of an OP Stack or a Nitro chain."""

    @property
    def id(self) -> ChainId:
        return ChainId(self.chain_id)


class DevnetConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole devnet, every rule of ``load_configuration`` kept."""

    home: Name
    windows: WindowConfiguration
    settlement: SettlementConfiguration
    operators: OperatorConfiguration
    assets: tuple[AssetConfiguration, ...]
    chains: tuple[ChainConfiguration, ...]

    @property
    def home_chain(self) -> ChainConfiguration:
        return next(chain for chain in self.chains if chain.name == self.home)

    def assets_of(self, chain: ChainConfiguration) -> tuple[AssetConfiguration, ...]:
        """Return the assets that have a token on ``chain``, sorted by id."""
        return tuple(asset for asset in self.assets if asset.symbol in chain.token_decimals)

    def units_per_quantum(self, chain: ChainConfiguration, asset: AssetConfiguration) -> int:
        """Return the smallest units of the token of ``asset`` on ``chain`` in one quantum."""
        return int(10 ** (chain.token_decimals[asset.symbol] - asset.quantum_decimals))


def load_configuration(path: Path) -> DevnetConfiguration:
    """Read a devnet file.

    Raises
    ------
    Rejected
        ``configuration_invalid`` naming the file, the key and what is allowed there.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _invalid(
            path, "", f"cannot be read ({error.strerror}); name a devnet file"
        ) from error
    try:
        configuration = msgspec.toml.decode(content, type=DevnetConfiguration)
    except msgspec.ValidationError as error:
        raise _invalid(path, *_located(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(path, "", f"is not TOML: {error}") from error
    for key, allowed, kept in _rules(configuration):
        if not kept:
            raise _invalid(path, key, allowed)
    return configuration


def _rules(devnet: DevnetConfiguration) -> typing.Iterator[tuple[str, str, bool]]:
    """Yield (key, what is allowed, whether it is so), each rule sound once those before it hold."""
    yield from _rules_of_assets(devnet)
    yield from _rules_of_chains(devnet)
    windows, asked = devnet.windows, devnet.settlement
    slowest = windows.max_decide_seconds + windows.client_latency_seconds
    for key in ("grace_seconds", "stall_seconds", "freeze_delay_seconds"):
        yield (
            f"windows.{key}",
            f"must exceed max_decide_seconds + client_latency_seconds = {slowest}",
            getattr(windows, key) > slowest,
        )
    yield (
        "settlement.decide_by_seconds",
        "must lie after prepare_deadline_seconds and within windows.max_decide_seconds",
        asked.prepare_deadline_seconds < asked.decide_by_seconds <= windows.max_decide_seconds,
    )
    yield (
        "operators.threshold",
        f"must be at most the {devnet.operators.members} members",
        devnet.operators.threshold <= devnet.operators.members,
    )


def _rules_of_assets(devnet: DevnetConfiguration) -> typing.Iterator[tuple[str, str, bool]]:
    ids = [asset.id for asset in devnet.assets]
    symbols = [asset.symbol for asset in devnet.assets]
    yield "assets", "needs at least one asset", bool(ids)
    yield "assets", f"ids must increase strictly, were {ids}", ids == sorted(set(ids))
    yield "assets", f"symbols must differ, were {symbols}", len(set(symbols)) == len(symbols)


def _rules_of_chains(devnet: DevnetConfiguration) -> typing.Iterator[tuple[str, str, bool]]:
    ids = [chain.chain_id for chain in devnet.chains]
    names = [chain.name for chain in devnet.chains]
    decimals_of = {asset.symbol: asset.quantum_decimals for asset in devnet.assets}
    yield "chains", "needs at least two chains", len(ids) >= 2
    yield "chains", f"chain ids must increase strictly, were {ids}", ids == sorted(set(ids))
    yield "chains", f"names must differ, were {names}", len(set(names)) == len(names)
    yield "home", f"must be one of {', '.join(names)}", devnet.home in names
    yield (
        "home",
        "must not be a rollup: its clients elsewhere could not be audited, they do not know its L1",
        devnet.home_chain.rollup is None,
    )
    for number, chain in enumerate(devnet.chains):
        key = f"chains[{number}]"
        yield from _rules_of_family(chain, key)
        if chain.rollup is not None:
            before = [c.name for c in devnet.chains[:number] if c.family == "ethereum"]
            yield (
                f"{key}.rollup.l1",
                "must be an ethereum chain that stands before this one in the file, one of: "
                + ", ".join(before),
                chain.rollup.l1 in before,
            )
        yield f"{key}.token_decimals", "needs at least one asset", bool(chain.token_decimals)
        for symbol, decimals in chain.token_decimals.items():
            yield (
                f"{key}.token_decimals.{symbol}",
                f"is no asset of this file; allowed: {', '.join(decimals_of)}",
                symbol in decimals_of,
            )
            least = decimals_of[symbol]
            yield (
                f"{key}.token_decimals.{symbol}",
                f"must lie between the asset's quantum_decimals {least} and "
                f"{least + UNIT_DECIMALS_MAX}, was {decimals}",
                least <= decimals <= least + UNIT_DECIMALS_MAX,
            )


def _rules_of_family(chain: ChainConfiguration, key: str) -> typing.Iterator[tuple[str, str, bool]]:
    committee, beacon = chain.committee, chain.beacon
    for name, given, needed in (
        ("committee", committee, chain.family != "ethereum"),
        ("beacon", beacon, chain.family == "ethereum"),
        ("rollup", chain.rollup, chain.family in ("opstack", "nitro")),
    ):
        allowed = "must be given" if needed else "must be left out"
        yield f"{key}.{name}", f"{allowed}: family is {chain.family}", (given is not None) == needed
    if committee is not None:
        members = committee.members
        yield (
            f"{key}.committee.quorum",
            f"must be a majority of the {members} members, and no more than them",
            members < 2 * committee.quorum <= 2 * members,
        )
    if beacon is not None:
        yield (
            f"{key}.block_seconds",
            "must be whole seconds: it is the length of a slot",
            chain.block_seconds == int(chain.block_seconds) >= 1,
        )
        size = beacon.committee_size
        yield f"{key}.beacon.committee_size", "must be a power of two", size & (size - 1) == 0
        yield (
            f"{key}.beacon.epochs_per_period",
            f"must give periods of more than {MIN_PERIOD_SLOTS} slots",
            beacon.slots_per_period > MIN_PERIOD_SLOTS,
        )


def _located(said: str) -> tuple[str, str]:
    """Split msgspec's message into key and cause; for an unknown key name the known ones."""
    cause, _, place = said.partition(" - at `$")
    key = place.rstrip("`").removeprefix(".")
    unknown = re.search(r"unknown field `(.*)`", cause)
    if unknown is None:
        return key, f"{cause[0].lower()}{cause[1:]}"
    known = ", ".join(_keys_at(key))
    return f"{key}.{unknown[1]}".removeprefix("."), f"is not known; allowed here: {known}"


def _keys_at(key: str) -> tuple[str, ...]:
    """Return the field names of the table that ``key`` (as ``chains[0].committee``) leads to."""
    table: type[Struct] = DevnetConfiguration
    for name in re.findall(r"[a-z_]+", key):
        hint = typing.get_type_hints(table)[name]
        table = next(iter(typing.get_args(hint)), hint)
    return table.__struct_fields__


def _invalid(path: Path, key: str, allowed: str) -> Rejected:
    subject = f"{path}: {key}" if key else str(path)
    return Rejected(
        "configuration_invalid", f"{subject} {allowed}".replace("  ", " "), file=str(path), key=key
    )
