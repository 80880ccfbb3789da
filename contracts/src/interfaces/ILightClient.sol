// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What an anchor asks of a light client of another chain
/// @notice Every kind of client is reduced to this: finalised headers, and whether to trust them.
interface ILightClient {
    /// @notice Whether the client can be relied upon.
    /// ACTIVE: follows its chain. FROZEN: its attesters were caught signing two headers of one
    /// height; nothing it holds counts any more. EXPIRED: too old to be updated safely; headers it
    /// holds still count.
    enum Status {
        ACTIVE,
        FROZEN,
        EXPIRED
    }

    /// @notice A header became final and can be proven against.
    event HeaderStored(
        uint64 indexed height, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp
    );
    /// @notice Two headers of one height were signed; the client stops.
    event ClientFrozen(uint64 indexed height, bytes32 hashA, bytes32 hashB);

    /// @notice Thrown when a header is asked for that the client does not hold (never, or no more).
    error UnknownHeader(uint64 height);
    /// @notice Thrown when a frozen client is updated or frozen again.
    error AlreadyFrozen();

    /// @notice Verify and store a finalised header. The encoding belongs to the kind of client.
    function update(bytes calldata data) external;

    /// @notice Prove misbehaviour, which stops the client. The encoding belongs to the kind of client.
    function freeze(bytes calldata evidence) external;

    /// @notice A stored finalised header, decoded from the bytes whose hash was verified.
    /// @return stateRoot Root of the chain's state after the block.
    /// @return timestamp Unix seconds of the block.
    function headerAt(uint64 height) external view returns (bytes32 stateRoot, uint64 timestamp);

    /// @notice Height of the newest stored header; 0 before the first.
    function latestHeight() external view returns (uint64);

    /// @notice Whether the client can be relied upon now.
    function status() external view returns (Status);

    /// @notice The chain that the client follows.
    function chainId() external view returns (uint256);
}
