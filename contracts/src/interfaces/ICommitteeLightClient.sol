// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILightClient} from "./ILightClient.sol";

/// @title A light client that trusts the signatures of a committee
/// @notice Trust: fewer than `threshold` members sign a header that is not final on their chain.
/// What they sign names the clearinghouse, the chain and their epoch, so evidence gathered on any
/// chain freezes the client on every chain.
///
/// `update` takes abi.encode(bytes headerRlp, bytes[] signatures); `freeze` takes
/// abi.encode(uint64 height, bytes32 hashA, bytes[] signaturesA, bytes32 hashB,
/// bytes[] signaturesB). Signatures are ordered by signer.
interface ICommitteeLightClient is ILightClient {
    /// @notice Thrown when a client would follow nothing.
    error ZeroClearinghouseOrChain();
    /// @notice Thrown when two quorums could share no member: equivocation would convict nobody.
    error ThresholdNoMajority(uint256 threshold, uint256 members);
    /// @notice Thrown when a header is not above the newest one.
    error HeightNotIncreasing(uint64 height, uint64 latest);
    /// @notice Thrown when a header is older than the one before it.
    error TimestampDecreasing(uint64 timestamp, uint64 latest);
    /// @notice Thrown when evidence shows the same header twice.
    error NotEquivocation(bytes32 blockHash);

    /// @notice The clearinghouse whose committee this is.
    function clearinghouseId() external view returns (bytes32);

    /// @notice Counts the committees of a chain; part of what is signed.
    function epoch() external view returns (uint64);

    /// @notice How many members must sign.
    function threshold() external view returns (uint32);

    /// @notice The committee, strictly increasing.
    function members() external view returns (address[] memory);

    /// @notice What a member signs for a final header: the EIP-712 digest of
    /// CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash).
    function headerDigest(uint64 height, bytes32 blockHash) external view returns (bytes32);
}
