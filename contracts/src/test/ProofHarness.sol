// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

import {Execution, ExecutionHeader} from "../light/ethereum/Execution.sol";
import {Rlp} from "../proof/Rlp.sol";
import {StateProof} from "../proof/StateProof.sol";
import {IProofHarness} from "./IProofHarness.sol";

/// @title State proofs as calls, by our reader and by OpenZeppelin's
contract ProofHarness is IProofHarness {
    using RLP for bytes;
    using RLP for Memory.Slice;

    uint256 private constant STORAGE_ROOT_FIELD = 2;

    /// @inheritdoc IProofHarness
    function readRlp(bytes calldata encoded)
        external
        pure
        returns (bytes[] memory payloads, bool[] memory isList)
    {
        // An item takes at least a byte, so there are no more items than bytes.
        payloads = new bytes[](encoded.length);
        isList = new bool[](encoded.length);
        uint256 start;
        assembly ("memory-safe") {
            start := encoded.offset
        }
        (uint256 count, uint256 next) =
            _readItem(start, start + encoded.length, 0, payloads, isList);
        if (next != start + encoded.length) revert TrailingBytes(start + encoded.length - next);
        assembly ("memory-safe") {
            mstore(payloads, count)
            mstore(isList, count)
        }
    }

    /// @inheritdoc IProofHarness
    function readHeader(bytes calldata rlp)
        external
        pure
        returns (bytes32 blockHash, bytes32 stateRoot, uint64 height, uint64 timestamp)
    {
        ExecutionHeader memory header = Execution.fromRlp(rlp);
        return (header.blockHash, header.stateRoot, header.height, header.timestamp);
    }

    /// @inheritdoc IProofHarness
    function findValue(bytes32 root, bytes32 key, bytes[] calldata proof)
        external
        pure
        returns (bytes memory value)
    {
        (uint256 position, uint256 length) = StateProof.find(root, key, proof);
        return _copy(position, length);
    }

    /// @inheritdoc IProofHarness
    function findValueByOpenZeppelin(bytes32 root, bytes calldata key, bytes[] calldata proof)
        external
        pure
        returns (bytes memory value)
    {
        return TrieProof.traverse(root, key, proof);
    }

    /// @inheritdoc IProofHarness
    function verifyAccount(bytes32 stateRoot, address account, bytes[] calldata proof)
        external
        pure
        returns (bytes32 storageRoot, bytes32 codeHash)
    {
        return StateProof.verifyAccount(stateRoot, account, proof);
    }

    /// @inheritdoc IProofHarness
    function verifyStorage(bytes32 storageRoot, bytes32 slot, bytes[] calldata proof)
        external
        pure
        returns (uint256 value)
    {
        return StateProof.verifyStorage(storageRoot, slot, proof);
    }

    /// @inheritdoc IProofHarness
    function verifySlot(
        bytes32 stateRoot,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external pure returns (uint256 value) {
        (bytes32 storageRoot,) = StateProof.verifyAccount(stateRoot, account, accountProof);
        return StateProof.verifyStorage(storageRoot, slot, storageProof);
    }

    /// @inheritdoc IProofHarness
    function verifySlotByOpenZeppelin(
        bytes32 stateRoot,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external pure returns (uint256 value) {
        bytes memory leaf = TrieProof.traverse(
            stateRoot, abi.encodePacked(keccak256(abi.encodePacked(account))), accountProof
        );
        bytes32 storageRoot = leaf.decodeList()[STORAGE_ROOT_FIELD].readBytes32();
        bytes memory word = TrieProof.traverse(
            storageRoot, abi.encodePacked(keccak256(abi.encode(slot))), storageProof
        );
        return word.decodeUint256();
    }

    function _readItem(
        uint256 position,
        uint256 end,
        uint256 count,
        bytes[] memory payloads,
        bool[] memory isList
    ) private pure returns (uint256 nextCount, uint256 next) {
        (uint256 payload, uint256 length, bool isThisList) = Rlp.item(position, end);
        payloads[count] = _copy(payload, length);
        isList[count] = isThisList;
        next = payload + length;
        nextCount = count + 1;
        if (isThisList) {
            for (uint256 inner = payload; inner < next;) {
                (nextCount, inner) = _readItem(inner, next, nextCount, payloads, isList);
            }
        }
    }

    function _copy(uint256 position, uint256 length) private pure returns (bytes memory copied) {
        copied = new bytes(length);
        assembly ("memory-safe") {
            calldatacopy(add(copied, 0x20), position, length)
        }
    }
}
