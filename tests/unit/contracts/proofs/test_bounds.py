"""Input made to exhaust the gas of whoever reads it: refused at a cost that does not grow with it.

Gas is that of execution, on a chain whose receipts show it; the sender pays for the calldata.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import rlp

from clearinghouse.commitment.keccak import keccak256
from tests.benchmarks.state_proof_gas import ANY_TIME, HARDFORK_WITHOUT_FLOOR
from tests.unit.contracts.evm import Contract, Evm, Reverted, execution_gas
from tests.unit.proofs.test_bounds import nested
from tests.unit.proofs.test_trie import KEY_1, LEAF_1, PROOFS, ROOT, branch
from tests.unit.proofs.tries import deepest_proof

pytestmark = pytest.mark.e2e

MEGABYTE = 1_000_000

REFUSAL_GAS_MAX = 3_000
"""For what is refused by its size or by its first bytes."""

NODE_GAS_MAX = 12_000
"""For what is refused within one node, which has 532 bytes at most."""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    """The readers, on a chain whose receipts show what was executed."""
    directory = tmp_path_factory.mktemp("bounds")
    evm = Evm(directory, time=ANY_TIME, hardfork=HARDFORK_WITHOUT_FLOOR)
    yield evm.deploy("ProofHarness")
    evm.close()


def refusal(harness: Contract, function: str, *arguments: object) -> tuple[str, object, int]:
    """Return the error, its arguments and the execution gas of a refused transaction."""
    calldata = harness.artifact.encode_call(function, *arguments)
    with pytest.raises(Reverted) as reverted:
        harness.evm.send(harness.address, calldata)
    error = reverted.value.error
    receipt = {"gasUsed": hex(reverted.value.gas_used)}
    return error.name, error.arguments, execution_gas(receipt, calldata)


def refused_proof(
    harness: Contract, root: bytes, nodes: Sequence[bytes]
) -> tuple[str, object, int]:
    return refusal(harness, "findValue", root, KEY_1, list(nodes))


def test_proof_is_refused_unhashed_when_a_node_is_too_large(harness: Contract) -> None:
    gas = set()
    for size in (533, 50_000, MEGABYTE):
        error, arguments, used = refused_proof(harness, ROOT, [bytes(size)])
        assert (error, arguments) == ("NodeSizeInvalid", (0, size))
        gas.add(used)
    assert max(gas) <= REFUSAL_GAS_MAX
    assert max(gas) - min(gas) <= 100


def test_proof_is_refused_at_its_first_node_when_it_has_any_number(harness: Contract) -> None:
    gas = set()
    for count in (1, 100, 3_000):
        error, arguments, used = refused_proof(harness, ROOT, [LEAF_1] * count)
        assert (error, arguments) == ("NodeHashMismatch", (0, ROOT, keccak256(LEAF_1)))
        gas.add(used)
    assert max(gas) <= REFUSAL_GAS_MAX
    assert max(gas) - min(gas) <= 100


def test_proof_is_refused_at_one_cost_when_any_number_of_nodes_is_unused(
    harness: Contract,
) -> None:
    gas = set()
    for count in (1, 100, 3_000):
        nodes = [*PROOFS[KEY_1], *[bytes(32)] * count]
        error, arguments, used = refused_proof(harness, ROOT, nodes)
        assert (error, arguments) == ("ProofHasUnusedNodes", (2, 2 + count))
        gas.add(used)
    assert max(gas) <= 2 * NODE_GAS_MAX
    assert max(gas) - min(gas) <= 100


def test_proof_is_refused_when_it_is_deeper_than_keys_are_long(harness: Contract) -> None:
    """The walk ends with the key, however many nodes go on to hash to each other."""
    below = branch({1: keccak256(LEAF_1)})
    root, nodes = deepest_proof(KEY_1, b"v" * 40)
    assert harness.call("findValue", root, KEY_1, list(nodes)) == b"v" * 40
    spine = [below]
    for nibble in reversed([half for byte in KEY_1 for half in divmod(byte, 16)]):
        spine.insert(0, branch({nibble: keccak256(spine[0])}))
    error, _, _ = refused_proof(harness, keccak256(spine[0]), [*spine, LEAF_1])
    assert error == "NodeMalformed"


@pytest.mark.parametrize(
    "node",
    [
        nested(248),
        b"\xf9\x02\x11" + b"\xc0" * 529,
        b"\xf9\x02\x11" + b"\x80" * 529,
        b"\xf9\x02\x11" + b"\x00" * 529,
        rlp.encode([b"\x00" * 529]),
        rlp.encode([b"", rlp.decode(nested(28)), *[b""] * 15]),
        rlp.encode([*[[b"\x20" * 29]] * 16, b"v"]),
    ],
    ids=["nested", "lists", "empties", "zeros", "one item", "nested child", "16 embedded"],
)
def test_node_is_refused_within_its_own_cost_when_its_form_is_hostile(
    node: bytes, harness: Contract
) -> None:
    error, _, used = refused_proof(harness, keccak256(node), [node])
    assert error in ("NodeMalformed", "InvalidRlp", "NodeSizeInvalid")
    assert used <= NODE_GAS_MAX


@pytest.mark.parametrize("first", [*range(0xB8, 0xC0), *range(0xF8, 0x100)], ids=hex)
def test_rlp_is_refused_when_a_length_claims_more_than_there_is(
    first: int, harness: Contract
) -> None:
    encoded = bytes((first,)) + b"\xff" * 8
    error, _, used = refusal(harness, "readRlp", encoded)
    assert error == "InvalidRlp"
    assert used <= REFUSAL_GAS_MAX
    node = b"\xf7\x20" + encoded + bytes(46 - len(encoded) + 8)
    error, _, used = refused_proof(harness, keccak256(node), [node])
    assert error in ("InvalidRlp", "NodeMalformed")
    assert used <= NODE_GAS_MAX


def test_header_is_refused_unhashed_when_it_is_too_large(harness: Contract) -> None:
    gas = set()
    for size in (2_049, MEGABYTE):
        error, arguments, used = refusal(harness, "readHeader", bytes(size))
        assert (error, arguments) == ("HeaderTooLarge", (size,))
        gas.add(used)
    assert max(gas) <= REFUSAL_GAS_MAX
    assert max(gas) - min(gas) <= 100


def test_header_is_refused_within_its_own_cost_when_lists_nest(harness: Contract) -> None:
    error, _, used = refusal(harness, "readHeader", nested(690))
    assert error == "InvalidRlp"
    assert used <= NODE_GAS_MAX
