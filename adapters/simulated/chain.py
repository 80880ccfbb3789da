"""A chain that makes blocks only when told to, and misbehaves only when told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

from adapters.base import TransactionOutcome
from adapters.evm.reader import UnverifiedStateProof
from adapters.simulated.anchor import SimulatedAnchor
from adapters.simulated.light_client import SimulatedLightClient
from adapters.simulated.revert import Reverted
from adapters.simulated.tries import SimulatedTries, StateRoots
from adapters.simulated.vault import Asset
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, to_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ChainFault, Unavailable
from clearinghouse.proofs.header import Header, decode_header, encode_header

GAS_LIMIT = 30_000_000


@dataclass
class ChainState:
    """All contracts of a chain; copied whole before a transaction touches it."""

    anchor: SimulatedAnchor
    clients: dict[ChainId, SimulatedLightClient]
    """By the chain that they follow; the anchor's peers hold the same objects."""


Call = Callable[[ChainState, int], None]
"""A transaction: what it does to the state at a block's timestamp. Raises ``Reverted``."""


@dataclass(frozen=True)
class _Block:
    header: Header
    encoded: bytes
    state: ChainState
    roots: StateRoots
    included: frozenset[Hash32]
    """Transactions in it."""


@dataclass(frozen=True)
class _Pending:
    hash: Hash32
    call: Call
    earliest_height: int


