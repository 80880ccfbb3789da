// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    DisputeGameProof,
    DisputeGameRoot,
    GameLayout
} from "../../../src/light/rollup/DisputeGameRoot.sol";
import {L1Contract, L1Contracts} from "../../../src/light/rollup/L1Contract.sol";
import {OpStackRoot} from "../../../src/light/rollup/OpStackRoot.sol";
import {IRollupRoot} from "../../../src/light/rollup/IRollupRoot.sol";
import {StateProof} from "../../../src/proof/StateProof.sol";
import {RollupTest} from "./SyntheticL1.sol";

/// @notice Dispute games in the real layouts; synthetic, as no proof of a real one is recorded.
contract DisputeGameRootTest is RollupTest {
    uint64 private constant AIRGAP = 302_400;
    uint64 private constant CREATED_AT = NOW - 900_000;
    uint64 private constant RESOLVED_AT = NOW - AIRGAP - 1;
    uint32 private constant CANNON = 0;
    address private constant GAME = address(0x9a3e);
    address private constant GAME_IMPLEMENTATION = address(0x1337);

    IRollupRoot private root;
    L1Contract private factory;
    L1Contract private registry;
    GameLayout private layoutInUse = GameLayout(103, 1, 5, 6, 10, 0, 84);
    bytes private arguments;
    bytes private code;
    bytes32 private gameIdSlot;
    bytes32 private blacklistSlot;
    /// @dev The proof of the world as set up: building one takes longer than a fuzz run should.
    bytes private wholeProof;
    bytes32 private wholeStateRoot;

    function setUp() public override {
        super.setUp();
        factory = l1.placeProxy("factory");
        registry = l1.placeProxy("registry");
        arguments = abi.encodePacked(
            address(0xabcd), _outputRoot(_header()), keccak256("L1 head"), uint256(HEIGHT)
        );
        code = _clone(GAME_IMPLEMENTATION, arguments);
        gameIdSlot = _gameIdSlot(CANNON);
        blacklistSlot = _mappingSlot(bytes32(uint256(uint160(GAME))), 5);
        l1.set(factory.account, gameIdSlot, _gameId(CANNON));
        l1.set(registry.account, bytes32(uint256(1)), uint160(factory.account));
        l1.set(registry.account, bytes32(uint256(6)), uint256(CREATED_AT - 1) << 32 | CANNON);
        l1.place(GAME, keccak256(code));
        l1.set(GAME, 0, _state(CREATED_AT, RESOLVED_AT, 2));
        l1.set(GAME, bytes32(uint256(10)), 1);
        root = _deploy(layoutInUse);
        wholeProof = abi.encode(_prove());
        wholeStateRoot = l1.stateRoot();
    }

    function _deploy(GameLayout memory slots) private returns (IRollupRoot) {
        bytes memory configuration =
            abi.encode(factory, registry, GAME_IMPLEMENTATION, CANNON, AIRGAP, slots);
        return IRollupRoot(vm.deployCode("DisputeGameRoot.sol:DisputeGameRoot", configuration));
    }

    function _state(uint64 createdAt, uint64 resolvedAt, uint8 status)
        private
        pure
        returns (uint256)
    {
        // The flag after the status is `initialized`.
        return uint256(createdAt) | uint256(resolvedAt) << 64 | uint256(status) << 128 | 1 << 136;
    }

    function _gameId(uint32 gameType) private pure returns (uint256) {
        return uint256(gameType) << 224 | uint256(CREATED_AT) << 160 | uint160(GAME);
    }

    function _gameIdSlot(uint32 gameType) private pure returns (bytes32) {
        bytes32 claim = _outputRoot(_header());
        bytes memory extraData = abi.encode(uint256(HEIGHT));
        return _mappingSlot(keccak256(abi.encode(gameType, claim, extraData)), 103);
    }

    function _clone(address implementation, bytes memory data)
        private
        pure
        returns (bytes memory)
    {
        uint16 extraLength = uint16(data.length + 2);
        return abi.encodePacked(
            hex"36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff",
            hex"593da1005b363d3d373d3d3d3d61",
            extraLength,
            hex"806062363936013d73",
            implementation,
            hex"5af43d3d93803e606057fd5bf3",
            data,
            extraLength
        );
    }

    function _prove() private view returns (DisputeGameProof memory) {
        return DisputeGameProof({
            factory: l1.proveContract(factory),
            gameIdNodes: l1.proveSlot(factory.account, gameIdSlot),
            registry: l1.proveContract(registry),
            registryFactoryNodes: l1.proveSlot(registry.account, bytes32(uint256(1))),
            blacklistNodes: l1.proveSlot(registry.account, blacklistSlot),
            retirementNodes: l1.proveSlot(registry.account, bytes32(uint256(6))),
            gameNodes: l1.proveAccount(GAME),
            stateNodes: l1.proveSlot(GAME, 0),
            respectedNodes: l1.proveSlot(GAME, bytes32(uint256(10))),
            code: code,
            messagePasserStorageRoot: PASSER_ROOT,
            header: _header()
        });
    }

    function _accepts(uint64 timestamp) private view {
        (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 time) =
            root.proveHeader(l1.stateRoot(), timestamp, abi.encode(_prove()));
        vm.assertEq(height, uint256(HEIGHT), "height");
        vm.assertEq(blockHash, keccak256(_header()), "hash");
        vm.assertEq(stateRoot, STATE_ROOT, "state root");
        vm.assertEq(time, uint256(NOW - 900_000), "time");
    }

    function _refuses(bytes4 selector) private {
        _refuses(_prove(), selector);
    }

    function _refuses(DisputeGameProof memory proof, bytes4 selector) private {
        bytes32 stateRoot = l1.stateRoot();
        _expect(selector);
        root.proveHeader(stateRoot, NOW, abi.encode(proof));
    }

    function test_proveHeader_returnsTheClaimedHeader_synthetic() public view {
        _accepts(NOW);
    }

    function test_proveHeader_readsLaterClones_whereTheTypeIsAnArgumentToo_synthetic() public {
        bytes memory later = abi.encodePacked(
            address(0xabcd),
            _outputRoot(_header()),
            keccak256("L1 head"),
            CANNON,
            uint256(HEIGHT),
            "prestate, vm, registry, weth"
        );
        code = _clone(GAME_IMPLEMENTATION, later);
        l1.place(GAME, keccak256(code));
        GameLayout memory slots = layoutInUse;
        slots.extraData = 88;
        root = _deploy(slots);
        _accepts(NOW);
    }

    function test_proveHeader_readsTheFlagAtItsByte_synthetic() public {
        GameLayout memory slots = layoutInUse;
        (slots.respected, slots.respectedByte) = (10, 3);
        root = _deploy(slots);
        _refuses(DisputeGameRoot.GameNotRespected.selector);
        l1.set(GAME, bytes32(uint256(10)), 1 << 24);
        _accepts(NOW);
    }

    function test_proveHeader_revertsWhenUndecidedOrLost_synthetic() public {
        for (uint8 status = 0; status < 2; ++status) {
            l1.set(GAME, 0, _state(CREATED_AT, RESOLVED_AT, status));
            _refuses(DisputeGameRoot.GameNotDefended.selector);
        }
    }

    function test_proveHeader_revertsUntilTheAirgapIsOver_synthetic() public {
        l1.set(GAME, 0, _state(CREATED_AT, NOW - AIRGAP, 2));
        _refuses(DisputeGameRoot.AirgapNotOver.selector);
        _accepts(NOW + 1);
    }

    function test_proveHeader_revertsWhenBlacklisted_synthetic() public {
        l1.set(registry.account, blacklistSlot, 1);
        _refuses(DisputeGameRoot.GameBlacklisted.selector);
    }

    function test_proveHeader_revertsWhenRetired_synthetic() public {
        l1.set(registry.account, bytes32(uint256(6)), uint256(CREATED_AT) << 32);
        _refuses(DisputeGameRoot.GameRetired.selector);
    }

    function test_proveHeader_revertsWhenNotRegistered_synthetic() public {
        l1.set(factory.account, gameIdSlot, 0);
        _refuses(DisputeGameRoot.GameNotRegistered.selector);
    }

    function test_proveHeader_revertsWhenOfAnotherType_synthetic() public {
        l1.set(factory.account, gameIdSlot, 0);
        l1.set(factory.account, _gameIdSlot(1), _gameId(1));
        _refuses(DisputeGameRoot.GameNotRegistered.selector);
    }

    function test_proveHeader_revertsWhenItsTypeWasNotRespected_synthetic() public {
        l1.set(GAME, bytes32(uint256(10)), 0);
        _refuses(DisputeGameRoot.GameNotRespected.selector);
    }

    function test_proveHeader_revertsWhenAProxyWasUpgraded_synthetic() public {
        bytes32 slot = L1Contracts.IMPLEMENTATION_SLOT;
        l1.set(factory.account, slot, 1);
        _refuses(L1Contracts.ImplementationMismatch.selector);
        l1.set(factory.account, slot, uint160(factory.implementation));
        l1.set(registry.account, slot, 0);
        _refuses(L1Contracts.ImplementationMismatch.selector);
    }

    function test_proveHeader_revertsWhenTheLayoutIsOfAnotherVersion_synthetic() public {
        GameLayout memory slots = layoutInUse;
        slots.disputeGames = 102;
        root = _deploy(slots);
        bytes memory proof = abi.encode(_prove());
        bytes32 stateRoot = l1.stateRoot();
        (bool success,) =
            address(root).call(abi.encodeCall(IRollupRoot.proveHeader, (stateRoot, NOW, proof)));
        vm.assertTrue(!success, "refused");
    }

    function test_proveHeader_revertsWhenAContractIsAnother_synthetic() public {
        l1.place(registry.account, keccak256("other code"));
        _refuses(L1Contracts.CodeHashMismatch.selector);
        l1.place(registry.account, registry.codeHash);
        DisputeGameProof memory proof = _prove();
        proof.registry = l1.proveContract(factory);
        _refuses(proof, StateProof.NodeHashMismatch.selector);
    }

    function test_proveHeader_revertsWhenTheGameRunsOtherCode_synthetic() public {
        code = _clone(address(0xbad), arguments);
        l1.place(GAME, keccak256(code));
        _refuses(DisputeGameRoot.GameImplementationMismatch.selector);
    }

    function test_proveHeader_revertsWhenTheCodeIsNotTheGames_synthetic() public {
        l1.place(GAME, keccak256("other code"));
        _refuses(L1Contracts.CodeHashMismatch.selector);
    }

    function test_proveHeader_revertsWhenTheRegistryJudgesAnotherFactory_synthetic() public {
        l1.set(registry.account, bytes32(uint256(1)), uint160(registry.account));
        _refuses(DisputeGameRoot.RegistryOfAnotherFactory.selector);
    }

    function test_proveHeader_revertsWhenTheHeaderIsAnother_synthetic() public {
        DisputeGameProof memory proof = _prove();
        proof.header = _rollupHeader(HEIGHT + 1, STATE_ROOT, "");
        _refuses(proof, OpStackRoot.OutputRootMismatch.selector);
        proof = _prove();
        proof.messagePasserStorageRoot = keccak256("another");
        _refuses(proof, OpStackRoot.OutputRootMismatch.selector);
    }

    function test_proveHeader_revertsWhenTheL1StateIsAnother_synthetic() public {
        DisputeGameProof memory proof = _prove();
        l1.set(GAME, 0, _state(CREATED_AT, RESOLVED_AT, 1));
        _refuses(proof, StateProof.NodeHashMismatch.selector);
    }

    function test_proveHeader_revertsWhenAnyProofIsCutShort_synthetic() public {
        DisputeGameProof memory proof = _prove();
        proof.gameIdNodes = _cut(proof.gameIdNodes);
        _refuses(proof, StateProof.ProofTruncated.selector);
        proof = _prove();
        proof.blacklistNodes = _cut(proof.blacklistNodes);
        _refuses(proof, StateProof.ProofTruncated.selector);
        proof = _prove();
        proof.stateNodes = _cut(proof.stateNodes);
        _refuses(proof, StateProof.ProofTruncated.selector);
    }

    function test_proveHeader_revertsWhenTheCloneIsMalformed_synthetic() public {
        bytes memory whole = code;
        for (uint256 place = 0; place < 98; ++place) {
            if (place >= 65 && place < 85) continue; // the implementation, compared by itself
            code[place] = ~whole[place];
            _refusesClone();
            code[place] = whole[place];
        }
        code[whole.length - 1] = ~whole[whole.length - 1];
        _refusesClone();
        code = bytes.concat(whole, hex"00");
        _refusesClone();
        code = hex"";
        _refusesClone();
        code = _clone(GAME_IMPLEMENTATION, new bytes(115)); // one byte less than the extra data
        _refusesClone();
        code = new bytes(70_000);
        _refusesClone();
    }

    function _refusesClone() private {
        DisputeGameProof memory proof;
        proof.code = code;
        _expect(OpStackRoot.CloneMalformed.selector);
        root.proveHeader(0, NOW, abi.encode(proof));
    }

    function testFuzz_proveHeader_neverAcceptsAlteredBytes_synthetic(uint256 position, uint8 flip)
        public
    {
        vm.assume(flip != 0);
        bytes memory proof = wholeProof;
        position = _bound(position, 0, proof.length - 1);
        proof[position] ^= bytes1(flip);
        (bool success, bytes memory returned) = address(root)
            .call(abi.encodeCall(IRollupRoot.proveHeader, (wholeStateRoot, NOW, proof)));
        // Bytes that nothing reads, such as padding, may change; what is proven may not.
        if (success) {
            (uint64 height, bytes32 blockHash, bytes32 state) =
                abi.decode(returned, (uint64, bytes32, bytes32));
            vm.assertEq(height, uint256(HEIGHT), "height");
            vm.assertEq(blockHash, keccak256(_header()), "hash");
            vm.assertEq(state, STATE_ROOT, "state root");
        }
    }

    function test_constructor_revertsWhenItNamesNothing() public {
        L1Contract memory nothing;
        _refuseConfiguration(
            abi.encode(nothing, registry, GAME_IMPLEMENTATION, CANNON, AIRGAP, layoutInUse)
        );
        _refuseConfiguration(
            abi.encode(factory, nothing, GAME_IMPLEMENTATION, CANNON, AIRGAP, layoutInUse)
        );
        _refuseConfiguration(
            abi.encode(factory, registry, address(0), CANNON, AIRGAP, layoutInUse)
        );
    }

    function _refuseConfiguration(bytes memory configuration) private {
        bytes memory creation =
            bytes.concat(vm.getCode("DisputeGameRoot.sol:DisputeGameRoot"), configuration);
        address created;
        assembly ("memory-safe") {
            created := create(0, add(creation, 0x20), mload(creation))
        }
        vm.assertEq(created, address(0), "refused");
    }
}
