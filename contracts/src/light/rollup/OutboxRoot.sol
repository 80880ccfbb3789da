// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StateProof} from "../../proof/StateProof.sol";
import {ExecutionHeader} from "../ethereum/Execution.sol";
import {IRollupRoot} from "./IRollupRoot.sol";
import {L1Contract, L1ContractProof, L1Contracts} from "./L1Contract.sol";
import {NitroRoot} from "./NitroRoot.sol";

/// @notice The proof of a confirmed block.
/// @param outbox Proves the Outbox.
/// @param rootNodes Prove the block hash that it keeps by the header's send root.
/// @param header RLP of the rollup's header.
struct OutboxProof {
    L1ContractProof outbox;
    bytes[] rootNodes;
    bytes header;
}

/// @title Arbitrum Nitro: a block whose send root the Outbox took over when its assertion was
/// confirmed
/// @notice Of blocks with one send root the Outbox keeps the latest only; entries never expire.
contract OutboxRoot is IRollupRoot {
    /// @notice Thrown when the Outbox keeps another block, or none (0), by the header's send root.
    error BlockNotConfirmed(bytes32 sendRoot, bytes32 kept, bytes32 blockHash);

    L1Contract private _outbox;
    /// @notice Slot of `roots`, a mapping of send roots to block hashes: 3 in all versions.
    uint256 public immutable rootsSlot;

    constructor(L1Contract memory outbox_, uint256 rootsSlot_) {
        L1Contracts.requireNamed(outbox_);
        _outbox = outbox_;
        rootsSlot = rootsSlot_;
    }

    /// @notice The Outbox whose roots are believed.
    function outbox() external view returns (L1Contract memory) {
        return _outbox;
    }

    /// @inheritdoc IRollupRoot
    /// @param proof abi.encode(OutboxProof).
    function proveHeader(bytes32 l1StateRoot, uint64, bytes calldata proof)
        external
        view
        returns (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp)
    {
        OutboxProof calldata evidence = _view(proof);
        (ExecutionHeader memory header, bytes32 sendRoot) = NitroRoot.readHeader(evidence.header);
        bytes32 storageRoot = L1Contracts.open(_outbox, l1StateRoot, evidence.outbox);
        bytes32 slot = L1Contracts.mappingSlot(sendRoot, rootsSlot);
        bytes32 kept = bytes32(StateProof.verifyStorage(storageRoot, slot, evidence.rootNodes));
        if (kept != header.blockHash) revert BlockNotConfirmed(sendRoot, kept, header.blockHash);
        return (header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    /// @dev The proof in calldata; the language checks the bounds of each list when it is read.
    function _view(bytes calldata proof) private pure returns (OutboxProof calldata evidence) {
        assembly ("memory-safe") {
            evidence := add(proof.offset, calldataload(proof.offset))
        }
    }
}
