// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Arbitrum's Outbox on test networks: its storage, and what fills it
/// @dev Slots: 0 rollup, 1 bridge, 2 spent, 3 roots.
contract OutboxFixture {
    /// @notice Thrown when somebody else than the rollup confirms.
    error NotRollup(address caller);

    /// @notice As in nitro-contracts' IOutbox.
    event SendRootUpdated(bytes32 indexed outputRoot, bytes32 indexed l2BlockHash);

    address public rollup;
    address public bridge;
    mapping(uint256 => bytes32) public spent;
    mapping(bytes32 sendRoot => bytes32) public roots;

    constructor(address rollup_) {
        rollup = rollup_;
    }

    /// @notice Take over the send root of a confirmed block.
    function updateSendRoot(bytes32 sendRoot, bytes32 l2BlockHash) external {
        if (msg.sender != rollup) revert NotRollup(msg.sender);
        roots[sendRoot] = l2BlockHash;
        emit SendRootUpdated(sendRoot, l2BlockHash);
    }
}
