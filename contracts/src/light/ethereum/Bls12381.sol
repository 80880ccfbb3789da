// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A point of G1 as EIP-2537 encodes it: x then y, two words each, the high one first.
struct PointG1 {
    uint256 xHigh;
    uint256 xLow;
    uint256 yHigh;
    uint256 yLow;
}

/// @title The curve BLS12-381 through the precompiles of EIP-2537 (final addresses, Prague)
/// @notice A precompile burns all gas given to it when its input is malformed, so each call is
/// given a multiple of its price, not all there is. Each also must return its full output: on a
/// chain without the precompile the call would succeed and return nothing.
library Bls12381 {
    /// @notice Thrown when a precompile refuses: a coordinate not below the field's order, a point
    /// off its curve or (pairing) outside its subgroup, or a chain without EIP-2537.
    error PrecompileRefused(uint256 precompile);

    uint256 private constant MODEXP = 0x05;
    uint256 private constant G1_ADD = 0x0b;
    uint256 private constant G2_ADD = 0x0d;
    uint256 private constant PAIRING = 0x0f;
    uint256 private constant MAP_FP2_TO_G2 = 0x11;

    // Prices: 200 (500 since EIP-7883), 375, 600, 102,900 for two pairs, 23,800. The slack lets a
    // fork raise them fourfold without breaking a client that nobody can change.
    uint256 private constant MODEXP_GAS = 2_000;
    uint256 private constant G1_ADD_GAS = 1_500;
    uint256 private constant G2_ADD_GAS = 2_400;
    uint256 private constant PAIRING_GAS = 411_600;
    uint256 private constant MAP_FP2_TO_G2_GAS = 95_200;

    /// @notice Bytes of a point of G1 and of G2.
    uint256 internal constant G1_BYTES = 128;
    uint256 internal constant G2_BYTES = 256;

    // The order of the base field and its half, (p - 1) / 2.
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW =
        0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
    uint256 private constant HALF_P_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant HALF_P_LOW =
        0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;

    // The generator of G1, negated.
    uint256 private constant GENERATOR_X_HIGH = 0x17f1d3a73197d7942695638c4fa9ac0f;
    uint256 private constant GENERATOR_X_LOW =
        0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb;
    uint256 private constant NEGATED_Y_HIGH = 0x114d1d6855d545a8aa7d76c8cf2e21f2;
    uint256 private constant NEGATED_Y_LOW =
        0x67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca;

    /// @notice Read a point; whether it is one, the precompiles decide.
    /// @param points Long enough: the caller has seen to it.
    function pointAt(bytes calldata points, uint256 index)
        internal
        pure
        returns (PointG1 memory point)
    {
        assembly ("memory-safe") {
            calldatacopy(point, add(points.offset, mul(index, 0x80)), 0x80)
        }
    }

    /// @notice The sum of points of G1, each checked to lie on the curve; infinity for none.
    function sum(bytes calldata points) internal view returns (PointG1 memory total) {
        uint256 input;
        // Two points side by side: the total so far, which each addition overwrites, and the next.
        assembly ("memory-safe") {
            input := mload(0x40)
            mstore(0x40, add(input, 0x100))
            calldatacopy(input, calldatasize(), 0x80)
        }
        for (uint256 offset = 0; offset < points.length; offset += G1_BYTES) {
            assembly ("memory-safe") {
                calldatacopy(add(input, 0x80), add(points.offset, offset), 0x80)
            }
            _call(G1_ADD, G1_ADD_GAS, input, 2 * G1_BYTES, input, G1_BYTES);
        }
        assembly ("memory-safe") {
            mcopy(total, input, 0x80)
        }
    }

    /// @notice a - b on G1.
    /// @param b A sum, so its coordinates are below the field's order.
    function subtract(PointG1 memory a, PointG1 memory b)
        internal
        view
        returns (PointG1 memory difference)
    {
        uint256[8] memory input = [a.xHigh, a.xLow, a.yHigh, a.yLow, b.xHigh, b.xLow, 0, 0];
        // Infinity, all zeros, is its own negative; no other point has y = 0.
        if (b.yHigh | b.yLow != 0) {
            unchecked {
                input[6] = P_HIGH - b.yHigh - (b.yLow > P_LOW ? 1 : 0);
                input[7] = P_LOW - b.yLow;
            }
        }
        uint256 start;
        uint256 output;
        assembly ("memory-safe") {
            start := input
            output := difference
        }
        _call(G1_ADD, G1_ADD_GAS, start, 2 * G1_BYTES, output, G1_BYTES);
    }

    /// @notice Whether a point is the group's neutral element.
    function isInfinity(PointG1 memory point) internal pure returns (bool) {
        return point.xHigh | point.xLow | point.yHigh | point.yLow == 0;
    }

    /// @notice Whether a point of G2, 256 bytes, is the group's neutral element.
    function isInfinity(bytes calldata point) internal pure returns (bool infinity) {
        infinity = true;
        for (uint256 i = 0; i < G2_BYTES; i += 32) {
            infinity = infinity && bytes32(point[i:]) == 0;
        }
    }

    /// @notice The 48 bytes of the compressed form, left-aligned in two words.
    /// @dev Exact for points whose coordinates are below the field's order.
    function compress(PointG1 memory point) internal pure returns (bytes32 first, bytes32 second) {
        bool large =
            point.yHigh > HALF_P_HIGH || (point.yHigh == HALF_P_HIGH && point.yLow > HALF_P_LOW);
        // The three top bits, free because the order has 381: compressed, infinity, larger y.
        uint256 flags = large ? uint256(5) << 253 : uint256(4) << 253;
        first = bytes32((point.xHigh << 128) | (point.xLow >> 128) | flags);
        second = bytes32(point.xLow << 128);
    }

    /// @notice Map a field element of 64 big-endian bytes, modulo the field's order, into the form
    /// of the precompiles. In place; `element` is a position in memory.
    function reduce(uint256 element) internal view {
        uint256 input;
        assembly ("memory-safe") {
            input := mload(0x40)
            mstore(input, 64) // bytes of the base
            mstore(add(input, 0x20), 1) // of the exponent
            mstore(add(input, 0x40), 64) // of the modulus, and so of the result
            mcopy(add(input, 0x60), element, 0x40)
            mstore8(add(input, 0xa0), 1)
            mstore(add(input, 0xa1), P_HIGH)
            mstore(add(input, 0xc1), P_LOW)
        }
        _call(MODEXP, MODEXP_GAS, input, 225, element, 64);
    }

    /// @notice Map an element of Fp2 to G2; this clears the cofactor.
    /// @param element Position in memory of its two coordinates of 64 bytes.
    /// @param point Position in memory that takes the point's 256 bytes.
    function mapToG2(uint256 element, uint256 point) internal view {
        _call(MAP_FP2_TO_G2, MAP_FP2_TO_G2_GAS, element, 128, point, G2_BYTES);
    }

    /// @notice Add two points of G2, each checked to lie on the curve.
    /// @param points Position in memory of both; the sum overwrites the first.
    function addG2(uint256 points) internal view {
        _call(G2_ADD, G2_ADD_GAS, points, 2 * G2_BYTES, points, G2_BYTES);
    }

    /// @notice Add two points of G1, each checked to lie on the curve.
    /// @param points Position in memory of both; the sum overwrites the first.
    function addG1(uint256 points) internal view {
        _call(G1_ADD, G1_ADD_GAS, points, 2 * G1_BYTES, points, G1_BYTES);
    }

    /// @notice Whether e(a, b) * e(c, d) = 1. The precompile checks all points' subgroups.
    /// @param points Position in memory of a, b, c, d; a and c in G1, b and d in G2.
    function isPairingOne(uint256 points) internal view returns (bool one) {
        uint256 result;
        _call(PAIRING, PAIRING_GAS, points, 2 * (G1_BYTES + G2_BYTES), 0, 32);
        assembly ("memory-safe") {
            result := mload(0)
        }
        return result == 1;
    }

    /// @notice Whether a signature in G2 is a key's on a message:
    /// e(key, message) = e(generator, signature).
    /// @param message Position in memory of the message as a point of G2.
    /// @param signature 256 bytes; the caller refuses infinity, which signs for an infinite key.
    function isSignature(PointG1 memory key, uint256 message, bytes memory signature)
        internal
        view
        returns (bool)
    {
        uint256 points;
        assembly ("memory-safe") {
            points := mload(0x40)
            mcopy(points, key, 0x80)
            mcopy(add(points, 0x80), message, 0x100)
            mstore(add(points, 0x180), GENERATOR_X_HIGH)
            mstore(add(points, 0x1a0), GENERATOR_X_LOW)
            mstore(add(points, 0x1c0), NEGATED_Y_HIGH)
            mstore(add(points, 0x1e0), NEGATED_Y_LOW)
            mcopy(add(points, 0x200), add(signature, 0x20), 0x100)
        }
        return isPairingOne(points);
    }

    function _call(
        uint256 precompile,
        uint256 gasLimit,
        uint256 input,
        uint256 inputBytes,
        uint256 output,
        uint256 outputBytes
    ) private view {
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gasLimit, precompile, input, inputBytes, output, outputBytes)
            done := and(done, eq(returndatasize(), outputBytes))
        }
        if (!done) revert PrecompileRefused(precompile);
    }
}
