// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StateProof} from "../../proof/StateProof.sol";
import {ExecutionHeader} from "../ethereum/Execution.sol";
import {IRollupRoot} from "./IRollupRoot.sol";
import {L1Contract, L1ContractProof, L1Contracts} from "./L1Contract.sol";
import {AssertionState, NitroRoot} from "./NitroRoot.sol";

/// @notice The proof of a confirmed assertion.
/// @param rollup Proves the rollup contract.
/// @param nodeNodes Prove the first word of the assertion's node.
/// @param parent Hash of the assertion before it.
/// @param afterState What it asserts.
/// @param inboxAccumulator The inbox up to which it asserts it.
/// @param header RLP of the rollup's header.
struct AssertionProof {
    L1ContractProof rollup;
    bytes[] nodeNodes;
    bytes32 parent;
    AssertionState afterState;
    bytes32 inboxAccumulator;
    bytes header;
}

/// @title Arbitrum Nitro (BoLD): the last block of a confirmed assertion
/// @dev An AssertionNode's first word: firstChildBlock (uint64), secondChildBlock (uint64),
/// createdAtBlock (uint64), isFirstChild (bool), status (uint8), lowest first.
contract AssertionRoot is IRollupRoot {
    uint256 private constant CONFIRMED = 2;
    uint256 private constant MACHINE_FINISHED = 1;
    uint256 private constant STATUS_BIT = 8 * 25;

    /// @notice Thrown when an assertion is unknown (0) or may still be challenged (1).
    error AssertionNotConfirmed(bytes32 assertion, uint256 status);
    /// @notice Thrown when the asserted machine did not come to its end.
    error MachineNotFinished(uint8 status);
    /// @notice Thrown when the header is not the block that was asserted.
    error AssertedBlockMismatch(bytes32 asserted, bytes32 blockHash);
    /// @notice Thrown when the header's send root is not the one that was asserted.
    error AssertedSendRootMismatch(bytes32 asserted, bytes32 sendRoot);

    L1Contract private _rollup;
    /// @notice Slot of `_assertions`, a mapping of hashes to nodes: 117 in BoLD's RollupCore.
    uint256 public immutable assertionsSlot;

    constructor(L1Contract memory rollup_, uint256 assertionsSlot_) {
        L1Contracts.requireNamed(rollup_);
        _rollup = rollup_;
        assertionsSlot = assertionsSlot_;
    }

    /// @notice The rollup contract whose assertions are believed.
    function rollup() external view returns (L1Contract memory) {
        return _rollup;
    }

    /// @inheritdoc IRollupRoot
    /// @param proof abi.encode(AssertionProof).
    function proveHeader(bytes32 l1StateRoot, uint64, bytes calldata proof)
        external
        view
        returns (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp)
    {
        AssertionProof calldata evidence = _view(proof);
        AssertionState calldata afterState = evidence.afterState;
        _requireConfirmed(l1StateRoot, evidence);
        if (afterState.machineStatus != MACHINE_FINISHED) {
            revert MachineNotFinished(afterState.machineStatus);
        }
        (ExecutionHeader memory header, bytes32 sendRoot) = NitroRoot.readHeader(evidence.header);
        bytes32[2] calldata asserted = afterState.globalState.hashes;
        if (asserted[0] != header.blockHash) {
            revert AssertedBlockMismatch(asserted[0], header.blockHash);
        }
        if (asserted[1] != sendRoot) revert AssertedSendRootMismatch(asserted[1], sendRoot);
        return (header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    function _requireConfirmed(bytes32 l1StateRoot, AssertionProof calldata evidence)
        private
        view
    {
        bytes32 assertion = NitroRoot.assertionHash(
            evidence.parent, evidence.afterState, evidence.inboxAccumulator
        );
        bytes32 storageRoot = L1Contracts.open(_rollup, l1StateRoot, evidence.rollup);
        bytes32 slot = L1Contracts.mappingSlot(assertion, assertionsSlot);
        uint256 node = StateProof.verifyStorage(storageRoot, slot, evidence.nodeNodes);
        uint256 status = uint8(node >> STATUS_BIT);
        if (status != CONFIRMED) revert AssertionNotConfirmed(assertion, status);
    }

    /// @dev The proof in calldata; the language checks the bounds of each list when it is read.
    function _view(bytes calldata proof) private pure returns (AssertionProof calldata evidence) {
        assembly ("memory-safe") {
            evidence := add(proof.offset, calldataload(proof.offset))
        }
    }
}
