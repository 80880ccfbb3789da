// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls12381} from "../../../src/light/ethereum/Bls12381.sol";
import {CommitteeSignature, SyncCommittee} from "../../../src/light/ethereum/SyncCommittee.sol";
import {Curve} from "./Curve.sol";

/// @notice Goal: whoever is absent, the proof of their keys is accepted, and only the right one.
/// Method: a committee of 32 whose tree is held whole, and proofs picked out of it.
contract SyncCommitteeTest is Curve {
    uint256 private constant SIZE = 32;
    bytes32 private constant MESSAGE = keccak256("signing root");

    /// @dev Nodes of the tree of keys by generalised index.
    bytes32[2 * SIZE] private tree;
    bytes[SIZE] private keys;
    bytes private aggregateKey;
    bytes32 private committee;

    function setUp() public {
        uint256 total = 0;
        for (uint256 i = 0; i < SIZE; ++i) {
            keys[i] = _keyOf(_secretOf(i));
            tree[SIZE + i] = _leaf(keys[i]);
            total = addmod(total, _secretOf(i), ORDER);
        }
        for (uint256 i = SIZE - 1; i != 0; --i) {
            tree[i] = sha256(abi.encode(tree[2 * i], tree[2 * i + 1]));
        }
        aggregateKey = _keyOf(total);
        committee = sha256(abi.encode(tree[1], _leaf(aggregateKey)));
    }

    function requireSigned(CommitteeSignature calldata signed) external view {
        SyncCommittee.requireSigned(signed, committee, SIZE, MESSAGE);
    }

    function _secretOf(uint256 member) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("member", member))) % ORDER;
    }

    function _leaf(bytes memory key) private pure returns (bytes32) {
        (bytes32 first, bytes32 second) = Bls12381.compress(_point(key));
        return sha256(abi.encode(first, second));
    }

    /// @dev What members with a set bit sign, and the proof of the others' keys.
    function _signed(uint32 present) private view returns (CommitteeSignature memory signed) {
        uint256 secret = 0;
        for (uint256 i = 0; i < SIZE; ++i) {
            if ((present >> i) & 1 == 1) secret = addmod(secret, _secretOf(i), ORDER);
            else signed.absentKeys = abi.encodePacked(signed.absentKeys, keys[i]);
        }
        signed.participation = abi.encodePacked(
            uint8(present), uint8(present >> 8), uint8(present >> 16), uint8(present >> 24)
        );
        signed.signature = _signatureOf(secret, abi.encodePacked(MESSAGE));
        signed.aggregateKey = aggregateKey;
        signed.proof = _proof(present);
    }

    /// @dev The siblings that no absent key is below, the lowest level first.
    function _proof(uint32 present) private view returns (bytes32[] memory proof) {
        if (present == type(uint32).max) {
            proof = new bytes32[](1);
            proof[0] = tree[1];
            return proof;
        }
        bool[2 * SIZE] memory known;
        for (uint256 i = 0; i < SIZE; ++i) {
            known[SIZE + i] = (present >> i) & 1 == 0;
        }
        proof = new bytes32[](SIZE);
        uint256 count = 0;
        for (uint256 width = SIZE; width > 1; width /= 2) {
            for (uint256 i = width; i < 2 * width; i += 2) {
                known[i / 2] = known[i] || known[i + 1];
                if (known[i] != known[i + 1]) proof[count++] = tree[known[i] ? i + 1 : i];
            }
        }
        assembly ("memory-safe") {
            mstore(proof, count)
        }
    }

    /// @dev A random set of members, of whom at most ten are missing.
    function _presentOf(uint256 random) private pure returns (uint32 present) {
        present = type(uint32).max;
        for (uint256 i = 0; i < 10; ++i) {
            if ((random >> (250 - i)) & 1 == 1) {
                present &= ~uint32(1 << ((random >> (5 * i)) & 31));
            }
        }
    }

    function testFuzz_requireSigned_holdsWhoeverIsAbsent(uint256 random) public view {
        this.requireSigned(_signed(_presentOf(random)));
    }

    function testFuzz_requireSigned_revertsWhenTheProofDiffers(uint256 random, uint256 which)
        public
    {
        CommitteeSignature memory signed = _signed(_presentOf(random));
        signed.proof[which % signed.proof.length] ^= bytes32(uint256(1));
        vm.expectPartialRevert(SyncCommittee.CommitteeMismatch.selector);
        this.requireSigned(signed);
    }

    function testFuzz_requireSigned_revertsWhenTheProofHasAnotherLength(
        uint256 random,
        bool isLonger
    ) public {
        CommitteeSignature memory signed = _signed(_presentOf(random));
        uint256 length = isLonger ? signed.proof.length + 1 : signed.proof.length - 1;
        bytes32[] memory proof = new bytes32[](length);
        for (uint256 i = 0; i < length && i < signed.proof.length; ++i) {
            proof[i] = signed.proof[i];
        }
        signed.proof = proof;
        vm.expectPartialRevert(SyncCommittee.LengthMismatch.selector);
        this.requireSigned(signed);
    }

    function testFuzz_requireSigned_revertsWhenASignerIsClaimed(uint256 random, uint256 which)
        public
    {
        uint32 present = _presentOf(random);
        uint32 claimed = present | uint32(1 << (which % SIZE));
        CommitteeSignature memory signed = _signed(claimed);
        signed.signature = _signed(present).signature;
        if (claimed == present) {
            this.requireSigned(signed);
        } else {
            vm.expectRevert(abi.encodeWithSelector(SyncCommittee.SignatureInvalid.selector));
            this.requireSigned(signed);
        }
    }

    function test_requireSigned_needsTwoThirds() public {
        uint32 present = type(uint32).max >> 10;
        CommitteeSignature memory tooFew = _signed(present >> 1);
        this.requireSigned(_signed(present));
        vm.expectRevert(
            abi.encodeWithSelector(SyncCommittee.ParticipationTooLow.selector, 21, SIZE)
        );
        this.requireSigned(tooFew);
    }
}
