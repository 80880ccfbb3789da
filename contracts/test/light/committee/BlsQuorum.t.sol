// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlsQuorum} from "../../../src/proof/BlsQuorum.sol";
import {Quorum} from "../../../src/proof/Quorum.sol";
import {Curve} from "../ethereum/Curve.sol";

contract BlsQuorumTest is Curve {
    bytes private constant POSSESSION_TAG = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    bytes32 private constant DIGEST = keccak256("digest");
    uint256 private constant MEMBERS = 4;

    uint256[MEMBERS] private secrets;
    bytes private members;
    bytes[] private possessions;

    /// @dev Keys in order: of small multiples of the generator, sorted by their bytes.
    function setUp() public {
        bytes[MEMBERS] memory keys;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            secrets[i] = i + 2;
            keys[i] = _keyOf(secrets[i]);
            for (uint256 j = i; j > 0 && _isBelow(keys[j], keys[j - 1]); --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
                (secrets[j], secrets[j - 1]) = (secrets[j - 1], secrets[j]);
            }
        }
        for (uint256 i = 0; i < MEMBERS; ++i) {
            members = bytes.concat(members, keys[i]);
            possessions.push(_possession(keys[i], secrets[i]));
        }
    }

    function requireQuorum(uint256 threshold, bytes[] calldata signatures) external view {
        BlsQuorum.requireQuorum(DIGEST, members, threshold, signatures);
    }

    function requireValidSet(bytes memory set, bytes[] memory proofs) external view {
        BlsQuorum.requireValidSet(set, proofs);
    }

    function _isBelow(bytes memory a, bytes memory b) private pure returns (bool) {
        for (uint256 i = 0; i < a.length; ++i) {
            if (a[i] != b[i]) return a[i] < b[i];
        }
        return false;
    }

    function _possession(bytes memory key, uint256 secret) private view returns (bytes memory) {
        (bytes32 first, bytes32 second) = _compress(key);
        bytes memory message = abi.encodePacked(first, bytes16(second));
        return _call(0x0e, abi.encodePacked(_message(message, POSSESSION_TAG), secret));
    }

    /// @dev By the definition: the x coordinate and in the top bits whether y is the larger root.
    function _compress(bytes memory key) private pure returns (bytes32 first, bytes32 second) {
        (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow) =
            abi.decode(key, (uint256, uint256, uint256, uint256));
        uint256 borrow = yLow > FIELD_LOW ? 1 : 0;
        uint256 negatedHigh = FIELD_HIGH - yHigh - borrow;
        uint256 negatedLow;
        unchecked {
            negatedLow = FIELD_LOW - yLow;
        }
        bool isLarger = yHigh > negatedHigh || (yHigh == negatedHigh && yLow > negatedLow);
        first = bytes32(xHigh << 128 | xLow >> 128) | bytes32(uint256(isLarger ? 5 : 4) << 253);
        second = bytes32(xLow << 128);
    }

    /// @dev What the members of `signers` sign, said to be signed by those of `bitmap`.
    function _aggregate(uint256 bitmap, uint256 signers)
        private
        view
        returns (bytes[] memory signatures)
    {
        uint256 sum = 0;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (signers >> i & 1 == 1) sum = addmod(sum, secrets[i], ORDER);
        }
        signatures = new bytes[](1);
        signatures[0] = abi.encodePacked(bitmap, _signatureOf(sum, abi.encodePacked(DIGEST)));
    }

    function test_requireQuorum_acceptsExactlyTheSubsetsThatAreLargeEnough() public {
        for (uint256 bitmap = 1; bitmap < 1 << MEMBERS; ++bitmap) {
            uint256 count = 0;
            for (uint256 rest = bitmap; rest != 0; rest &= rest - 1) {
                ++count;
            }
            bytes[] memory signatures = _aggregate(bitmap, bitmap);
            if (count < 3) {
                vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumNotReached.selector, count, 3));
            }
            this.requireQuorum(3, signatures);
        }
    }

    function testFuzz_requireQuorum_revertsWhenTheBitmapNamesOthers(
        uint256 bitmap,
        uint256 signers
    ) public {
        bitmap = _bound(bitmap, 1, (1 << MEMBERS) - 1);
        signers = _bound(signers, 1, (1 << MEMBERS) - 1);
        vm.assume(bitmap != signers);
        bytes[] memory signatures = _aggregate(bitmap, signers);
        // Small secrets: two sets of signers may have one sum, and so are one signature.
        (uint256 named, uint256 signed) = (_sumOf(bitmap), _sumOf(signers));
        vm.assume(named != signed);
        vm.expectRevert(abi.encodeWithSelector(BlsQuorum.AggregateInvalid.selector));
        this.requireQuorum(1, signatures);
    }

    function _sumOf(uint256 bitmap) private view returns (uint256 sum) {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (bitmap >> i & 1 == 1) sum += secrets[i];
        }
    }

    function testFuzz_requireQuorum_revertsWhenABitStandsForNoMember(uint256 bitmap) public {
        vm.assume(bitmap >> MEMBERS != 0);
        bytes[] memory signatures = _aggregate(bitmap, 7);
        vm.expectRevert(abi.encodeWithSelector(BlsQuorum.UnknownSigner.selector, bitmap, MEMBERS));
        this.requireQuorum(3, signatures);
    }

    function test_requireQuorum_revertsWhenKeysCancelEachOther() public {
        bytes memory key = _keyOf(5);
        bytes memory negated = _keyOf(ORDER - 5);
        members = _isBelow(key, negated) ? bytes.concat(key, negated) : bytes.concat(negated, key);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = abi.encodePacked(uint256(3), new bytes(256));
        vm.expectRevert(abi.encodeWithSelector(BlsQuorum.InfinityPoint.selector));
        this.requireQuorum(2, signatures);
    }

    function test_requireValidSet_revertsUnlessEveryKeyHasItsOwnProof() public {
        this.requireValidSet(members, possessions);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            bytes[] memory proofs = possessions;
            proofs[i] = possessions[(i + 1) % MEMBERS];
            vm.expectRevert(abi.encodeWithSelector(BlsQuorum.PossessionInvalid.selector, i));
            this.requireValidSet(members, proofs);
        }
    }
}
