"""What a node says, read into typed values.

A header is checked to hash to what it is called; everything else is a hint until ``prover`` has
tied it to a header that a light client accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.evm.artifacts import Artifact, load_artifact
from adapters.evm.connection import Connection
from clearinghouse.book.identifiers import Address, AssetId, Hash32, to_hex
from clearinghouse.errors import ProofInvalid, Unavailable
from clearinghouse.proofs.header import Header, verify_block
from clearinghouse.proofs.trie import without_empty_node


@dataclass(frozen=True)
class UnverifiedStateProof:
    """The nodes that a node returned for one account and some of its slots."""

    account_nodes: tuple[bytes, ...]
    storage_nodes: tuple[tuple[bytes, ...], ...]
    """For each slot asked, in the order asked."""


@dataclass(frozen=True)
class Log:
    """One event record as the node reports it."""

    emitter: Address
    topics: tuple[bytes, ...]
    data: bytes
    height: int
    transaction_hash: Hash32


class Reader:
    """Typed questions to one node."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def height(self) -> int:
        """Return the height of the node's newest block."""
        return _integer(self._connection.request("eth_blockNumber", []))

    def newest_timestamp(self) -> int:
        """Return the newest block's time in seconds since the epoch."""
        return _integer(self._block("latest").get("timestamp"))

    def base_fee_wei(self) -> int:
        """Return the newest block's base fee per gas; 0 on a chain without one."""
        return _integer(self._block("latest").get("baseFeePerGas", "0x0"))

    def get_header_by_hash(self, block_hash: Hash32) -> tuple[Header, bytes]:
        """Return the header of that hash and its RLP, whoever's chain it is on.

        Raises
        ------
        Unavailable
            ``block_unknown`` when the node does not have it (yet).
        ProofInvalid
            ``header_hash_mismatch`` when what it returned hashes to something else.
        """
        block = self._connection.request("eth_getBlockByHash", [to_hex(block_hash), False])
        header, encoded = verify_block(self._known(block, to_hex(block_hash)))
        if header.block_hash != block_hash:
            raise ProofInvalid(
                "header_hash_mismatch",
                f"asked for block {to_hex(block_hash)}, the node gave {to_hex(header.block_hash)}; "
                "ask another node",
                expected=block_hash,
                found=header.block_hash,
            )
        return header, encoded

    def get_header_at(self, height: int) -> tuple[Header, bytes]:
        """Return the header that the node holds canonical at ``height`` (a hint), and its RLP."""
        return verify_block(self._block(hex(height)))

    def get_finalised_header(self) -> tuple[Header, bytes]:
        """Return the header that the node itself holds final (a hint), and its RLP."""
        return verify_block(self._block("finalized"))

    def get_proof(
        self, account: Address, slots: Sequence[Hash32], height: int
    ) -> UnverifiedStateProof:
        """Return the nodes of EIP-1186 for ``slots`` of ``account`` after block ``height``."""
        answer = self._connection.request(
            "eth_getProof", [to_hex(account), [to_hex(slot) for slot in slots], hex(height)]
        )
        try:
            storage = tuple(_nodes(entry["proof"]) for entry in answer["storageProof"])
            account_nodes = _nodes(answer["accountProof"])
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ProofInvalid(
                "answer_malformed", "eth_getProof's answer is not of EIP-1186; ask another node"
            ) from error
        if len(storage) != len(slots):
            raise ProofInvalid(
                "answer_malformed",
                f"asked for {len(slots)} slots, the node answered {len(storage)}",
            )
        return UnverifiedStateProof(account_nodes, storage)

    def storage_root(self, account: Address, height: int) -> Hash32:
        """Return the root of an account's storage after block ``height`` (a hint)."""
        answer = self._connection.request("eth_getProof", [to_hex(account), [], hex(height)])
        if not isinstance(answer, dict):
            raise ProofInvalid("answer_malformed", "eth_getProof's answer is not of EIP-1186")
        return Hash32(_data(answer.get("storageHash")))

    def call(
        self,
        artifact: Artifact,
        contract: Address,
        function: str,
        *arguments: object,
        height: int | None = None,
    ) -> tuple[Any, ...]:
        """Return what a view function returns at ``height``, at the newest block if None."""
        data = artifact.encode_call(function, *arguments)
        returned = self._connection.request(
            "eth_call",
            [
                {"to": to_hex(contract), "data": to_hex(data)},
                "latest" if height is None else hex(height),
            ],
        )
        return artifact.decode_result(function, _data(returned))

    def deposit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        """Return how many deposits of an asset the anchor had after block ``height``."""
        return self._count("depositCount", anchor, asset_id, height)

    def exit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        """Return how many exits of an asset the anchor had after block ``height``."""
        return self._count("exitCount", anchor, asset_id, height)

    def _count(self, function: str, anchor: Address, asset_id: AssetId, height: int) -> int:
        (count,) = self.call(load_artifact("Anchor"), anchor, function, asset_id, height=height)
        return int(count)

    def code(self, contract: Address) -> bytes:
        """Return the code at an address, empty if there is none."""
        return _data(self._connection.request("eth_getCode", [to_hex(contract), "latest"]))

    def logs(self, emitter: Address, first_height: int, last_height: int) -> list[Log]:
        """Return the events that a contract emitted between two heights, both included."""
        answer = self._connection.request(
            "eth_getLogs",
            [
                {
                    "address": to_hex(emitter),
                    "fromBlock": hex(first_height),
                    "toBlock": hex(last_height),
                }
            ],
        )
        return [_log(entry) for entry in answer]

    def _block(self, height_or_tag: str) -> Mapping[str, Any]:
        block = self._connection.request("eth_getBlockByNumber", [height_or_tag, False])
        return self._known(block, height_or_tag)

    def _known(self, block: Any, name: str) -> Mapping[str, Any]:
        if not isinstance(block, dict):
            raise Unavailable(
                "block_unknown",
                f"{self._connection.url} does not have block {name}; wait until it is synchronised",
                block=name,
            )
        return block


def _log(entry: Mapping[str, Any]) -> Log:
    return Log(
        emitter=Address(_data(entry["address"])),
        topics=tuple(_data(topic) for topic in entry["topics"]),
        data=_data(entry["data"]),
        height=_integer(entry["blockNumber"]),
        transaction_hash=Hash32(_data(entry["transactionHash"])),
    )


def _nodes(nodes: Sequence[str]) -> tuple[bytes, ...]:
    return without_empty_node([bytes.fromhex(node.removeprefix("0x")) for node in nodes])


def _data(value: object) -> bytes:
    try:
        return bytes.fromhex(str(value).removeprefix("0x"))
    except ValueError as error:
        raise ProofInvalid("answer_malformed", f"expected hex data, was {value!r}") from error


def _integer(value: object) -> int:
    try:
        return int(str(value), 16)
    except ValueError as error:
        raise ProofInvalid("answer_malformed", f"expected a hex number, was {value!r}") from error
