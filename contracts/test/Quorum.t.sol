// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Quorum} from "../src/proof/Quorum.sol";
import {IVectorHarness} from "../src/test/IVectorHarness.sol";
import {Test} from "./Test.sol";

contract QuorumTest is Test {
    IVectorHarness private harness;
    uint256[] private keys;
    address[] private members;

    bytes32 private constant DIGEST = keccak256("digest");

    function setUp() public {
        harness = IVectorHarness(vm.deployCode("VectorHarness.sol:VectorHarness", ""));
        (keys, members) = _keys("member", 5);
    }

    /// @dev Signatures of the members whose bit is set, in order.
    function _signaturesOf(uint256 mask) private view returns (bytes[] memory signatures) {
        bytes[] memory all = _sign(DIGEST, keys, keys.length);
        signatures = new bytes[](keys.length);
        uint256 count = 0;
        for (uint256 i = 0; i < keys.length; ++i) {
            if (mask & (1 << i) != 0) signatures[count++] = all[i];
        }
        assembly ("memory-safe") {
            mstore(signatures, count)
        }
    }

    function test_requireQuorum_acceptsExactlyTheSubsetsThatAreLargeEnough() public view {
        for (uint256 mask = 0; mask < 32; ++mask) {
            bytes[] memory signatures = _signaturesOf(mask);
            (bool success,) = address(harness)
                .staticcall(
                    abi.encodeCall(IVectorHarness.requireQuorum, (DIGEST, members, 3, signatures))
                );
            vm.assertEq(success, signatures.length >= 3, "accepted");
        }
    }

    function test_requireQuorum_revertsWhenASignerRepeatsOrIsOutOfOrder() public {
        bytes[] memory signatures = _signaturesOf(7);
        signatures[2] = signatures[1];
        vm.expectRevert(abi.encodeWithSelector(Quorum.SignerNotInOrder.selector, 2, members[1]));
        harness.requireQuorum(DIGEST, members, 3, signatures);
        signatures = _signaturesOf(7);
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        vm.expectRevert(abi.encodeWithSelector(Quorum.SignerNotInOrder.selector, 1, members[0]));
        harness.requireQuorum(DIGEST, members, 3, signatures);
    }

    function test_requireQuorum_revertsWhenAStrangerSigns() public {
        bytes[] memory signatures = _signaturesOf(7);
        uint256 stranger = uint256(keccak256("stranger")) >> 1;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(stranger, DIGEST);
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory kept = signatures[i];
            signatures[i] = abi.encodePacked(r, s, v);
            vm.expectRevert(
                abi.encodeWithSelector(Quorum.SignerNotInOrder.selector, i, vm.addr(stranger))
            );
            harness.requireQuorum(DIGEST, members, 3, signatures);
            signatures[i] = kept;
        }
    }

    function test_requireQuorum_revertsWhenASignatureIsMalformed() public {
        bytes[] memory signatures = _signaturesOf(7);
        bytes memory good = signatures[0];
        signatures[0] = bytes.concat(good, hex"00");
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 66));
        harness.requireQuorum(DIGEST, members, 3, signatures);
        good[64] = 0x00; // v must be 27 or 28
        signatures[0] = good;
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignature.selector));
        harness.requireQuorum(DIGEST, members, 3, signatures);
    }
}
