// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StateProof} from "../../proof/StateProof.sol";
import {ExecutionHeader} from "../ethereum/Execution.sol";
import {IRollupRoot} from "./IRollupRoot.sol";
import {L1Contract, L1ContractProof, L1Contracts} from "./L1Contract.sol";
import {OpStackRoot} from "./OpStackRoot.sol";

/// @notice The proof of an output.
/// @param oracle Proves the L2OutputOracle.
/// @param index The output's place in `l2Outputs`.
/// @param lengthNodes Prove how many outputs there are.
/// @param rootNodes Prove the output's root.
/// @param timeNodes Prove the output's time and block number.
/// @param messagePasserStorageRoot The part of the output root that the header does not hold.
/// @param header RLP of the rollup's header.
struct OutputProof {
    L1ContractProof oracle;
    uint256 index;
    bytes[] lengthNodes;
    bytes[] rootNodes;
    bytes[] timeNodes;
    bytes32 messagePasserStorageRoot;
    bytes header;
}

/// @title OP Stack before fault proofs: outputs of a trusted proposer that nobody deleted in time
/// @dev `l2Outputs` is an array of (bytes32 root, uint128 timestamp, uint128 l2BlockNumber).
contract OutputOracleRoot is IRollupRoot {
    /// @notice Thrown when there is no output at an index: never, or it was deleted. Deleting only
    /// shortens the array, so a deleted output's words stay in storage.
    error OutputDeleted(uint256 index, uint256 length);
    /// @notice Thrown when an output can still be deleted.
    error OutputNotFinal(uint256 proposedAt, uint64 finalizationSeconds, uint64 l1Timestamp);
    /// @notice Thrown when an output was proposed for another block than its header's.
    error OutputHeightMismatch(uint256 proposed, uint64 height);

    L1Contract private _oracle;
    /// @notice Slot of `l2Outputs`: 3 in versions 1.x.
    uint256 public immutable outputsSlot;
    /// @notice How long the challenger may delete an output.
    uint64 public immutable finalizationSeconds;

    constructor(L1Contract memory oracle_, uint256 outputsSlot_, uint64 finalizationSeconds_) {
        L1Contracts.requireNamed(oracle_);
        _oracle = oracle_;
        outputsSlot = outputsSlot_;
        finalizationSeconds = finalizationSeconds_;
    }

    /// @notice The oracle whose outputs are believed.
    function oracle() external view returns (L1Contract memory) {
        return _oracle;
    }

    /// @inheritdoc IRollupRoot
    /// @param proof abi.encode(OutputProof).
    function proveHeader(bytes32 l1StateRoot, uint64 l1Timestamp, bytes calldata proof)
        external
        view
        returns (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp)
    {
        OutputProof calldata output = _view(proof);
        bytes32 storageRoot = L1Contracts.open(_oracle, l1StateRoot, output.oracle);
        uint256 index = output.index;
        uint256 length =
            StateProof.verifyStorage(storageRoot, bytes32(outputsSlot), output.lengthNodes);
        if (index >= length) revert OutputDeleted(index, length);
        uint256 first;
        unchecked {
            // As Solidity itself places elements; `index` is below an array's real length.
            first = uint256(keccak256(abi.encode(outputsSlot))) + 2 * index;
        }
        bytes32 root =
            bytes32(StateProof.verifyStorage(storageRoot, bytes32(first), output.rootNodes));
        uint256 time = StateProof.verifyStorage(storageRoot, bytes32(first + 1), output.timeNodes);
        if (uint128(time) + finalizationSeconds >= l1Timestamp) {
            revert OutputNotFinal(uint128(time), finalizationSeconds, l1Timestamp);
        }
        ExecutionHeader memory header =
            OpStackRoot.readHeader(root, output.header, output.messagePasserStorageRoot);
        if (time >> 128 != header.height) revert OutputHeightMismatch(time >> 128, header.height);
        return (header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    /// @dev The proof in calldata; the language checks the bounds of each list when it is read.
    function _view(bytes calldata proof) private pure returns (OutputProof calldata output) {
        assembly ("memory-safe") {
            output := add(proof.offset, calldataload(proof.offset))
        }
    }
}
