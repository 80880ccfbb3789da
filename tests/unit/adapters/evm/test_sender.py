"""The sender against a scripted node: nonces, fees, replacement, reverts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
import requests
from eth_abi.abi import encode

from adapters.evm.connection import Connection
from adapters.evm.sender import Sender, SenderPolicy
from adapters.simulated.keys import simulated_key
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ChainFault, ClearingError, ProofInvalid, Unavailable
from tests.unit.adapters.evm.node import ScriptedNode, error

CONTRACT = Address(b"\x77" * 20)
KEY = simulated_key(1, "sender")


def sender_of(
    node: ScriptedNode, clock: Callable[[], float] | None = None, **policy: Any
) -> Sender:
    """Return a sender whose clock makes a second pass at every look."""
    ticks = count()
    defaults = {"inclusion_timeout_seconds": 20, "replace_after_seconds": 5, "poll_seconds": 0.001}
    return Sender(
        Connection(node, "scripted"),
        ChainId(31_001),
        KEY,
        SenderPolicy(**{**defaults, **policy}),
        clock or (lambda: float(next(ticks))),
    )


def failure_of(attempt: Callable[[], object]) -> ClearingError:
    with pytest.raises(ClearingError) as raised:
        attempt()
    return raised.value


def test_send_signs_and_reports_the_inclusion_when_the_node_mines() -> None:
    node = ScriptedNode()
    outcome = sender_of(node).send(CONTRACT, b"\x01\x02")
    (transaction,) = node.mined
    assert (outcome.transaction_hash.hex(), outcome.gas_used) == (transaction.hash[2:], 70_000)
    assert bytes.fromhex(transaction.sender[2:]) == KEY.address
    assert bytes(transaction.fields["to"]) == CONTRACT
    assert bytes(transaction.fields["data"]) == b"\x01\x02"
    assert transaction.fields["chainId"] == 31_001
    assert transaction.fields["gas"] == 125_000
    assert transaction.fields["maxFeePerGas"] == 2 * node.base_fee + node.tip
    assert transaction.fields["maxPriorityFeePerGas"] == node.tip


def test_create_returns_the_address_that_the_nonce_gives() -> None:
    node = ScriptedNode()
    sender = sender_of(node)
    sender.send(CONTRACT, b"")
    address, _ = sender.create(b"\x60\x00")
    assert not node.mined[1].fields["to"]
    preimage = b"\xd6\x94" + KEY.address + b"\x01"  # rlp([address, 1])
    assert address == keccak256(preimage)[12:]


def test_nonces_follow_each_other_when_many_threads_send() -> None:
    node = ScriptedNode(mines_at_once=False)
    sent = node.make_request

    def mine_when_full(method: str, params: Any) -> dict[str, Any]:
        if len(node.pool) == 16:
            node.mine()
        return sent(method, params)

    node.make_request = mine_when_full  # type: ignore[method-assign]
    sender = sender_of(node, clock=lambda: 0.0)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda index: sender.send(CONTRACT, bytes([index])), range(16)))
    assert [transaction.fields["nonce"] for transaction in node.mined] == list(range(16))
    assert len({bytes(transaction.fields["data"]) for transaction in node.mined}) == 16


def test_fee_rises_by_an_eighth_or_more_when_not_included() -> None:
    node = ScriptedNode(mines_at_once=False)
    failure = failure_of(lambda: sender_of(node).send(CONTRACT, b"\x01"))
    assert failure.reason == "transaction_not_included"
    assert len(node.sent) >= 3
    assert {transaction.fields["nonce"] for transaction in node.sent} == {0}
    for earlier, later in zip(node.sent, node.sent[1:], strict=False):
        for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
            assert later.fields[fee] * 8 >= earlier.fields[fee] * 9
    hashes = failure.attributes["transaction_hashes"]
    assert isinstance(hashes, tuple)
    assert ["0x" + one.hex() for one in hashes] == [sent.hash for sent in node.sent]


def test_earlier_version_counts_when_the_chain_included_it_after_all() -> None:
    node = ScriptedNode(mines_at_once=False)

    def include_first_of_two(params: list[Any]) -> Any:
        if len(node.sent) == 2 and not node.mined:
            node.mined.append(node.sent[0])
            node.pool.clear()
        return node._eth_getTransactionReceipt(*params)

    node.script["eth_getTransactionReceipt"] = include_first_of_two
    outcome = sender_of(node).send(CONTRACT, b"\x01")
    assert outcome.transaction_hash.hex() == node.sent[0].hash[2:]


def test_abandoned_nonce_is_filled_at_a_higher_fee_when_sending_again() -> None:
    node = ScriptedNode(mines_at_once=False)
    sender = sender_of(node)
    failure_of(lambda: sender.send(CONTRACT, b"\x01"))
    last = node.sent[-1]
    node.mines_at_once = True
    sender.send(CONTRACT, b"\x02")
    assert [bytes(transaction.fields["data"]) for transaction in node.mined] == [b"\x02"]
    assert node.mined[0].fields["maxFeePerGas"] * 8 >= last.fields["maxFeePerGas"] * 9


def test_next_nonce_is_used_when_the_abandoned_one_was_included_later() -> None:
    node = ScriptedNode(mines_at_once=False)
    sender = sender_of(node)
    failure_of(lambda: sender.send(CONTRACT, b"\x01"))
    node.mine()
    node.mines_at_once = True
    sender.send(CONTRACT, b"\x02")
    assert [bytes(transaction.fields["data"]) for transaction in node.mined] == [b"\x01", b"\x02"]


def test_nonces_start_over_when_the_chain_came_back_without_its_last_blocks() -> None:
    node = ScriptedNode()
    sender = sender_of(node)
    for _ in range(3):
        sender.send(CONTRACT, b"\x01")
    node.mines_at_once = False
    failure_of(lambda: sender.send(CONTRACT, b"\x02"))
    node.pool.clear()
    del node.mined[1:]
    node.mines_at_once = True
    sender.send(CONTRACT, b"\x03")
    assert [transaction.fields["nonce"] for transaction in node.mined] == [0, 1]


def test_nonce_is_filled_when_the_node_was_lost_while_sending() -> None:
    node = ScriptedNode()
    sender = sender_of(node)

    def vanish(params: list[Any]) -> Any:
        raise requests.ConnectionError("gone")

    node.script["eth_sendRawTransaction"] = vanish
    failure = failure_of(lambda: sender.send(CONTRACT, b"\x01"))
    assert failure.reason == "chain_unreachable"
    node.script.clear()
    sender.send(CONTRACT, b"\x02")
    assert [transaction.fields["nonce"] for transaction in node.mined] == [0]


def test_foreign_transaction_is_not_displaced_when_it_took_the_nonce() -> None:
    node = ScriptedNode()
    other = ScriptedNode()
    sender_of(other).send(CONTRACT, b"\x99")
    node.pool[0] = other.mined[0]  # in the pool, but the node did not count it as pending
    answers = iter(["0x0", "0x0", "0x0", "0x1"])  # latest, pending; latest, pending
    node.script["eth_getTransactionCount"] = lambda _: next(answers, "0x1")
    outcome = sender_of(node).send(CONTRACT, b"\x01")
    assert [transaction.fields["nonce"] for transaction in node.mined] == [0, 1]
    assert bytes(node.mined[0].fields["data"]) == b"\x99"
    assert outcome.transaction_hash.hex() == node.mined[1].hash[2:]


def test_nonce_is_asked_again_when_the_node_calls_it_too_low() -> None:
    node = ScriptedNode()
    other = ScriptedNode()
    sender_of(other).send(CONTRACT, b"\x99")
    node.mined.append(other.mined[0])
    answers = iter(["0x0", "0x0"])  # stale: another process sent meanwhile
    counted = node._eth_getTransactionCount
    node.script["eth_getTransactionCount"] = lambda p: next(answers, None) or counted(*p)
    sender_of(node).send(CONTRACT, b"\x01")
    assert node.mined[1].fields["nonce"] == 1


def test_transaction_counts_as_sent_when_the_node_knows_it_already() -> None:
    node = ScriptedNode()

    def know(params: list[Any]) -> Any:
        node._eth_sendRawTransaction(*params)
        return error(-32000, "already known")

    node.script["eth_sendRawTransaction"] = know
    assert sender_of(node).send(CONTRACT, b"\x01").height == 0


def test_revert_is_named_and_nothing_is_sent_when_the_simulation_fails() -> None:
    selector = keccak256(b"DecisionTooEarly(uint64,uint256)")[:4]
    node = ScriptedNode(revert_data="0x" + (selector + encode(["uint64", "uint256"], [9, 7])).hex())
    failure = failure_of(lambda: sender_of(node).send(CONTRACT, b"\x01"))
    assert isinstance(failure, ChainFault)
    assert failure.reason == "transaction_reverted"
    assert failure.attributes["error"] == "DecisionTooEarly"
    assert failure.attributes["arguments"] == (9, 7)
    assert not node.sent


def test_revert_is_named_when_only_the_estimate_fails() -> None:
    node = ScriptedNode()
    node.script["eth_estimateGas"] = lambda _: error(
        3, "execution reverted", "0x" + keccak256(b"AnchorFrozen()")[:4].hex()
    )
    failure = failure_of(lambda: sender_of(node).send(CONTRACT, b"\x01"))
    assert (failure.reason, failure.attributes["error"]) == ("transaction_reverted", "AnchorFrozen")


def test_revert_is_reported_when_it_happens_in_the_block() -> None:
    node = ScriptedNode(reverts_when_mined=True)
    failure = failure_of(lambda: sender_of(node).send(CONTRACT, b"\x01"))
    assert failure.reason == "transaction_reverted"
    assert failure.attributes["error"] == ""


def test_fee_never_passes_the_cap_when_the_market_does() -> None:
    node = ScriptedNode(mines_at_once=False, base_fee=400)
    failure_of(lambda: sender_of(node, fee_cap_wei=600).send(CONTRACT, b"\x01"))
    assert max(transaction.fields["maxFeePerGas"] for transaction in node.sent) <= 600
    node.base_fee = 600
    failure = failure_of(lambda: sender_of(node, fee_cap_wei=600).send(CONTRACT, b"\x02"))
    assert failure.reason == "fee_above_cap"
    assert isinstance(failure, Unavailable)


def test_fee_has_a_tip_when_the_node_does_not_suggest_one() -> None:
    node = ScriptedNode()
    node.script["eth_maxPriorityFeePerGas"] = lambda _: error(-32601, "method not found")
    sender_of(node).send(CONTRACT, b"\x01")
    assert node.mined[0].fields["maxPriorityFeePerGas"] == 10**9


def test_waiting_ends_when_the_sender_is_closed() -> None:
    node = ScriptedNode(mines_at_once=False)
    sender = sender_of(node, clock=lambda: 0.0)
    sender.close()
    assert failure_of(lambda: sender.send(CONTRACT, b"\x01")).reason == "transaction_not_included"


def test_other_refusals_are_passed_on_when_sending_fails() -> None:
    node = ScriptedNode()
    node.script["eth_sendRawTransaction"] = lambda _: error(-32000, "insufficient funds for gas")
    failure = failure_of(lambda: sender_of(node).send(CONTRACT, b"\x01"))
    assert failure.reason == "node_refused"
    assert "insufficient funds" in failure.message


def test_receipt_is_refused_when_it_is_malformed() -> None:
    node = ScriptedNode()
    node.script["eth_getTransactionReceipt"] = lambda _: {"blockNumber": "0x1"}
    failure = failure_of(lambda: sender_of(node).send(CONTRACT, b"\x01"))
    assert isinstance(failure, ProofInvalid)
    assert failure.reason == "answer_malformed"
