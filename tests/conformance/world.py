"""What the suite needs of a clearinghouse on three chains, whichever kind they are.

A world is under the test's hand: blocks appear, clocks move and committees sign only when asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from adapters.base import ChainAdapter
from adapters.simulated.keys import SimulatedKey
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32
from clearinghouse.book.settlements import OperatorSet, Windows
from clearinghouse.proofs.committee import Attestation, Committee

HOME, SPOKE, OTHER_SPOKE = ChainId(31_001), ChainId(31_002), ChainId(31_003)
CHAIN_IDS = (HOME, SPOKE, OTHER_SPOKE)

DOLLAR = AssetId(1)
"""On every chain; a quantum is one unit of the token, on ``SPOKE`` 10^12 units."""
FEE_TAKER = AssetId(2)
"""On ``HOME`` only: a token that delivers less than was sent."""
UNITS_PER_QUANTUM = {HOME: 1, SPOKE: 10**12, OTHER_SPOKE: 1}

MINIMUM_DEPOSIT_QUANTA = 10
FINALITY_DEPTH = 2
GENESIS_TIME = 1_900_000_000

WINDOWS = Windows(
    challenge_seconds=60,
    grace_seconds=20_000,
    stall_seconds=20_000,
    freeze_delay_seconds=20_000,
    max_decide_seconds=5_000,
    client_latency_seconds=600,
)
SALT = Hash32(b"conformance".ljust(32, b"\0"))
SEED = 7


@dataclass(frozen=True)
class Lie:
    """How a node deviates from the truth in what it serves; by default it does not."""

    account_nodes: Callable[[tuple[bytes, ...]], tuple[bytes, ...]] = lambda nodes: nodes
    storage_nodes: Callable[[tuple[bytes, ...]], tuple[bytes, ...]] = lambda nodes: nodes
    slots: Callable[[Hash32], Hash32] = lambda slot: slot
    """Serve the proof of another slot than was asked."""
    height: Callable[[int], int] = lambda height: height
    """Serve the proof of another block than was asked."""
    deposit_count: Callable[[int], int] = lambda count: count
    exit_count: Callable[[int], int] = lambda count: count
    parent_instead: bool = False
    """Serve a block's parent when asked for the block."""


class World(Protocol):
    """Three chains, their anchors and committees, and one adapter each."""

    clearinghouse_id: Hash32
    funder: SimulatedKey
    """The account that all adapters send from; it holds tokens on every chain."""
    operators: tuple[SimulatedKey, ...]
    operator_set: OperatorSet

    @property
    def adapters(self) -> Mapping[ChainId, ChainAdapter]: ...

    def adapter_through(self, chain_id: ChainId, lie: Lie) -> ChainAdapter:
        """Return a fresh adapter whose node tells ``lie``."""
        ...

    def mine(self, chain_id: ChainId, blocks: int = 1) -> None: ...

    def advance_time(self, chain_id: ChainId, seconds: int) -> None:
        """Mine a block whose timestamp is that much later."""
        ...

    def finalised_hash(self, chain_id: ChainId) -> tuple[int, Hash32]:
        """Return the height and the hash that the chain itself holds final."""
        ...

    def committee(self, chain_id: ChainId) -> Committee: ...

    def committee_keys(self, chain_id: ChainId) -> tuple[SimulatedKey, ...]: ...

    def publish(self, chain_id: ChainId, attestation: Attestation) -> None: ...

    def reorganise(self, chain_id: ChainId, depth: int) -> None:
        """Replace the newest ``depth`` blocks by as many empty ones."""
        ...

    def set_including(self, chain_id: ChainId, including: bool) -> None:
        """Let transactions that are sent from now on wait, or be included at once."""
        ...

    def stop(self, chain_id: ChainId) -> None:
        """Make the node stop answering, for the rest of the test."""
        ...

    def token_balance(self, chain_id: ChainId, owner: Address) -> int:
        """Return units of the dollar token."""
        ...

    def deposit_units(
        self, chain_id: ChainId, asset_id: AssetId, units: int, member: Address
    ) -> None:
        """Call the anchor's ``deposit`` with any number of token units."""
        ...

    def clients_status(self, chain_id: ChainId, of_chain: ChainId) -> int:
        """Return ``ILightClient.status`` of the client on ``chain_id``."""
        ...
