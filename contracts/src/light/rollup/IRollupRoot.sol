// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Proves a rollup's header from what its contracts on L1 say
/// @notice One contract per way in which rollups post their roots; deployed once per rollup and
/// shared by the clients of it. Stateless but for its configuration: given an L1 state root that is
/// believed, it decides alone, and the answer is true for good, because a rollup does not take back
/// what its L1 contracts made final.
interface IRollupRoot {
    /// @notice Read a rollup header that L1 has made final, or revert.
    /// @param l1StateRoot State root of a final L1 header.
    /// @param l1Timestamp Unix seconds of that header: the clock for delays on L1.
    /// @param proof ABI encoding of the struct that belongs to the contract.
    /// @return height Number of the rollup's block.
    /// @return blockHash Its hash.
    /// @return stateRoot The rollup's state after it.
    /// @return timestamp Its time.
    function proveHeader(bytes32 l1StateRoot, uint64 l1Timestamp, bytes calldata proof)
        external
        view
        returns (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp);
}
