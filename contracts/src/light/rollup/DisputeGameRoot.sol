// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StateProof} from "../../proof/StateProof.sol";
import {ExecutionHeader} from "../ethereum/Execution.sol";
import {IRollupRoot} from "./IRollupRoot.sol";
import {L1Contract, L1ContractProof, L1Contracts} from "./L1Contract.sol";
import {OpStackRoot} from "./OpStackRoot.sol";

/// @notice Where the contracts of one release keep what is read here. Slots moved between releases
/// of the AnchorStateRegistry and of the games, so they belong to the implementations named beside
/// them.
/// @param disputeGames DisputeGameFactory: `_disputeGames`; 103, or 102 before bonds.
/// @param registryFactory AnchorStateRegistry: `disputeGameFactory`; 1 since version 3.
/// @param blacklist AnchorStateRegistry: `disputeGameBlacklist`; 5 since version 3.
/// @param retirement AnchorStateRegistry: `respectedGameType` in the low 4 bytes,
/// `retirementTimestamp` in the 8 above; 6 since version 3.
/// @param respected FaultDisputeGame: `wasRespectedGameTypeWhenCreated`; 10 in version 1.4.
/// @param respectedByte Its place in that word, counted from the lowest byte.
/// @param extraData Where the extra data begins in a clone's arguments: 84, or 88 where the game
/// type is an argument too.
struct GameLayout {
    uint16 disputeGames;
    uint16 registryFactory;
    uint16 blacklist;
    uint16 retirement;
    uint16 respected;
    uint8 respectedByte;
    uint16 extraData;
}

/// @notice The proof of a dispute game that was decided for its root.
/// @param factory Proves the DisputeGameFactory.
/// @param gameIdNodes Prove that the factory made the game.
/// @param registry Proves the AnchorStateRegistry.
/// @param registryFactoryNodes Prove which factory the registry reads.
/// @param blacklistNodes Prove whether the guardian struck the game out.
/// @param retirementNodes Prove until when games were retired.
/// @param gameNodes Prove the game's account.
/// @param stateNodes Prove its times and status.
/// @param respectedNodes Prove whether its type was respected when it was created.
/// @param code The game's code, a clone that ends in what the game is about.
/// @param messagePasserStorageRoot The part of the output root that the header does not hold.
/// @param header RLP of the rollup's header.
struct DisputeGameProof {
    L1ContractProof factory;
    bytes[] gameIdNodes;
    L1ContractProof registry;
    bytes[] registryFactoryNodes;
    bytes[] blacklistNodes;
    bytes[] retirementNodes;
    bytes[] gameNodes;
    bytes[] stateNodes;
    bytes[] respectedNodes;
    bytes code;
    bytes32 messagePasserStorageRoot;
    bytes header;
}

