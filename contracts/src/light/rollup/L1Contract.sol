// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StateProof} from "../../proof/StateProof.sol";

/// @notice A contract on L1 whose storage layout is known.
/// @param account Its address.
/// @param codeHash Hash of its code: of the proxy's, where it is one.
/// @param implementation What the proxy runs (EIP-1967); 0 where the contract is no proxy. A
/// storage layout belongs to an implementation, which is what the contracts' `version()` names:
/// after an upgrade this one's slots may mean something else, so its proofs stop.
struct L1Contract {
    address account;
    bytes32 codeHash;
    address implementation;
}

/// @notice The nodes (EIP-1186) that prove an `L1Contract` under an L1 state root.
/// @param accountNodes Of its account.
/// @param implementationNodes Of its EIP-1967 slot; none where it is no proxy.
struct L1ContractProof {
    bytes[] accountNodes;
    bytes[] implementationNodes;
}

/// @title From an L1 state root to the storage of a contract that still is what it was
library L1Contracts {
    /// @dev keccak256("eip1967.proxy.implementation") - 1.
    bytes32 internal constant IMPLEMENTATION_SLOT =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    /// @notice Thrown when a configuration names no contract.
    error ZeroContract();
    /// @notice Thrown when other code is at the address than the configured one.
    error CodeHashMismatch(address account, bytes32 expected, bytes32 actual);
    /// @notice Thrown when a proxy runs another implementation, whose layout is unknown here.
    error ImplementationMismatch(address account, address expected, uint256 actual);
    /// @notice Thrown when an implementation is proven for a contract that is no proxy.
    error NotAProxy(address account);

    /// @notice Refuse a configuration that no proof could ever meet.
    function requireNamed(L1Contract memory expected) internal pure {
        if (expected.account == address(0) || expected.codeHash == 0) revert ZeroContract();
    }

    /// @notice Prove the contract and return the root of its storage.
    function open(L1Contract memory expected, bytes32 stateRoot, L1ContractProof calldata proof)
        internal
        pure
        returns (bytes32 storageRoot)
    {
        bytes32 codeHash;
        (storageRoot, codeHash) =
            StateProof.verifyAccount(stateRoot, expected.account, proof.accountNodes);
        if (codeHash != expected.codeHash) {
            revert CodeHashMismatch(expected.account, expected.codeHash, codeHash);
        }
        if (expected.implementation == address(0)) {
            if (proof.implementationNodes.length != 0) revert NotAProxy(expected.account);
            return storageRoot;
        }
        uint256 implementation =
            StateProof.verifyStorage(storageRoot, IMPLEMENTATION_SLOT, proof.implementationNodes);
        if (implementation != uint160(expected.implementation)) {
            revert ImplementationMismatch(
                expected.account, expected.implementation, implementation
            );
        }
    }

    /// @notice Where a mapping keeps the value of a key.
    function mappingSlot(bytes32 key, uint256 slot) internal pure returns (bytes32) {
        return keccak256(abi.encode(key, slot));
    }
}
