// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls12381, PointG1} from "../light/ethereum/Bls12381.sol";
import {HashToCurve} from "../light/ethereum/HashToCurve.sol";
import {CommitteeSignature, SyncCommittee} from "../light/ethereum/SyncCommittee.sol";

/// @title The curve, hashing to it and committee signatures as calls
/// @notice For the tests that run published vectors through the libraries.
contract BlsHarness {
    /// @notice See `Bls12381.sum`.
    function sumG1(bytes calldata points) external view returns (PointG1 memory) {
        return Bls12381.sum(points);
    }

    /// @notice See `Bls12381.addG2`.
    function addG2(bytes memory points) external view returns (bytes memory) {
        uint256 position = _position(points);
        Bls12381.addG2(position);
        return _pointG2(position);
    }

    /// @notice See `Bls12381.mapToG2`.
    function mapToG2(bytes memory element) external view returns (bytes memory) {
        bytes memory point = new bytes(Bls12381.G2_BYTES);
        Bls12381.mapToG2(_position(element), _position(point));
        return point;
    }

    /// @notice See `Bls12381.isPairingOne`.
    function isPairingOne(bytes memory points) external view returns (bool) {
        return Bls12381.isPairingOne(_position(points));
    }

    /// @notice See `Bls12381.compress`.
    function compress(bytes calldata point) external pure returns (bytes32, bytes32) {
        return Bls12381.compress(Bls12381.pointAt(point, 0));
    }

    /// @notice See `HashToCurve.toG2`.
    function hashToG2(bytes memory message, bytes memory tag)
        external
        view
        returns (bytes memory)
    {
        return _pointG2(HashToCurve.toG2(message, tag));
    }

    /// @notice FastAggregateVerify over keys that are given in full.
    function isSignature(
        bytes calldata keys,
        bytes memory message,
        bytes memory tag,
        bytes calldata signature
    ) external view returns (bool) {
        PointG1 memory key = Bls12381.sum(keys);
        return Bls12381.isSignature(key, HashToCurve.toG2(message, tag), signature);
    }

    /// @notice See `SyncCommittee.requireSigned`.
    function requireSigned(
        CommitteeSignature calldata signed,
        bytes32 committee,
        uint256 size,
        bytes32 signingRoot
    ) external view {
        SyncCommittee.requireSigned(signed, committee, size, signingRoot);
    }

    function _position(bytes memory data) private pure returns (uint256 position) {
        assembly ("memory-safe") {
            position := add(data, 0x20)
        }
    }

    function _pointG2(uint256 position) private pure returns (bytes memory point) {
        point = new bytes(Bls12381.G2_BYTES);
        assembly ("memory-safe") {
            mcopy(add(point, 0x20), position, 0x100)
        }
    }
}
