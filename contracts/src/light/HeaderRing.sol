// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExecutionHeader} from "./ethereum/Execution.sol";

/// @notice What is kept of a final header: two words.
/// @param hashPrefix The first half of the block's hash, to know the same header again. Nobody
/// proves against a hash, and the event of the header tells it in full.
struct KeptHeader {
    bytes32 stateRoot;
    uint64 height;
    uint64 timestamp;
    bytes16 hashPrefix;
}

/// @title The newest final headers, kept by height modulo a prime
/// @notice After a while an update rewrites words instead of filling new ones (three times
/// cheaper). A prime, because relayers often submit at a regular stride: any stride but a multiple
/// of it still keeps this many headers.
library HeaderRing {
    uint256 private constant KEPT_HEADERS = 251;

    /// @notice Where the header of a height is, or would be. Generations share no place.
    function placeOf(
        mapping(uint256 place => KeptHeader) storage headers,
        uint256 generation,
        uint64 height
    ) internal view returns (KeptHeader storage) {
        return headers[(generation << 8) | (height % KEPT_HEADERS)];
    }

    /// @notice Whether a place holds this very header.
    function holds(KeptHeader storage kept, ExecutionHeader memory header)
        internal
        view
        returns (bool)
    {
        return kept.height == header.height && kept.hashPrefix == bytes16(header.blockHash);
    }

    /// @notice Keep a header, over the older one of its place.
    function keep(KeptHeader storage kept, ExecutionHeader memory header) internal {
        kept.stateRoot = header.stateRoot;
        (kept.height, kept.timestamp, kept.hashPrefix) =
        (header.height, header.timestamp, bytes16(header.blockHash));
    }
}
