// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The EIP-712 struct hashes of what attesters and recovery sets sign
/// @notice Equal to the byte with `clearinghouse/proofs`. The interface says which is for what.
library CommitteeMessage {
    bytes32 private constant HEADER_TYPEHASH =
        keccak256("CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash)");
    bytes32 private constant HANDOVER_TYPEHASH = keccak256(
        "CommitteeHandover(uint256 chainId,uint64 epoch,uint64 lastHeight,uint32 threshold,"
        "bytes members)"
    );
    bytes32 private constant RECOVERY_TYPEHASH = keccak256(
        "CommitteeRecovery(uint256 chainId,uint256 hostChainId,address client,uint64 attempt,"
        "uint32 threshold,bytes members)"
    );
    bytes32 private constant VETO_TYPEHASH = keccak256(
        "RecoveryVeto(uint256 chainId,uint256 hostChainId,address client,uint64 attempt)"
    );

    function header(uint256 chainId, uint64 epoch, uint64 height, bytes32 blockHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(HEADER_TYPEHASH, chainId, epoch, height, blockHash));
    }

    function handover(
        uint256 chainId,
        uint64 epoch,
        uint64 lastHeight,
        uint32 threshold,
        bytes calldata members
    ) internal pure returns (bytes32) {
        bytes32 membersHash = keccak256(members);
        return keccak256(
            abi.encode(HANDOVER_TYPEHASH, chainId, epoch, lastHeight, threshold, membersHash)
        );
    }

    /// @dev Names the calling contract as the client, on its own chain.
    function recovery(uint256 chainId, uint64 attempt, uint32 threshold, bytes calldata members)
        internal
        view
        returns (bytes32)
    {
        bytes32 membersHash = keccak256(members);
        return keccak256(
            abi.encode(
                RECOVERY_TYPEHASH,
                chainId,
                block.chainid,
                address(this),
                attempt,
                threshold,
                membersHash
            )
        );
    }

    /// @dev As `recovery`.
    function veto(uint256 chainId, uint64 attempt) internal view returns (bytes32) {
        return keccak256(abi.encode(VETO_TYPEHASH, chainId, block.chainid, address(this), attempt));
    }
}
