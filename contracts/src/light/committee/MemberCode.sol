// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Keep bytes that are written once as the code of a contract
/// @notice Read at 2,600 gas however many they are; a storage word costs 2,100 alone. The code
/// begins with STOP, so calling it does nothing, and nothing can destroy it.
library MemberCode {
    /// @notice Thrown when the contract cannot be created.
    error CodeNotStored();

    /// @notice Keep bytes and return where.
    /// @dev Init code: return what follows it. PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE,
    /// CODECOPY, RETURNDATASIZE, RETURN; then the STOP of the code itself.
    function store(bytes memory data) internal returns (address place) {
        bytes memory code =
            abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df3", hex"00", data);
        assembly ("memory-safe") {
            place := create(0, add(code, 0x20), mload(code))
        }
        if (place == address(0)) revert CodeNotStored();
    }

    /// @notice The bytes that `store` kept.
    function load(address place) internal view returns (bytes memory data) {
        assembly ("memory-safe") {
            let size := sub(extcodesize(place), 1)
            data := mload(0x40)
            mstore(0x40, and(add(add(data, size), 0x3f), not(0x1f)))
            mstore(data, size)
            extcodecopy(place, add(data, 0x20), 1, size)
        }
    }
}
