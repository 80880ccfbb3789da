// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChainEntry, Leg, OperatorSet, Settlement, Windows} from "./Types.sol";

/// @title The hashes that bind settlements, legs and operator sets
/// @notice Equal to the byte with `clearinghouse/commitment`; both are checked on shared vectors.
library Commitment {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,bytes32 salt)");
    bytes32 private constant NAME_HASH = keccak256("Clearinghouse");
    bytes32 private constant VERSION_HASH = keccak256("1");

    bytes32 internal constant CHAIN_ENTRY_TYPEHASH =
        keccak256("ChainEntry(uint256 chainId,address anchor,bytes32 legHash,bool active)");
    bytes32 internal constant SETTLEMENT_TYPEHASH = keccak256(
        "Settlement(bytes32 clearinghouseId,uint64 cycle,bytes32 parent,uint64 operatorEpoch,"
        "uint64 cutTime,uint64 journalCount,bytes32 journalHead,bytes32 statementsRoot,"
        "bytes32 flowsRoot,bytes32 fillsRoot,bytes32 pricesRoot,uint64 prepareDeadline,"
        "uint64 decideBy,ChainEntry[] chains)"
        "ChainEntry(uint256 chainId,address anchor,bytes32 legHash,bool active)"
    );

    /// @notice Name a deployment: its salt, its home, all its chains (strictly increasing, home
    /// included) and its constants.
    function clearinghouseId(
        bytes32 salt,
        uint256 homeChainId,
        uint256[] memory chainIds,
        Windows memory windows
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(salt, homeChainId, chainIds, windows));
    }

    /// @notice The EIP-712 domain of everything that is signed for one clearinghouse. It names no
    /// chain and no contract, because one signature serves on all of them: the salt does.
    function domainSeparator(bytes32 id) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, id));
    }

    /// @notice The EIP-712 digest of a struct hash under a domain.
    function typedDataHash(bytes32 domain, bytes32 structHash)
        internal
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, hex"1901")
            mstore(add(pointer, 0x02), domain)
            mstore(add(pointer, 0x22), structHash)
            digest := keccak256(pointer, 0x42)
        }
    }

    /// @notice What the operator quorum signs, and the name of the settlement on every chain.
    function settlementId(bytes32 domain, Settlement calldata settlement)
        internal
        pure
        returns (bytes32)
    {
        bytes32[] memory entries = new bytes32[](settlement.chains.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            ChainEntry calldata entry = settlement.chains[i];
            entries[i] = keccak256(
                abi.encode(
                    CHAIN_ENTRY_TYPEHASH, entry.chainId, entry.anchor, entry.legHash, entry.active
                )
            );
        }
        bytes32 structHash = keccak256(
            abi.encode(
                SETTLEMENT_TYPEHASH,
                settlement.clearinghouseId,
                settlement.cycle,
                settlement.parent,
                settlement.operatorEpoch,
                settlement.cutTime,
                settlement.journalCount,
                settlement.journalHead,
                settlement.statementsRoot,
                settlement.flowsRoot,
                settlement.fillsRoot,
                settlement.pricesRoot,
                settlement.prepareDeadline,
                settlement.decideBy,
                keccak256(abi.encodePacked(entries))
            )
        );
        return typedDataHash(domain, structHash);
    }

    /// @notice The hash that a settlement lists for a chain. Decoding and encoding again makes it
    /// independent of how the caller laid out its calldata.
    function legHash(Leg calldata leg) internal pure returns (bytes32) {
        return keccak256(abi.encode(leg));
    }

    /// @notice The hash under which an operator set is stored, and proven to other chains.
    function operatorSetHash(OperatorSet memory operators) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                operators.epoch, operators.threshold, operators.signers, operators.parametersHash
            )
        );
    }
}
