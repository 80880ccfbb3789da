"""Execution blocks for beacon chains of the tests: headers that hash, and no state."""

from __future__ import annotations

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.ethereum.containers import ExecutionPayloadHeader
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.header import Header, decode_header
from clearinghouse.proofs.rlp import encode_item, encode_uint
from devnets.beacon.network import build_network
from devnets.configuration import BeaconConfiguration, ChainConfiguration

GENESIS_TIME = 1_900_000_000
SLOTS_PER_PERIOD = 16
COMMITTEE_SIZE = 32
SEED = b"\x07" * 32

BEACON = BeaconConfiguration(slots_per_epoch=4, epochs_per_period=4, committee_size=COMMITTEE_SIZE)
CHAIN = ChainConfiguration(
    name="lantern",
    chain_id=31_202,
    block_seconds=2.0,
    finality_blocks=2,
    token_decimals={"USDC": 6},
    family="ethereum",
    beacon=BEACON,
)


def build_test_network(validators_root: bytes = b"\x11" * 32) -> Network:
    """Return a network with periods of 16 slots of two seconds."""
    return build_network(CHAIN, BEACON, GENESIS_TIME, Hash32(validators_root))


class ExecutionChain:
    """Blocks one after another; a block is final when two stand on it."""

    chain_id = ChainId(CHAIN.chain_id)

    def __init__(self) -> None:
        self.encoded: list[bytes] = []
        self._known: dict[Hash32, bytes] = {}
        self.mine()

    @property
    def final_height(self) -> int:
        return max(len(self.encoded) - 3, 0)

    def mine(self, label: bytes = b"") -> ExecutionPayloadHeader:
        """Add a block and return it as a beacon block holds it."""
        height = len(self.encoded)
        parent = keccak256(self.encoded[-1]) if self.encoded else Hash32(bytes(32))
        state_root = keccak256(b"state" + height.to_bytes(8) + label)
        fields = [parent, bytes(32), bytes(20), state_root, bytes(32), bytes(32), bytes(256)]
        numbers = (0, height, 30_000_000, 0, GENESIS_TIME + height)
        fields += [encode_uint(number) for number in numbers]
        fields += [label, bytes(32), bytes(8)]
        encoded = encode_item(list(fields))
        self.encoded.append(encoded)
        self._known[keccak256(encoded)] = encoded
        return self.payload(height)

    def payload(self, height: int) -> ExecutionPayloadHeader:
        header = decode_header(self.encoded[height])
        return ExecutionPayloadHeader(
            parent_hash=header.parent_hash,
            fee_recipient=Address(bytes(20)),
            state_root=header.state_root,
            receipts_root=header.receipts_root,
            logs_bloom=bytes(256),
            prev_randao=Hash32(bytes(32)),
            block_number=header.height,
            gas_limit=30_000_000,
            gas_used=0,
            timestamp=header.timestamp,
            extra_data=b"",
            base_fee_per_gas=7,
            block_hash=header.block_hash,
            transactions_root=Hash32(bytes(32)),
            withdrawals_root=Hash32(bytes(32)),
        )

    def canonical_hash(self, height: int) -> Hash32:
        return keccak256(self.encoded[height])

    def reorganise(self, depth: int) -> None:
        """Forget the newest blocks; they stay known by their hash."""
        del self.encoded[-depth:]

    def get_header_by_hash(self, block_hash: Hash32) -> tuple[Header, bytes]:
        try:
            encoded = self._known[block_hash]
        except KeyError:
            raise Unavailable("block_unknown", "no such block") from None
        return decode_header(encoded), encoded
