"""Goal: the Solidity tests pass, and a failing one cannot go unnoticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devnets.tools import find_tool

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"

# Both compile; two compilers at once would only slow each other down.
pytestmark = [pytest.mark.forge, pytest.mark.xdist_group("forge")]

FAILING_TEST = """
pragma solidity 0.8.37;
import {Test} from "./Test.sol";
contract FailingTest is Test {
    function test_something_fails() public pure {
        vm.assertEq(uint256(1), uint256(2), "one is not two");
    }
}
"""


def run_forge_tests(contracts: Path) -> subprocess.CompletedProcess[str]:
    """Run `forge test`; the compiler's wrapper asks the PATH for `node`."""
    path = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])
    return subprocess.run(
        [find_tool("forge"), "test", "--root", str(contracts)],
        capture_output=True,
        text=True,
        check=False,
        cwd=contracts,
        env={**os.environ, "PATH": path},
    )


def assert_forge_tests_pass(contracts: Path) -> str:
    result = run_forge_tests(contracts)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 failed" in result.stdout
    return result.stdout


def find_summary(output: str) -> list[str]:
    """Return the lines that say how many tests ran, and what the invariant campaign called."""
    lines = [line for line in output.splitlines() if not line.startswith("[PASS] test")]
    start = next(i for i, line in enumerate(lines) if line.startswith("Ran "))
    return [line for line in lines[start:] if line]


def test_forge_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    output = assert_forge_tests_pass(CONTRACTS)
    with capsys.disabled():
        print("", *find_summary(output), sep="\n")
    for suite in sorted((CONTRACTS / "test").rglob("*.t.sol")):
        name = suite.relative_to(CONTRACTS).as_posix()
        assert f" for {name}:" in output, "every suite ran"


def test_suite_fails_when_a_forge_test_fails(tmp_path: Path) -> None:
    contracts = tmp_path / "contracts"
    (contracts / "test").mkdir(parents=True)
    for name in ("foundry.toml", "solc", "test/Test.sol"):
        shutil.copy(CONTRACTS / name, contracts / name)
    (tmp_path / "node_modules").symlink_to(CONTRACTS.parent / "node_modules")
    (contracts / "node_modules").symlink_to("../node_modules")
    test = contracts / "test" / "Failing.t.sol"
    test.write_text(FAILING_TEST)
    with pytest.raises(AssertionError, match=r"\[FAIL: one is not two"):
        assert_forge_tests_pass(contracts)

    test.write_text(FAILING_TEST.replace("uint256(2)", "uint256(1)"))
    assert_forge_tests_pass(contracts)
