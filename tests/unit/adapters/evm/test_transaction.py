"""EIP-1559 bytes against eth-account, which others sign with."""

from __future__ import annotations

import pytest
from eth_account import Account

from adapters.evm.transaction import Fees, Transaction, sign_transaction
from adapters.simulated.keys import simulated_key
from clearinghouse.book.identifiers import Address, ChainId


@pytest.mark.parametrize("to", [Address(b"\x01" * 20), None])
@pytest.mark.parametrize("nonce", [0, 1, 300])
def test_transaction_equals_eth_accounts_when_signed_with_the_same_key(
    to: Address | None, nonce: int
) -> None:
    key = simulated_key(3, "any")
    transaction = Transaction(ChainId(31_001), nonce, to, b"\x00\x01data", 250_000)
    raw, transaction_hash = sign_transaction(transaction, Fees(2_000, 100), key)
    expected = Account.sign_transaction(
        {
            "type": 2,
            "chainId": 31_001,
            "nonce": nonce,
            **({"to": to} if to else {}),
            "data": b"\x00\x01data",
            "gas": 250_000,
            "maxFeePerGas": 2_000,
            "maxPriorityFeePerGas": 100,
            "value": 0,
        },
        key.private_key,
    )
    assert raw == bytes(expected.raw_transaction)
    assert transaction_hash == bytes(expected.hash)


@pytest.mark.parametrize("fee", [0, 1, 7, 8, 10**9, 10**12 + 3])
def test_raised_fees_pass_the_replacement_rule_when_repeated(fee: int) -> None:
    raised = Fees(fee, fee).raised()
    assert raised.max_fee > fee
    assert raised.max_fee * 8 >= fee * 9
    assert Fees(5, 9).at_least(Fees(6, 2)) == Fees(6, 9)
