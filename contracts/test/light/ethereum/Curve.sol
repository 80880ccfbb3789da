// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PointG1} from "../../../src/light/ethereum/Bls12381.sol";
import {HashToCurve} from "../../../src/light/ethereum/HashToCurve.sol";
import {Test} from "../../Test.sol";

/// @title Keys and signatures made inside the EVM
/// @notice Multiplication by a secret is the precompile for it, which the product never calls.
abstract contract Curve is Test {
    bytes internal constant TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    /// @dev The order of the groups, in which secrets are counted.
    uint256 internal constant ORDER =
        0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    uint256 internal constant FIELD_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 internal constant FIELD_LOW =
        0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    function _generator() internal pure returns (PointG1 memory) {
        return PointG1({
            xHigh: 0x17f1d3a73197d7942695638c4fa9ac0f,
            xLow: 0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb,
            yHigh: 0x08b3f481e3aaa0f1a09e30ed741d8ae4,
            yLow: 0xfcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1
        });
    }

    /// @dev The public key of a secret, in EIP-2537's form.
    function _keyOf(uint256 secret) internal view returns (bytes memory) {
        return _call(0x0c, abi.encodePacked(abi.encode(_generator()), secret));
    }

    /// @dev The signature by a secret.
    function _signatureOf(uint256 secret, bytes memory message)
        internal
        view
        returns (bytes memory)
    {
        return _call(0x0e, abi.encodePacked(_message(message, TAG), secret));
    }

    /// @dev The point of a message, as the library makes it.
    function _message(bytes memory message, bytes memory tag)
        internal
        view
        returns (bytes memory point)
    {
        uint256 position = HashToCurve.toG2(message, tag);
        point = new bytes(256);
        assembly ("memory-safe") {
            mcopy(add(point, 0x20), position, 0x100)
        }
    }

    function _call(uint160 precompile, bytes memory input) internal view returns (bytes memory) {
        (bool done, bytes memory output) = address(precompile).staticcall(input);
        vm.assertTrue(done, "precompile");
        return output;
    }

    function _point(bytes memory encoded) internal pure returns (PointG1 memory) {
        return abi.decode(encoded, (PointG1));
    }
}
