// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice As in Optimism's Types.OutputProposal.
struct OutputProposal {
    bytes32 outputRoot;
    uint128 timestamp;
    uint128 l2BlockNumber;
}

/// @title Optimism's L2OutputOracle (1.x) on test networks: its storage, and what fills it
/// @dev Slots: 1 startingBlockNumber, 2 startingTimestamp, 3 l2Outputs, 4 submissionInterval,
/// 5 l2BlockTime, 6 challenger, 7 proposer, 8 finalizationPeriodSeconds.
contract OutputOracleFixture {
    /// @notice Thrown when somebody else than the proposer or the challenger calls.
    error NotAllowed(address caller);
    /// @notice Thrown when an output is not of a later block than the newest one.
    error BlockNotIncreasing(uint256 l2BlockNumber);
    /// @notice Thrown when an output is deleted that is not there, or final.
    error OutputNotDeletable(uint256 index);

    /// @dev Of OpenZeppelin's Initializable, in slot 0.
    uint8 private _initialized = 1;
    uint256 public startingBlockNumber;
    uint256 public startingTimestamp;
    OutputProposal[] private _l2Outputs;
    uint256 public submissionInterval;
    uint256 public l2BlockTime;
    address public challenger;
    address public proposer;
    uint256 public finalizationPeriodSeconds;

    constructor(address proposer_, address challenger_, uint256 finalizationPeriodSeconds_) {
        startingTimestamp = block.timestamp;
        (submissionInterval, l2BlockTime) = (1, 1);
        (proposer, challenger) = (proposer_, challenger_);
        finalizationPeriodSeconds = finalizationPeriodSeconds_;
    }

    /// @notice Post the root of a block of the rollup.
    function proposeL2Output(bytes32 outputRoot, uint256 l2BlockNumber) external {
        if (msg.sender != proposer) revert NotAllowed(msg.sender);
        uint256 count = _l2Outputs.length;
        if (count != 0 && l2BlockNumber <= _l2Outputs[count - 1].l2BlockNumber) {
            revert BlockNotIncreasing(l2BlockNumber);
        }
        _l2Outputs.push(
            OutputProposal(outputRoot, uint128(block.timestamp), uint128(l2BlockNumber))
        );
    }

    /// @notice Delete an output that is not final and all after it.
    function deleteL2Outputs(uint256 index) external {
        if (msg.sender != challenger) revert NotAllowed(msg.sender);
        if (
            index >= _l2Outputs.length
                || block.timestamp - _l2Outputs[index].timestamp >= finalizationPeriodSeconds
        ) revert OutputNotDeletable(index);
        assembly {
            sstore(_l2Outputs.slot, index)
        }
    }

    /// @notice An output by its place.
    function getL2Output(uint256 index) external view returns (OutputProposal memory) {
        return _l2Outputs[index];
    }

    /// @notice How many outputs there are.
    function nextOutputIndex() external view returns (uint256) {
        return _l2Outputs.length;
    }
}
