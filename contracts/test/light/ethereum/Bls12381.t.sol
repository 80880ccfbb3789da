// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls12381, PointG1} from "../../../src/light/ethereum/Bls12381.sol";
import {HashToCurve} from "../../../src/light/ethereum/HashToCurve.sol";
import {Curve} from "./Curve.sol";

contract Bls12381Test is Curve {
    function sum(bytes calldata points) external view returns (PointG1 memory) {
        return Bls12381.sum(points);
    }

    function isSignature(bytes memory key, bytes memory message, bytes calldata signature)
        external
        view
        returns (bool)
    {
        return Bls12381.isSignature(_point(key), HashToCurve.toG2(message, TAG), signature);
    }

    function _equal(PointG1 memory a, PointG1 memory b, string memory what) private pure {
        vm.assertEq(abi.encode(a), abi.encode(b), what);
    }

    function _secret(uint256 random) private pure returns (uint256) {
        return _bound(random, 1, ORDER - 1);
    }

    // ---------------------------------------------------------------------------------- groups

    function testFuzz_subtract_undoesSum(uint256 a, uint256 b) public view {
        bytes memory first = _keyOf(_secret(a));
        bytes memory second = _keyOf(_secret(b));
        PointG1 memory total = this.sum(abi.encodePacked(first, second));
        _equal(Bls12381.subtract(total, _point(second)), _point(first), "a + b - b");
        _equal(total, _point(_keyOf(addmod(_secret(a), _secret(b), ORDER))), "key of the sum");
    }

    function test_subtract_knowsInfinity() public view {
        PointG1 memory infinity = this.sum("");
        PointG1 memory generator = _generator();
        vm.assertTrue(Bls12381.isInfinity(infinity), "of nothing");
        vm.assertTrue(Bls12381.isInfinity(Bls12381.subtract(generator, generator)), "g - g");
        _equal(Bls12381.subtract(generator, infinity), generator, "g - 0");
        PointG1 memory negative = Bls12381.subtract(infinity, generator);
        vm.assertTrue(!Bls12381.isInfinity(negative), "0 - g");
        vm.assertTrue(Bls12381.isInfinity(this.sum(abi.encode(negative, generator))), "0 - g + g");
    }

    function testFuzz_compress_tellsAPointFromItsNegative(uint256 random) public view {
        PointG1 memory point = _point(_keyOf(_secret(random)));
        PointG1 memory infinity;
        PointG1 memory negative = Bls12381.subtract(infinity, point);
        (bytes32 first, bytes32 second) = Bls12381.compress(point);
        (bytes32 negativeFirst, bytes32 negativeSecond) = Bls12381.compress(negative);
        vm.assertEq(first ^ negativeFirst, bytes32(uint256(1) << 253), "the sign alone");
        vm.assertEq(second, negativeSecond, "the same x");
        vm.assertEq(uint256(first) >> 254, 2, "compressed, not infinity");
        vm.assertEq(uint128(uint256(second)), 0, "48 bytes");
    }

    function test_compress_isThatOfThePublishedGenerator() public pure {
        (bytes32 first, bytes32 second) = Bls12381.compress(_generator());
        vm.assertEq(
            abi.encode(first, second),
            hex"97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
            hex"6c55e83ff97a1aeffb3af00adb22c6bb00000000000000000000000000000000",
            "generator"
        );
    }

    // --------------------------------------------------------------------------- malformed points

    function test_sum_burnsLittleWhenAPointIsMalformed() public view {
        PointG1 memory good = _generator();
        PointG1[] memory bad = new PointG1[](4);
        bad[0] = PointG1(good.xHigh, good.xLow, good.yHigh, good.yLow + 1);
        bad[1] = PointG1(good.xHigh | 1 << 128, good.xLow, good.yHigh, good.yLow);
        bad[2] = PointG1(FIELD_HIGH, FIELD_LOW, good.yHigh, good.yLow);
        unchecked {
            bad[3] = PointG1(
                good.xHigh + FIELD_HIGH + (good.xLow + FIELD_LOW < FIELD_LOW ? 1 : 0),
                good.xLow + FIELD_LOW,
                good.yHigh,
                good.yLow
            );
        }
        for (uint256 i = 0; i < bad.length; ++i) {
            bytes memory points = abi.encode(good, bad[i]);
            uint256 before = gasleft();
            try this.sum(points) {
                vm.assertTrue(false, "refused");
            } catch (bytes memory reason) {
                vm.assertLe(before - gasleft(), 10_000, "gas");
                vm.assertEq(
                    reason,
                    abi.encodeWithSelector(Bls12381.PrecompileRefused.selector, 0x0b),
                    "reason"
                );
            }
        }
    }

    // ----------------------------------------------------------------------------- hash to curve

    /// @dev RFC 9380, J.10.1, the messages "" and "abc".
    function test_toG2_isThatOfTheRfc() public view {
        bytes memory tag = "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
        bytes16 pad = 0;
        vm.assertEq(
            _message("", tag),
            abi.encodePacked(
                pad,
                hex"0141ebfbdca40eb85b87142e130ab689c673cf60f1a3e98d"
                hex"69335266f30d9b8d4ac44c1038e9dcdd5393faf5c41fb78a",
                pad,
                hex"05cb8437535e20ecffaef7752baddf98034139c38452458b"
                hex"aeefab379ba13dff5bf5dd71b72418717047f5b0f37da03d",
                pad,
                hex"0503921d7f6a12805e72940b963c0cf3471c7b2a524950ca"
                hex"195d11062ee75ec076daf2d4bc358c4b190c0c98064fdd92",
                pad,
                hex"12424ac32561493f3fe3c260708a12b7c620e7be00099a97"
                hex"4e259ddc7d1f6395c3c811cdd19f1e8dbf3e9ecfdcbab8d6"
            ),
            "empty"
        );
        vm.assertEq(
            _message("abc", tag),
            abi.encodePacked(
                pad,
                hex"02c2d18e033b960562aae3cab37a27ce00d80ccd5ba4b7fe"
                hex"0e7a210245129dbec7780ccc7954725f4168aff2787776e6",
                pad,
                hex"139cddbccdc5e91b9623efd38c49f81a6f83f175e80b06fc"
                hex"374de9eb4b41dfe4ca3a230ed250fbe3a2acf73a41177fd8",
                pad,
                hex"1787327b68159716a37440985269cf584bcb1e621d3a7202"
                hex"be6ea05c4cfe244aeb197642555a0645fb87bf7466b2ba48",
                pad,
                hex"00aa65dae3c8d732d10ecd2c50f8a1baf3001578f71c694e"
                hex"03866e9f3d49ac1e1ce70dd94a733534f106d4cec0eddd16"
            ),
            "abc"
        );
    }

    function testFuzz_isSignature_holdsForItsKeyAndMessageAlone(uint256 random, bytes32 message)
        public
        view
    {
        uint256 secret = _bound(random, 1, ORDER - 2);
        bytes memory data = abi.encodePacked(message);
        bytes memory signature = _signatureOf(secret, data);
        vm.assertTrue(this.isSignature(_keyOf(secret), data, signature), "valid");
        vm.assertTrue(!this.isSignature(_keyOf(secret + 1), data, signature), "key");
        bytes memory other = abi.encodePacked(message ^ bytes32(uint256(1)));
        vm.assertTrue(!this.isSignature(_keyOf(secret), other, signature), "message");
    }
}
