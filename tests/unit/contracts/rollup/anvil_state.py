"""States of the unit tests put into an anvil, from which its ``eth_getProof`` proves them."""

from __future__ import annotations

from typing import Any

from clearinghouse.book.identifiers import Address, ChainId, Hash32, to_hex
from clearinghouse.proofs.header import Header, VerifiedHeader, verify_block
from tests.unit.contracts.evm import Evm
from tests.unit.proofs.rollups.chains import NOW, Chain

ANVIL = ChainId(31_337)


def newest_header(chain: Evm) -> tuple[Header, bytes]:
    """Return the newest block's header and its RLP."""
    return verify_block(chain.request("eth_getBlockByNumber", "latest", False))


class AnvilState(Chain):
    """A state that lies in an anvil and is proven by its ``eth_getProof``."""

    def __init__(self, chain: Evm, synthetic: Chain) -> None:
        super().__init__(synthetic.accounts)
        self._chain = chain
        for address, account in synthetic.accounts.items():
            chain.request("anvil_setCode", to_hex(address), to_hex(account.code))
            for slot, word in account.storage.items():
                if word:  # anvil would put a zero into its trie
                    words = (to_hex(value.to_bytes(32)) for value in (slot, word))
                    chain.request("anvil_setStorageAt", to_hex(address), *words)
        chain.request("anvil_mine", "0x1")
        self.block, self.block_rlp = newest_header(chain)

    @property
    def state_root(self) -> Hash32:
        return self.block.state_root

    def header(self, timestamp: int = NOW) -> VerifiedHeader:
        block = self.block
        return VerifiedHeader(ANVIL, block.height, block.block_hash, block.state_root, timestamp)

    def prove_account(self, address: Address) -> tuple[bytes, ...]:
        return _nodes(self._get_proof(address, [])["accountProof"])

    def prove_slot(self, address: Address, slot: int | bytes) -> tuple[bytes, ...]:
        key = slot.to_bytes(32) if isinstance(slot, int) else slot
        return _nodes(self._get_proof(address, [to_hex(key)])["storageProof"][0]["proof"])

    def _get_proof(self, address: Address, slots: list[str]) -> Any:
        return self._chain.request("eth_getProof", to_hex(address), slots, hex(self.block.height))


def _nodes(texts: list[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(text[2:]) for text in texts)
