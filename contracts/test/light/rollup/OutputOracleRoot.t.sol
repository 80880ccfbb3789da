// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRootProof} from "../../../src/light/rollup/AnchorRegistryRoot.sol";
import {IRollupRoot} from "../../../src/light/rollup/IRollupRoot.sol";
import {L1Contract, L1Contracts} from "../../../src/light/rollup/L1Contract.sol";
import {OpStackRoot} from "../../../src/light/rollup/OpStackRoot.sol";
import {OutputOracleRoot, OutputProof} from "../../../src/light/rollup/OutputOracleRoot.sol";
import {StateProof} from "../../../src/proof/StateProof.sol";
import {RollupTest} from "./SyntheticL1.sol";

/// @notice Output oracles and anchor registries in the real layouts; synthetic.
contract OutputOracleRootTest is RollupTest {
    uint64 private constant FINALIZATION = 604_800;
    uint64 private constant PROPOSED_AT = NOW - FINALIZATION - 1;
    uint256 private constant LENGTH = 4_600;
    uint256 private constant INDEX = 4_529;

    IRollupRoot private root;
    L1Contract private oracle;

    function setUp() public override {
        super.setUp();
        oracle = l1.placeProxy("oracle");
        l1.place(address(0xe0a), keccak256("somebody"));
        root = _deploy(3);
        l1.set(oracle.account, bytes32(uint256(3)), LENGTH);
        _output(INDEX, _outputRoot(_header()), PROPOSED_AT, HEIGHT);
    }

    function _deploy(uint256 slot) private returns (IRollupRoot) {
        bytes memory configuration = abi.encode(oracle, slot, FINALIZATION);
        return IRollupRoot(vm.deployCode("OutputOracleRoot.sol:OutputOracleRoot", configuration));
    }

    function _slot(uint256 index) private pure returns (uint256 slot) {
        unchecked {
            slot = uint256(keccak256(abi.encode(3))) + 2 * index;
        }
    }

    function _output(uint256 index, bytes32 output, uint256 time, uint256 height) private {
        l1.set(oracle.account, bytes32(_slot(index)), uint256(output));
        l1.set(oracle.account, bytes32(_slot(index) + 1), time | height << 128);
    }

    function _prove(uint256 index) private view returns (OutputProof memory) {
        return OutputProof({
            oracle: l1.proveContract(oracle),
            index: index,
            lengthNodes: l1.proveSlot(oracle.account, bytes32(uint256(3))),
            rootNodes: l1.proveSlot(oracle.account, bytes32(_slot(index))),
            timeNodes: l1.proveSlot(oracle.account, bytes32(_slot(index) + 1)),
            messagePasserStorageRoot: PASSER_ROOT,
            header: _header()
        });
    }

    function _accepts(uint64 timestamp) private view {
        (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 time) =
            root.proveHeader(l1.stateRoot(), timestamp, abi.encode(_prove(INDEX)));
        vm.assertEq(height, uint256(HEIGHT), "height");
        vm.assertEq(blockHash, keccak256(_header()), "hash");
        vm.assertEq(stateRoot, STATE_ROOT, "state root");
        vm.assertEq(time, uint256(NOW - 900_000), "time");
    }

    function _refuses(uint256 index, bytes4 selector) private {
        _refuses(_prove(index), selector);
    }

    function _refuses(OutputProof memory proof, bytes4 selector) private {
        bytes32 stateRoot = l1.stateRoot();
        _expect(selector);
        root.proveHeader(stateRoot, NOW, abi.encode(proof));
    }

    function test_proveHeader_returnsAFinalOutput_synthetic() public view {
        _accepts(NOW);
    }

    function test_proveHeader_revertsUntilTheOutputIsFinal_synthetic() public {
        _output(INDEX, _outputRoot(_header()), PROPOSED_AT + 1, HEIGHT);
        _refuses(INDEX, OutputOracleRoot.OutputNotFinal.selector);
        _accepts(NOW + 1);
    }

    /// @dev deleteL2Outputs only shortens the array: the words of what it deleted still prove.
    function test_proveHeader_revertsWhenTheOutputWasDeleted_synthetic() public {
        l1.set(oracle.account, bytes32(uint256(3)), INDEX);
        _refuses(INDEX, OutputOracleRoot.OutputDeleted.selector);
        l1.set(oracle.account, bytes32(uint256(3)), 0);
        _refuses(INDEX, OutputOracleRoot.OutputDeleted.selector);
    }

    /// @dev Twice 2^255 is nothing modulo 2^256, so this index names the same words.
    function test_proveHeader_revertsWhenTheIndexWrapsAround_synthetic() public {
        vm.assertEq(_slot(INDEX + (1 << 255)), _slot(INDEX), "the same words");
        _refuses(INDEX + (1 << 255), OutputOracleRoot.OutputDeleted.selector);
    }

    function test_proveHeader_revertsWhenTheOutputIsOfAnotherBlock_synthetic() public {
        _output(INDEX, _outputRoot(_header()), PROPOSED_AT, HEIGHT - 1);
        _refuses(INDEX, OutputOracleRoot.OutputHeightMismatch.selector);
        _output(INDEX, keccak256("another root"), PROPOSED_AT, HEIGHT);
        _refuses(INDEX, OpStackRoot.OutputRootMismatch.selector);
        _output(INDEX, 0, PROPOSED_AT, HEIGHT);
        _refuses(INDEX, OpStackRoot.OutputRootMismatch.selector);
    }

    function test_proveHeader_revertsWhenTheContractIsAnother_synthetic() public {
        OutputProof memory proof = _prove(INDEX);
        proof.oracle.accountNodes = l1.proveAccount(address(0xe0a));
        _refuses(proof, StateProof.NodeHashMismatch.selector);
        l1.set(oracle.account, L1Contracts.IMPLEMENTATION_SLOT, 1);
        _refuses(INDEX, L1Contracts.ImplementationMismatch.selector);
        l1.place(oracle.account, keccak256("other code"));
        _refuses(INDEX, L1Contracts.CodeHashMismatch.selector);
    }

    function test_proveHeader_revertsWhenTheLayoutIsOfAnotherVersion_synthetic() public {
        root = _deploy(4);
        _refuses(INDEX, StateProof.ProofHasUnusedNodes.selector);
    }

    function test_proveHeader_acceptsContractsThatAreNoProxy_synthetic() public {
        l1.set(oracle.account, L1Contracts.IMPLEMENTATION_SLOT, 0);
        oracle.implementation = address(0);
        root = _deploy(3);
        _accepts(NOW);
        OutputProof memory proof = _prove(INDEX);
        proof.oracle.implementationNodes =
            l1.proveSlot(oracle.account, L1Contracts.IMPLEMENTATION_SLOT);
        _refuses(proof, L1Contracts.NotAProxy.selector);
    }

    // -------------------------------------------------------------- AnchorStateRegistry 1, 2

    function _anchor(uint256 slot) private returns (IRollupRoot) {
        bytes memory configuration = abi.encode(oracle, uint32(0), slot);
        return
            IRollupRoot(vm.deployCode("AnchorRegistryRoot.sol:AnchorRegistryRoot", configuration));
    }

    function _proveAnchor(uint256 slot) private view returns (bytes memory) {
        return abi.encode(
            AnchorRootProof({
                registry: l1.proveContract(oracle),
                rootNodes: l1.proveSlot(oracle.account, _mappingSlot(0, slot)),
                messagePasserStorageRoot: PASSER_ROOT,
                header: _header()
            })
        );
    }

    function test_anchor_returnsTheHeaderOfItsRoot_synthetic() public {
        root = _anchor(1);
        l1.set(oracle.account, _mappingSlot(0, 1), uint256(_outputRoot(_header())));
        (uint64 height, bytes32 blockHash,, uint64 time) =
            root.proveHeader(l1.stateRoot(), NOW, _proveAnchor(1));
        vm.assertEq(height, uint256(HEIGHT), "height");
        vm.assertEq(blockHash, keccak256(_header()), "hash");
        vm.assertEq(time, uint256(NOW - 900_000), "time");
    }

    function test_anchor_revertsWhenThereIsNone_synthetic() public {
        root = _anchor(2);
        bytes32 stateRoot = l1.stateRoot();
        bytes memory proof = _proveAnchor(2);
        _expect(OpStackRoot.OutputRootMismatch.selector);
        root.proveHeader(stateRoot, NOW, proof);
    }

    function test_constructor_revertsWhenItNamesNothing() public {
        L1Contract memory nothing;
        _refuseConfiguration("OutputOracleRoot.sol", abi.encode(nothing, 3, FINALIZATION));
        _refuseConfiguration("AnchorRegistryRoot.sol", abi.encode(nothing, 0, 1));
        _refuseConfiguration("OutboxRoot.sol", abi.encode(nothing, 3));
        _refuseConfiguration("AssertionRoot.sol", abi.encode(nothing, 117));
    }

    function _refuseConfiguration(string memory name, bytes memory configuration) private {
        bytes memory creation = bytes.concat(vm.getCode(name), configuration);
        address created;
        assembly ("memory-safe") {
            created := create(0, add(creation, 0x20), mload(creation))
        }
        vm.assertEq(created, address(0), "refused");
    }
}
