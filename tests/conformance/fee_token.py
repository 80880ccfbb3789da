"""A token that keeps a hundredth of every transfer, compiled here because nothing deploys it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address

COMPILER = Path(__file__).resolve().parents[2] / "contracts" / "solc"

SOURCE = """
pragma solidity ^0.8.0;

contract FeeToken {
    mapping(address => uint256) public balanceOf;

    function faucet(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - amount / 100;
        return true;
    }
}
"""


def deploy_fee_token(sender: Sender) -> Address:
    """Compile and create the token, and return its address."""
    request = {
        "language": "Solidity",
        "sources": {"FeeToken.sol": {"content": SOURCE}},
        "settings": {"outputSelection": {"*": {"FeeToken": ["evm.bytecode.object"]}}},
    }
    answered = subprocess.run(
        [COMPILER, "--standard-json"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    compiled = json.loads(answered.stdout)["contracts"]["FeeToken.sol"]["FeeToken"]
    address, _ = sender.create(bytes.fromhex(compiled["evm"]["bytecode"]["object"]))
    return address