/// @title OP Stack with fault proofs: the root claim of a dispute game that its defender won
/// @notice What AnchorStateRegistry.isGameClaimValid asks is asked here of its storage: made by the
/// factory, of the respected type when created, not blacklisted, not retired, resolved for the
/// defender, and that longer ago than the delay in which the guardian may act. A pause is not
/// asked for: it holds withdrawals back without judging games.
/// @dev A FaultDisputeGame keeps createdAt (uint64), resolvedAt (uint64) and status (uint8) in slot
/// 0, lowest first. A root claim is in no storage: it is read from the clone's code.
contract DisputeGameRoot is IRollupRoot {
    uint256 private constant DEFENDER_WINS = 2;
    /// @dev A clone's arguments begin with creator (20 bytes) and root claim (32).
    uint256 private constant ROOT_CLAIM = 20;

    /// @notice Thrown when a configuration names no game implementation.
    error ZeroGameImplementation();
    /// @notice Thrown when the registry reads another factory's games.
    error RegistryOfAnotherFactory(uint256 factory);
    /// @notice Thrown when a game runs other code than the configured one, whose layout is unknown.
    error GameImplementationMismatch(address expected, address actual);
    /// @notice Thrown when the factory has made no such game.
    error GameNotRegistered(bytes32 uuid);
    /// @notice Thrown when the guardian struck a game out.
    error GameBlacklisted(address game);
    /// @notice Thrown when a game was created before the guardian retired all games.
    error GameRetired(uint64 createdAt, uint64 retiredUntil);
    /// @notice Thrown when a game's type did not count when it was created.
    error GameNotRespected(address game);
    /// @notice Thrown when a game is undecided (0) or was lost by its defender (1).
    error GameNotDefended(uint256 status);
    /// @notice Thrown when the guardian may still act on a decided game.
    error AirgapNotOver(uint64 resolvedAt, uint64 airgapSeconds, uint64 l1Timestamp);

    L1Contract private _factory;
    L1Contract private _registry;
    GameLayout private _layout;
    /// @notice What every game runs.
    address public immutable gameImplementation;
    /// @notice The games that are believed; one that claims output roots.
    uint32 public immutable gameType;
    /// @notice disputeGameFinalityDelaySeconds of the registry.
    uint64 public immutable airgapSeconds;

    constructor(
        L1Contract memory factory_,
        L1Contract memory registry_,
        address gameImplementation_,
        uint32 gameType_,
        uint64 airgapSeconds_,
        GameLayout memory layout_
    ) {
        L1Contracts.requireNamed(factory_);
        L1Contracts.requireNamed(registry_);
        if (gameImplementation_ == address(0)) revert ZeroGameImplementation();
        (_factory, _registry, _layout) = (factory_, registry_, layout_);
        gameImplementation = gameImplementation_;
        gameType = gameType_;
        airgapSeconds = airgapSeconds_;
    }

    /// @notice The factory whose games are believed.
    function factory() external view returns (L1Contract memory) {
        return _factory;
    }

    /// @notice The registry that can strike games out.
    function registry() external view returns (L1Contract memory) {
        return _registry;
    }

    /// @notice Where all of them keep what is read.
    function gameLayout() external view returns (GameLayout memory) {
        return _layout;
    }

    /// @inheritdoc IRollupRoot
    /// @param proof abi.encode(DisputeGameProof).
    function proveHeader(bytes32 l1StateRoot, uint64 l1Timestamp, bytes calldata proof)
        external
        view
        returns (uint64 height, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp)
    {
        DisputeGameProof calldata evidence = _view(proof);
        GameLayout memory slots = _layout;
        (bytes32 rootClaim, bytes32 extraData) = _readCode(evidence.code, slots);
        address game = _findGame(l1StateRoot, rootClaim, extraData, evidence, slots);
        uint64 createdAt = _requireDefended(l1StateRoot, l1Timestamp, game, evidence, slots);
        _requireStanding(l1StateRoot, game, createdAt, evidence, slots);
        ExecutionHeader memory header =
            OpStackRoot.readHeader(rootClaim, evidence.header, evidence.messagePasserStorageRoot);
        return (header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    /// @dev What the game is about, by its code; `_requireDefended` compares that with its account.
    function _readCode(bytes calldata code, GameLayout memory slots)
        private
        view
        returns (bytes32 rootClaim, bytes32 extraData)
    {
        (address implementation, bytes calldata arguments) = OpStackRoot.readClone(code);
        if (implementation != gameImplementation) {
            revert GameImplementationMismatch(gameImplementation, implementation);
        }
        if (arguments.length < uint256(slots.extraData) + 32) revert OpStackRoot.CloneMalformed();
        rootClaim = bytes32(arguments[ROOT_CLAIM:]);
        extraData = bytes32(arguments[slots.extraData:]);
    }

    /// @dev The game that the factory made for this claim: it keeps
    /// gameType (4 bytes) | timestamp (8) | address (20) by the hash of what the game is about.
    function _findGame(
        bytes32 l1StateRoot,
        bytes32 rootClaim,
        bytes32 extraData,
        DisputeGameProof calldata evidence,
        GameLayout memory slots
    ) private view returns (address game) {
        bytes32 storageRoot = L1Contracts.open(_factory, l1StateRoot, evidence.factory);
        bytes32 uuid = keccak256(abi.encode(gameType, rootClaim, abi.encodePacked(extraData)));
        bytes32 slot = L1Contracts.mappingSlot(uuid, slots.disputeGames);
        game = address(uint160(StateProof.verifyStorage(storageRoot, slot, evidence.gameIdNodes)));
        if (game == address(0)) revert GameNotRegistered(uuid);
    }

    function _requireDefended(
        bytes32 l1StateRoot,
        uint64 l1Timestamp,
        address game,
        DisputeGameProof calldata evidence,
        GameLayout memory slots
    ) private view returns (uint64 createdAt) {
        (bytes32 storageRoot, bytes32 codeHash) =
            StateProof.verifyAccount(l1StateRoot, game, evidence.gameNodes);
        if (codeHash != keccak256(evidence.code)) {
            revert L1Contracts.CodeHashMismatch(game, keccak256(evidence.code), codeHash);
        }
        uint256 state = StateProof.verifyStorage(storageRoot, 0, evidence.stateNodes);
        uint256 status = uint8(state >> 128);
        if (status != DEFENDER_WINS) revert GameNotDefended(status);
        uint64 resolvedAt = uint64(state >> 64);
        if (uint256(resolvedAt) + airgapSeconds >= l1Timestamp) {
            revert AirgapNotOver(resolvedAt, airgapSeconds, l1Timestamp);
        }
        uint256 respected = StateProof.verifyStorage(
            storageRoot, bytes32(uint256(slots.respected)), evidence.respectedNodes
        );
        if (uint8(respected >> (8 * uint256(slots.respectedByte))) != 1) {
            revert GameNotRespected(game);
        }
        return uint64(state);
    }

    function _requireStanding(
        bytes32 l1StateRoot,
        address game,
        uint64 createdAt,
        DisputeGameProof calldata evidence,
        GameLayout memory slots
    ) private view {
        bytes32 storageRoot = L1Contracts.open(_registry, l1StateRoot, evidence.registry);
        uint256 readFactory = StateProof.verifyStorage(
            storageRoot, bytes32(uint256(slots.registryFactory)), evidence.registryFactoryNodes
        );
        if (address(uint160(readFactory)) != _factory.account) {
            revert RegistryOfAnotherFactory(readFactory);
        }
        bytes32 slot = L1Contracts.mappingSlot(bytes32(uint256(uint160(game))), slots.blacklist);
        if (StateProof.verifyStorage(storageRoot, slot, evidence.blacklistNodes) != 0) {
            revert GameBlacklisted(game);
        }
        uint256 retirement = StateProof.verifyStorage(
            storageRoot, bytes32(uint256(slots.retirement)), evidence.retirementNodes
        );
        uint64 retiredUntil = uint64(retirement >> 32);
        if (createdAt <= retiredUntil) revert GameRetired(createdAt, retiredUntil);
    }

    /// @dev The proof in calldata; the language checks the bounds of each list when it is read.
    function _view(bytes calldata proof)
        private
        pure
        returns (DisputeGameProof calldata evidence)
    {
        assembly ("memory-safe") {
            evidence := add(proof.offset, calldataload(proof.offset))
        }
    }
}
