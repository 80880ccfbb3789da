// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Execution, ExecutionHeader} from "../ethereum/Execution.sol";

/// @title What an OP Stack chain posts to L1
library OpStackRoot {
    /// @notice Thrown when a header does not belong to the output root that L1 holds.
    error OutputRootMismatch(bytes32 expected, bytes32 actual);
    /// @notice Thrown when code is no clone of a dispute game.
    error CloneMalformed();

    /// @dev Solady's clone with immutable arguments: 98 bytes of code, of which two places vary,
    /// then the arguments and the two bytes that count both.
    uint256 private constant CLONE_CODE_BYTES = 98;
    bytes private constant CLONE_HEAD = hex"36602c57343d527f"
        hex"9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff"
        hex"593da1005b363d3d373d3d3d3d61";
    bytes private constant CLONE_MIDDLE = hex"806062363936013d73";
    bytes private constant CLONE_TAIL = hex"5af43d3d93803e606057fd5bf3";

    /// @notice Decode the header that an output root commits to (version 0).
    function readHeader(
        bytes32 outputRoot,
        bytes calldata headerRlp,
        bytes32 messagePasserStorageRoot
    ) internal pure returns (ExecutionHeader memory header) {
        header = Execution.fromRlp(headerRlp);
        bytes32 actual = keccak256(
            abi.encode(bytes32(0), header.stateRoot, messagePasserStorageRoot, header.blockHash)
        );
        if (actual != outputRoot) revert OutputRootMismatch(outputRoot, actual);
    }

    /// @notice Take a dispute game's code apart.
    /// @return implementation What the clone runs.
    /// @return arguments Creator (20 bytes), root claim (32), L1 head (32), what its version adds.
    function readClone(bytes calldata code)
        internal
        pure
        returns (address implementation, bytes calldata arguments)
    {
        uint256 length = code.length;
        if (length < CLONE_CODE_BYTES + 2 || length > type(uint16).max) revert CloneMalformed();
        bytes2 extraLength = bytes2(uint16(length - CLONE_CODE_BYTES));
        implementation = address(bytes20(code[65:85]));
        bytes32 expected = keccak256(
            abi.encodePacked(CLONE_HEAD, extraLength, CLONE_MIDDLE, implementation, CLONE_TAIL)
        );
        if (
            keccak256(code[:CLONE_CODE_BYTES]) != expected
                || bytes2(code[length - 2:]) != extraLength
        ) revert CloneMalformed();
        arguments = code[CLONE_CODE_BYTES:length - 2];
    }
}
