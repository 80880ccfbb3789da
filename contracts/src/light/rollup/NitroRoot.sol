// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "../../proof/Rlp.sol";
import {Execution, ExecutionHeader} from "../ethereum/Execution.sol";

/// @notice Where an Arbitrum Nitro chain stands: nitro-contracts' GlobalState.
/// @param hashes Hash of the last block, and the root of all messages sent until then.
/// @param positions Batch in the inbox, and position in the batch.
struct GlobalState {
    bytes32[2] hashes;
    uint64[2] positions;
}

/// @notice What an assertion claims: nitro-contracts' AssertionState (BoLD).
/// @param globalState Where the chain stands.
/// @param machineStatus 0 running, 1 finished, 2 errored.
/// @param endHistoryRoot Commitment to the machine's steps.
struct AssertionState {
    GlobalState globalState;
    uint8 machineStatus;
    bytes32 endHistoryRoot;
}

/// @title What an Arbitrum Nitro chain posts to L1
library NitroRoot {
    uint256 private constant EXTRA_DATA_FIELD = 12;

    /// @notice Decode a Nitro header and its send root, which it carries as its extra data.
    function readHeader(bytes calldata headerRlp)
        internal
        pure
        returns (ExecutionHeader memory header, bytes32 sendRoot)
    {
        header = Execution.fromRlp(headerRlp);
        uint256 position;
        assembly ("memory-safe") {
            position := headerRlp.offset
        }
        uint256 end = position + headerRlp.length;
        position = Rlp.openList(position, end);
        for (uint256 field = 0; field < EXTRA_DATA_FIELD; ++field) {
            (,, position) = Rlp.text(position, end);
        }
        (sendRoot,) = Rlp.word(position, end);
    }

    /// @notice The name of an assertion: a hash chain over all that the chain asserted.
    function assertionHash(
        bytes32 parent,
        AssertionState calldata afterState,
        bytes32 inboxAccumulator
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(parent, keccak256(abi.encode(afterState)), inboxAccumulator)
        );
    }
}
