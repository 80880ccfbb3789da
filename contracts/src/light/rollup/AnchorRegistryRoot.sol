// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StateProof} from "../../proof/StateProof.sol";
import {ExecutionHeader} from "../ethereum/Execution.sol";
import {IRollupRoot} from "./IRollupRoot.sol";
import {L1Contract, L1ContractProof, L1Contracts} from "./L1Contract.sol";
import {OpStackRoot} from "./OpStackRoot.sol";

/// @notice The proof of an anchor root.
/// @param registry Proves the AnchorStateRegistry.
/// @param rootNodes Prove the anchor's root.
/// @param messagePasserStorageRoot The part of the output root that the header does not hold.
/// @param header RLP of the rollup's header.
struct AnchorRootProof {
    L1ContractProof registry;
    bytes[] rootNodes;
    bytes32 messagePasserStorageRoot;
    bytes header;
}

/// @title OP Stack, AnchorStateRegistry of versions 1 and 2: the newest root that a game defended
/// @notice Those registries take a root as soon as its game resolves, without the delay in which a
/// guardian may still strike a wrong game out. Where a registry of version 3 or later is in place,
/// `DisputeGameRoot` waits for that delay and is the one to use.
contract AnchorRegistryRoot is IRollupRoot {
    L1Contract private _registry;
    /// @notice The games whose anchor is believed.
    uint32 public immutable gameType;
    /// @notice Slot of `anchors`, a mapping of game types to (bytes32 root, uint256 l2BlockNumber):
    /// 1 in versions 1 and 2.
    uint256 public immutable anchorsSlot;

    constructor(L1Contract memory registry_, uint32 gameType_, uint256 anchorsSlot_) {
        L1Contracts.requireNamed(registry_);
        _registry = registry_;
        gameType = gameType_;
        anchorsSlot = anchorsSlot_;
    }

    /// @notice The registry whose anchors are believed.
    function registry() external view returns (L1Contract memory) {
        return _registry;
    }

    /// @inheritdoc IRollupRoot
    /// @param proof abi.encode(AnchorRootProof).
    function proveHeader(bytes32 l1StateRoot, uint64, bytes calldata proof)
        external
        view
        returns (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp)
    {
        AnchorRootProof calldata anchor = _view(proof);
        bytes32 storageRoot = L1Contracts.open(_registry, l1StateRoot, anchor.registry);
        bytes32 slot = L1Contracts.mappingSlot(bytes32(uint256(gameType)), anchorsSlot);
        bytes32 root = bytes32(StateProof.verifyStorage(storageRoot, slot, anchor.rootNodes));
        ExecutionHeader memory header =
            OpStackRoot.readHeader(root, anchor.header, anchor.messagePasserStorageRoot);
        return (header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    /// @dev The proof in calldata; the language checks the bounds of each list when it is read.
    function _view(bytes calldata proof) private pure returns (AnchorRootProof calldata anchor) {
        assembly ("memory-safe") {
            anchor := add(proof.offset, calldataload(proof.offset))
        }
    }
}
