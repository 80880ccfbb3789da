// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StateProof} from "../../proof/StateProof.sol";

/// @title The hash of an earlier block, out of a chain's own state (EIP-2935)
/// @notice Rollups post a root every so many blocks. The history contract in the state of a posted
/// block holds the hashes of the blocks before it, so that every attested height can be audited and
/// not only the few that were posted.
library BlockHistory {
    /// @notice The contract that every chain with EIP-2935 has.
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @notice Thrown when a block is not among those that the history of another can hold.
    error OutsideHistory(uint64 height, uint64 newest, uint64 window);

    /// @notice The hash of the block at `height` by the state of the later block `newest`.
    /// @param window Hashes that the chain keeps: 8191 by EIP-2935, 393168 on Arbitrum; 0 where
    /// there is no history.
    function hashAt(
        bytes32 stateRoot,
        uint64 newest,
        uint64 height,
        uint64 window,
        bytes[] calldata accountNodes,
        bytes[] calldata storageNodes
    ) internal pure returns (bytes32 blockHash) {
        // A block's state holds its parent and the window - 1 blocks before that.
        if (height == 0 || height >= newest || newest - height > window) {
            revert OutsideHistory(height, newest, window);
        }
        (bytes32 storageRoot,) = StateProof.verifyAccount(stateRoot, HISTORY, accountNodes);
        bytes32 slot = bytes32(uint256(height % window));
        blockHash = bytes32(StateProof.verifyStorage(storageRoot, slot, storageNodes));
        // A chain that took up EIP-2935 after `height` has not filled its slot yet.
        if (blockHash == 0) revert OutsideHistory(height, newest, window);
    }
}
