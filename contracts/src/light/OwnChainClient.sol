// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILightClient} from "../interfaces/ILightClient.sol";
import {Execution, ExecutionHeader} from "./ethereum/Execution.sol";

/// @title The chain's own past as a light client
/// @notice Rollups are audited against their L1 through a client of it. On that L1 itself there is
/// nothing to follow: the EVM knows the hashes of the last 256 blocks. A reorganisation takes what
/// was stored here with it, so what is stored is of the same history as the contract that asks.
///
/// `update` takes the RLP of a header. Nobody's word is believed, so nothing can be frozen.
contract OwnChainClient is ILightClient {
    /// @notice Thrown when a header is not one of this chain's last 256 blocks.
    error NotOfThisChain(uint64 height, bytes32 blockHash);
    /// @notice Thrown by `freeze`: there is no evidence against the chain that judges it.
    error NothingToFreeze();

    /// @dev Headers are kept as the committee client keeps them, see there.
    uint64 private constant KEPT_HEADERS = 251;

    /// @inheritdoc ILightClient
    uint256 public immutable chainId = block.chainid;
    mapping(uint256 => ExecutionHeader) private _headers;
    /// @inheritdoc ILightClient
    uint64 public latestHeight;

    /// @inheritdoc ILightClient
    function update(bytes calldata data) external {
        ExecutionHeader memory header = Execution.fromRlp(data);
        if (blockhash(header.height) != header.blockHash) {
            revert NotOfThisChain(header.height, header.blockHash);
        }
        if (header.height <= latestHeight) return;
        _headers[header.height % KEPT_HEADERS] = header;
        latestHeight = header.height;
        emit HeaderStored(header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    /// @inheritdoc ILightClient
    function freeze(bytes calldata) external pure {
        revert NothingToFreeze();
    }

    /// @inheritdoc ILightClient
    function headerAt(uint64 height) external view returns (bytes32 stateRoot, uint64 timestamp) {
        ExecutionHeader storage header = _headers[height % KEPT_HEADERS];
        if (height == 0 || header.height != height) revert UnknownHeader(height);
        return (header.stateRoot, header.timestamp);
    }

    /// @inheritdoc ILightClient
    function status() external pure returns (Status) {
        return Status.ACTIVE;
    }
}
