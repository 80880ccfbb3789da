// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls12381} from "./Bls12381.sol";

/// @title Hash a message to a point of G2
/// @notice RFC 9380, suite BLS12381G2_XMD:SHA-256_SSWU_RO_: expand_message_xmd (5.3.1),
/// hash_to_field (5.2), and map_to_curve with clear_cofactor (6.6.3, 7) by EIP-2537's one map.
library HashToCurve {
    /// @notice Thrown when a domain separation tag is too long for one length byte.
    error TagTooLong(uint256 length);

    /// @dev Two elements of Fp2: 2 * 2 * 64 bytes, eight blocks of SHA-256.
    uint256 private constant BLOCKS = 8;

    /// @notice The point of a message under a domain separation tag.
    /// @return point Position in memory of the point's 256 bytes.
    function toG2(bytes memory message, bytes memory tag) internal view returns (uint256 point) {
        uint256 elements = _expand(message, tag);
        for (uint256 i = 0; i < 4; ++i) {
            Bls12381.reduce(elements + 64 * i);
        }
        assembly ("memory-safe") {
            point := mload(0x40)
            mstore(0x40, add(point, 0x200))
        }
        Bls12381.mapToG2(elements, point);
        Bls12381.mapToG2(elements + 128, point + Bls12381.G2_BYTES);
        Bls12381.addG2(point);
    }

    /// @dev 256 uniform bytes from a message; returns their position in memory.
    function _expand(bytes memory message, bytes memory tag) private pure returns (uint256 start) {
        if (tag.length > 255) revert TagTooLong(tag.length);
        bytes memory suffix = abi.encodePacked(tag, uint8(tag.length));
        // 64 zero bytes fill the first block; 0x0100 is the number of bytes wanted.
        bytes32 seed = sha256(
            abi.encodePacked(new bytes(64), message, uint16(32 * BLOCKS), uint8(0), suffix)
        );
        bytes32[BLOCKS] memory blocks;
        bytes32 previous = 0;
        for (uint8 i = 0; i < BLOCKS; ++i) {
            previous = sha256(abi.encodePacked(seed ^ previous, i + 1, suffix));
            blocks[i] = previous;
        }
        assembly ("memory-safe") {
            start := blocks
        }
    }
}
