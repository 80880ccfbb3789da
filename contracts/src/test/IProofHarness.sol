// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title State proofs as calls, by our reader and by OpenZeppelin's
/// @notice For the tests that compare the two with each other, with Python and in gas.
interface IProofHarness {
    /// @notice Thrown when bytes follow the item, which is our own rule for whole inputs.
    error TrailingBytes(uint256 bytesLeft);

    /// @notice Read a whole RLP item with `Rlp` and list everything in it, in the order of its bytes.
    /// @return payloads The payload of every item, those of lists whole.
    /// @return isList Whether the item of that index is a list.
    function readRlp(bytes calldata encoded)
        external
        pure
        returns (bytes[] memory payloads, bool[] memory isList);

    /// @notice See `Execution.fromRlp`.
    function readHeader(bytes calldata rlp)
        external
        pure
        returns (bytes32 blockHash, bytes32 stateRoot, uint64 height, uint64 timestamp);

    /// @notice See `StateProof.find`: the value of a key that is already hashed, empty if absent.
    function findValue(bytes32 root, bytes32 key, bytes[] calldata proof)
        external
        pure
        returns (bytes memory value);

    /// @notice See `TrieProof.traverse` of OpenZeppelin.
    function findValueByOpenZeppelin(bytes32 root, bytes calldata key, bytes[] calldata proof)
        external
        pure
        returns (bytes memory value);

    /// @notice See `StateProof.verifyAccount`.
    function verifyAccount(bytes32 stateRoot, address account, bytes[] calldata proof)
        external
        pure
        returns (bytes32 storageRoot, bytes32 codeHash);

    /// @notice See `StateProof.verifyStorage`.
    function verifyStorage(bytes32 storageRoot, bytes32 slot, bytes[] calldata proof)
        external
        pure
        returns (uint256 value);

    /// @notice The word at an account's slot, from a state root on.
    function verifySlot(
        bytes32 stateRoot,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external pure returns (uint256 value);

    /// @notice The same with OpenZeppelin's `TrieProof` and `RLP`; it proves no absence.
    function verifySlotByOpenZeppelin(
        bytes32 stateRoot,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external pure returns (uint256 value);
}