class SimulatedChain:
    """Blocks of real headers over real tries.

    As it stands a transaction is mined at once. ``halted`` stops blocks, ``unreachable`` the node,
    ``drop_next`` loses transactions, ``delay_blocks`` lets them wait.
    """

    def __init__(
        self,
        chain_id: ChainId,
        state: ChainState,
        code_hash: Hash32,
        *,
        genesis_time: int,
        block_seconds: int = 1,
        finality_depth: int = 2,
    ) -> None:
        self.chain_id = chain_id
        self.finality_depth = finality_depth
        self.block_seconds = block_seconds
        self.halted = False
        self.unreachable = False
        self.drop_next = 0
        self.delay_blocks = 0
        self.mines_at_once = True
        self._tries = SimulatedTries(state.anchor.identity.address, code_hash)
        self._pending: list[_Pending] = []
        self._sent = 0
        self._reorganisations = 0
        roots = self._tries.change(self._tries.empty, {}, state.anchor.storage())
        self._blocks = [self._build(None, genesis_time, state, roots, frozenset())]
        self._by_hash = {self._blocks[0].header.block_hash: self._blocks[0]}

    @property
    def newest(self) -> Header:
        """The newest block's header."""
        return self._blocks[-1].header

    @property
    def state(self) -> ChainState:
        """The contracts after the newest block; read only."""
        self._require_reachable()
        return self._blocks[-1].state

    def finalised(self) -> Header:
        """Return the newest header with ``finality_depth`` blocks on top; the genesis before."""
        return self._blocks[max(0, len(self._blocks) - 1 - self.finality_depth)].header

    def mine(self, blocks: int = 1) -> None:
        """Make blocks of what is pending and due; a halted chain makes none."""
        for _ in range(0 if self.halted else blocks):
            self._mine_at(self.newest.timestamp + self.block_seconds)

    def advance_time(self, seconds: int) -> None:
        """Make one block that is so many seconds later than the newest."""
        if not self.halted:
            self._mine_at(self.newest.timestamp + seconds)

    def reorganise(self, depth: int) -> None:
        """Replace the newest ``depth`` blocks by empty ones; their transactions are lost."""
        times = [block.header.timestamp for block in self._blocks[-depth:]]
        del self._blocks[-depth:]
        self._reorganisations += 1
        pending, self._pending = self._pending, []
        for timestamp in times:
            self._mine_at(timestamp)
        self._pending = pending

    def submit(self, call: Call) -> TransactionOutcome:
        """Send a transaction and wait for its inclusion, as ``ChainAdapter`` says."""
        self._require_reachable()
        self._simulate(call)
        self._sent += 1
        transaction_hash = keccak256(
            self.chain_id.to_bytes(8) + self._sent.to_bytes(8) + b"simulated transaction"
        )
        if self.drop_next:
            self.drop_next -= 1
        else:
            due = self.newest.height + 1 + self.delay_blocks
            self._pending.append(_Pending(transaction_hash, call, due))
            if self.mines_at_once:
                self.mine()
        if transaction_hash not in self._blocks[-1].included:
            raise Unavailable(
                "transaction_not_included",
                f"transaction {to_hex(transaction_hash)} is in no block of chain {self.chain_id}; "
                "it may still be: look at the chain before sending again",
                transaction_hashes=(transaction_hash,),
            )
        return TransactionOutcome(transaction_hash, self.newest.height, 0)  # gas is not modelled

    def get_header_by_hash(self, block_hash: Hash32) -> tuple[Header, bytes]:
        """Return the header of that hash and its RLP, canonical or not."""
        self._require_reachable()
        block = self._by_hash.get(block_hash)
        if block is None:
            raise Unavailable("block_unknown", f"no block {to_hex(block_hash)}", block=block_hash)
        return block.header, block.encoded

    def get_proof(
        self, account: Address, slots: Sequence[Hash32], height: int
    ) -> UnverifiedStateProof:
        """Return the proofs of an account and of slots of the anchor at the canonical block."""
        roots = self._block_at(height).roots
        return UnverifiedStateProof(
            self._tries.prove_account(roots, account),
            tuple(self._tries.prove_slot(roots, slot) for slot in slots),
        )

    def deposit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        """Return how many deposits an asset had at a height."""
        return len(self._asset_at(anchor, asset_id, height).deposits)

    def exit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        """Return how many exits an asset had at a height."""
        return len(self._asset_at(anchor, asset_id, height).exits)

    def _asset_at(self, anchor: Address, asset_id: AssetId, height: int) -> Asset:
        found = self._block_at(height).state.anchor
        if found.identity.address != anchor:
            raise Unavailable("contract_unknown", f"no anchor at {to_hex(anchor)}", address=anchor)
        return found.vault.assets[asset_id]

    def _block_at(self, height: int) -> _Block:
        self._require_reachable()
        if height >= len(self._blocks):
            raise Unavailable("block_unknown", f"no block at height {height}", block=height)
        return self._blocks[height]

    def _require_reachable(self) -> None:
        if self.unreachable:
            raise Unavailable(
                "chain_unreachable", f"chain {self.chain_id} does not answer", url="simulated"
            )

    def _simulate(self, call: Call) -> None:
        try:
            call(deepcopy(self._blocks[-1].state), self.newest.timestamp)
        except Reverted as reverted:
            raise ChainFault(
                "transaction_reverted",
                f"the contract refuses the call with {reverted}",
                error=reverted.error,
                arguments=reverted.arguments,
                transaction_hash=None,
            ) from reverted

    def _mine_at(self, timestamp: int) -> None:
        parent = self._blocks[-1]
        due = [p for p in self._pending if p.earliest_height <= parent.header.height + 1]
        self._pending = [p for p in self._pending if p not in due]
        state, included = parent.state, set()
        for pending in due:
            changed = deepcopy(state)
            try:
                pending.call(changed, timestamp)
            except Reverted:
                continue  # included without effect on a real chain; nobody waits for it here
            state = changed
            included.add(pending.hash)
        roots = parent.roots
        if state is not parent.state:
            roots = self._tries.change(roots, parent.state.anchor.storage(), state.anchor.storage())
        block = self._build(parent.header, timestamp, state, roots, frozenset(included))
        self._blocks.append(block)
        self._by_hash[block.header.block_hash] = block

    def _build(
        self,
        parent: Header | None,
        timestamp: int,
        state: ChainState,
        roots: StateRoots,
        included: frozenset[Hash32],
    ) -> _Block:
        zero = bytes(32)
        encoded = encode_header(
            {
                "parentHash": zero if parent is None else parent.block_hash,
                "sha3Uncles": keccak256(b"\xc0"),
                "miner": bytes(20),
                "stateRoot": roots.state,
                "transactionsRoot": keccak256(b"".join(sorted(included))),
                "receiptsRoot": zero,
                "logsBloom": bytes(256),
                "difficulty": 0,
                "number": 0 if parent is None else parent.height + 1,
                "gasLimit": GAS_LIMIT,
                "gasUsed": 0,
                "timestamp": timestamp,
                # Tells the blocks of two histories, and the genesis of two chains, apart.
                "extraData": self.chain_id.to_bytes(8) + self._reorganisations.to_bytes(4),
                "mixHash": zero,
                "nonce": bytes(8),
                "baseFeePerGas": 7,
                "withdrawalsRoot": zero,
                "blobGasUsed": 0,
                "excessBlobGas": 0,
                "parentBeaconBlockRoot": zero,
                "requestsHash": zero,
            }
        )
        return _Block(decode_header(encoded), encoded, state, roots, included)
