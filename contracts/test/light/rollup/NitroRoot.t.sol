// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssertionProof, AssertionRoot} from "../../../src/light/rollup/AssertionRoot.sol";
import {IRollupRoot} from "../../../src/light/rollup/IRollupRoot.sol";
import {L1Contract, L1Contracts} from "../../../src/light/rollup/L1Contract.sol";
import {AssertionState, GlobalState} from "../../../src/light/rollup/NitroRoot.sol";
import {OutboxProof, OutboxRoot} from "../../../src/light/rollup/OutboxRoot.sol";
import {Execution} from "../../../src/light/ethereum/Execution.sol";
import {Rlp} from "../../../src/proof/Rlp.sol";
import {StateProof} from "../../../src/proof/StateProof.sol";
import {RollupTest} from "./SyntheticL1.sol";

/// @notice Nitro's Outbox and BoLD assertions in the real layouts; synthetic. Recorded ones are fed
/// to the same contracts in tests/unit/contracts/test_rollup_clients.py.
contract NitroRootTest is RollupTest {
    bytes32 private constant PARENT = keccak256("parent");
    bytes32 private constant INBOX = keccak256("inbox");

    L1Contract private target;
    IRollupRoot private outbox;
    IRollupRoot private assertions;

    function setUp() public override {
        super.setUp();
        target = l1.placeProxy("nitro");
        outbox = IRollupRoot(vm.deployCode("OutboxRoot.sol:OutboxRoot", abi.encode(target, 3)));
        assertions =
            IRollupRoot(vm.deployCode("AssertionRoot.sol:AssertionRoot", abi.encode(target, 117)));
    }

    // ---------------------------------------------------------------------------- Outbox

    function _keep(bytes32 sendRoot, bytes32 blockHash) private {
        l1.set(target.account, _mappingSlot(sendRoot, 3), uint256(blockHash));
    }

    function _proveOutbox(bytes memory header) private view returns (bytes memory) {
        bytes32 slot = _mappingSlot(SEND_ROOT, 3);
        return abi.encode(
            OutboxProof(l1.proveContract(target), l1.proveSlot(target.account, slot), header)
        );
    }

    function _outboxRefuses(bytes memory header, bytes4 selector) private {
        bytes32 stateRoot = l1.stateRoot();
        bytes memory proof = _proveOutbox(header);
        _expect(selector);
        outbox.proveHeader(stateRoot, NOW, proof);
    }

    function test_outbox_returnsTheBlockItKeeps_synthetic() public {
        _keep(SEND_ROOT, keccak256(_header()));
        (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 time) =
            outbox.proveHeader(l1.stateRoot(), NOW, _proveOutbox(_header()));
        vm.assertEq(height, uint256(HEIGHT), "height");
        vm.assertEq(blockHash, keccak256(_header()), "hash");
        vm.assertEq(stateRoot, STATE_ROOT, "state root");
        vm.assertEq(time, uint256(NOW - 900_000), "time");
    }

    function test_outbox_revertsWhenItKeepsNothingOrAnotherBlock_synthetic() public {
        _outboxRefuses(_header(), OutboxRoot.BlockNotConfirmed.selector);
        _keep(SEND_ROOT, keccak256("a later block with this send root"));
        _outboxRefuses(_header(), OutboxRoot.BlockNotConfirmed.selector);
    }

    function test_outbox_revertsWhenTheHeaderHasNoSendRoot_synthetic() public {
        bytes memory header = _rollupHeader(HEIGHT, STATE_ROOT, "short");
        _keep(SEND_ROOT, keccak256(header));
        _outboxRefuses(header, Rlp.InvalidRlp.selector);
    }

    function test_outbox_revertsWhenTheHeaderIsZero_synthetic() public {
        bytes memory header = _rollupHeader(0, STATE_ROOT, abi.encode(SEND_ROOT));
        _keep(SEND_ROOT, keccak256(header));
        _outboxRefuses(header, Execution.ZeroHeader.selector);
    }

    function test_outbox_revertsWhenItWasUpgraded_synthetic() public {
        _keep(SEND_ROOT, keccak256(_header()));
        l1.set(target.account, L1Contracts.IMPLEMENTATION_SLOT, 1);
        _outboxRefuses(_header(), L1Contracts.ImplementationMismatch.selector);
    }

    // ------------------------------------------------------------------------ assertions

    function _after() private pure returns (AssertionState memory) {
        return AssertionState(
            GlobalState([keccak256(_header()), SEND_ROOT], [uint64(77), 0]),
            1,
            keccak256("history")
        );
    }

    function _slot(AssertionState memory state) private pure returns (bytes32) {
        bytes32 assertion =
            keccak256(abi.encodePacked(PARENT, keccak256(abi.encode(state)), INBOX));
        return _mappingSlot(assertion, 117);
    }

    function _assert(AssertionState memory state, uint256 status) private {
        // createdAtBlock at byte 16, isFirstChild at 24, status at 25.
        uint256 node = uint256(9_000_000) << 128 | 1 << 192 | status << 200;
        l1.set(target.account, _slot(state), node);
    }

    function _proveAssertion(AssertionState memory state, bytes memory header)
        private
        view
        returns (bytes memory)
    {
        return abi.encode(
            AssertionProof({
                rollup: l1.proveContract(target),
                nodeNodes: l1.proveSlot(target.account, _slot(state)),
                parent: PARENT,
                afterState: state,
                inboxAccumulator: INBOX,
                header: header
            })
        );
    }

    function _assertionRefuses(AssertionState memory state, bytes memory header, bytes4 selector)
        private
    {
        bytes32 stateRoot = l1.stateRoot();
        bytes memory proof = _proveAssertion(state, header);
        _expect(selector);
        assertions.proveHeader(stateRoot, NOW, proof);
    }

    function test_assertion_returnsItsBlockWhenConfirmed_synthetic() public {
        _assert(_after(), 2);
        (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 time) =
            assertions.proveHeader(l1.stateRoot(), NOW, _proveAssertion(_after(), _header()));
        vm.assertEq(height, uint256(HEIGHT), "height");
        vm.assertEq(blockHash, keccak256(_header()), "hash");
        vm.assertEq(stateRoot, STATE_ROOT, "state root");
        vm.assertEq(time, uint256(NOW - 900_000), "time");
    }

    function test_assertion_revertsWhenUnknownOrPending_synthetic() public {
        bytes4 expected = AssertionRoot.AssertionNotConfirmed.selector;
        _assertionRefuses(_after(), _header(), expected);
        uint256[3] memory statuses = [uint256(0), 1, 3];
        for (uint256 i = 0; i < 3; ++i) {
            _assert(_after(), statuses[i]);
            _assertionRefuses(_after(), _header(), expected);
        }
    }

    function test_assertion_revertsWhenTheMachineDidNotFinish_synthetic() public {
        AssertionState memory state = _after();
        uint8[3] memory statuses = [0, 2, 255];
        for (uint256 i = 0; i < 3; ++i) {
            state.machineStatus = statuses[i];
            _assert(state, 2);
            _assertionRefuses(state, _header(), AssertionRoot.MachineNotFinished.selector);
        }
    }

    function test_assertion_revertsWhenTheHeaderIsAnother_synthetic() public {
        _assert(_after(), 2);
        bytes memory other = _rollupHeader(HEIGHT + 1, STATE_ROOT, abi.encode(SEND_ROOT));
        _assertionRefuses(_after(), other, AssertionRoot.AssertedBlockMismatch.selector);
        AssertionState memory state = _after();
        state.globalState.hashes[1] = keccak256("sent more");
        _assert(state, 2);
        _assertionRefuses(state, _header(), AssertionRoot.AssertedSendRootMismatch.selector);
    }

    function test_assertion_revertsWhenTheProofIsOfAnother_synthetic() public {
        _assert(_after(), 2);
        AssertionState memory other = _after();
        other.globalState.positions[0] = 78;
        AssertionProof memory proof =
            abi.decode(_proveAssertion(_after(), _header()), (AssertionProof));
        proof.afterState = other;
        bytes32 stateRoot = l1.stateRoot();
        (bool success,) = address(assertions)
            .call(abi.encodeCall(IRollupRoot.proveHeader, (stateRoot, NOW, abi.encode(proof))));
        vm.assertTrue(!success, "refused");
        proof.afterState = _after();
        proof.nodeNodes = _cut(proof.nodeNodes);
        _expect(StateProof.ProofTruncated.selector);
        assertions.proveHeader(stateRoot, NOW, abi.encode(proof));
    }
}
