// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "./Commitment.sol";
import {IAnchor} from "./interfaces/IAnchor.sol";
import {ILightClient} from "./interfaces/ILightClient.sol";
import {Quorum} from "./proof/Quorum.sol";
import {AssetConfiguration, OperatorSet, Peer, Phase, Windows} from "./Types.sol";

/// @title What an anchor stores, and how it is set up
/// @dev The first five slots are read by other chains through storage proofs; their places are part
/// of the protocol and compared with the compiler's layout by a test. Everything that never changes
/// is in the code, which the peers bind by its hash.
abstract contract AnchorState is IAnchor {
    /// @dev What the last committed leg says of an asset; one slot. After a freeze `claims` falls
    /// with every claim that is paid.
    struct LegState {
        uint128 claims;
        uint64 depositCursor;
        uint64 exitCursor;
    }

    /// @dev Four slots, grouped by who reads them: payments, requests, legs, payments.
    struct Asset {
        address token;
        uint96 tokenUnitsPerQuantum;
        uint64 minimumDepositQuanta;
        uint64 depositCount;
        uint64 exitCount;
        LegState last;
        uint128 unclaimedReleases;
        uint128 refundedDeposits;
    }

    struct PeerState {
        address anchor;
        address client;
        bytes32 codeHash;
        /// On home: the leg that the peer last committed.
        bytes32 legHash;
    }

    /// @dev What the next settlement must continue; one slot. Only home uses the last three.
    struct Progress {
        uint64 sequence;
        uint64 cycle;
        uint64 cutTime;
        uint64 journalCount;
    }

    struct Commit {
        uint64 sequence;
        uint64 committedAt;
    }

    // slots 0 to 4: proven by other chains
    mapping(bytes32 settlementId => Phase) internal _phase;
    mapping(uint32 assetId => mapping(uint256 index => Deposit)) internal _deposits;
    mapping(uint32 assetId => mapping(uint256 index => Exit)) internal _exits;
    /// @inheritdoc IAnchor
    bytes32 public operatorSetHash;
    /// @inheritdoc IAnchor
    bool public frozen;

    // from here on: private to this chain
    /// @dev In flight exactly while its phase is PREPARED: rewriting this word is cheaper than
    /// filling and clearing one for every settlement.
    bytes32 internal _lastPrepared;
    /// @inheritdoc IAnchor
    bytes32 public lastCommitted;
    /// @inheritdoc IAnchor
    bytes32 public lastLeg;
    Progress internal _progress;
    mapping(bytes32 settlementId => Commit) internal _commits;
    mapping(uint32 assetId => Asset) internal _assets;
    mapping(uint256 chainId => PeerState) internal _peers;
    /// @inheritdoc IAnchor
    uint64 public finalSequence;
    bool internal _initialized;
    /// @dev Unix seconds of the last warning; in force while no leg committed at or after it.
    uint64 internal _warnedAt;
    /// @dev Unix seconds, 0 if never. Says what `frozen` says, in a slot that is read anyway.
    uint64 internal _frozenAt;
    uint32[] internal _assetIds;
    uint256[] private _chainIds;
    uint256[] private _peerChainIds;

    /// @inheritdoc IAnchor
    bytes32 public immutable clearinghouseId;
    /// @inheritdoc IAnchor
    uint256 public immutable homeChainId;
    /// @inheritdoc IAnchor
    bool public immutable isHome;
    bytes32 internal immutable _domain;
    bytes32 internal immutable _assetIdsHash;
    address private immutable _deployer;
    uint64 internal immutable _challengeSeconds;
    uint64 internal immutable _graceSeconds;
    uint64 internal immutable _stallSeconds;
    uint64 internal immutable _freezeDelaySeconds;
    uint64 internal immutable _maxDecideSeconds;
    uint64 internal immutable _clientLatencySeconds;

    constructor(
        bytes32 salt,
        uint256 homeChainId_,
        uint256[] memory chainIds,
        Windows memory windows_,
        OperatorSet memory operators,
        AssetConfiguration[] memory assets
    ) {
        _requireChains(homeChainId_, chainIds);
        _requireWindows(windows_);
        Quorum.requireValidSet(operators.signers, operators.threshold);

        clearinghouseId = Commitment.clearinghouseId(salt, homeChainId_, chainIds, windows_);
        _domain = Commitment.domainSeparator(clearinghouseId);
        homeChainId = homeChainId_;
        isHome = block.chainid == homeChainId_;
        _deployer = msg.sender;
        _challengeSeconds = windows_.challengeSeconds;
        _graceSeconds = windows_.graceSeconds;
        _stallSeconds = windows_.stallSeconds;
        _freezeDelaySeconds = windows_.freezeDelaySeconds;
        _maxDecideSeconds = windows_.maxDecideSeconds;
        _clientLatencySeconds = windows_.clientLatencySeconds;
        operatorSetHash = Commitment.operatorSetHash(operators);
        _chainIds = chainIds;
        _assetIdsHash = _configure(assets);
    }

    /// @inheritdoc IAnchor
    function initialize(Peer[] calldata peers_) external {
        if (msg.sender != _deployer) revert NotDeployer(msg.sender);
        if (_initialized) revert AlreadyInitialized();
        uint256 expected = isHome ? _chainIds.length - 1 : 1;
        if (peers_.length != expected) revert PeersIncomplete(peers_.length, expected);
        uint256 next = 0;
        for (uint256 i = 0; i < expected; ++i) {
            Peer calldata peer = peers_[i];
            uint256 chainId = homeChainId;
            if (isHome) {
                if (_chainIds[next] == homeChainId) ++next;
                chainId = _chainIds[next++];
            }
            if (
                peer.chainId != chainId || peer.anchor == address(0) || peer.codeHash == 0
                    || peer.client == address(0) || ILightClient(peer.client).chainId() != chainId
            ) revert PeerInvalid(i, peer.chainId);
            _peers[chainId] = PeerState(peer.anchor, peer.client, peer.codeHash, 0);
            _peerChainIds.push(chainId);
        }
        _initialized = true;
        emit PeersSet(peers_);
    }

    /// @inheritdoc IAnchor
    function phase(bytes32 settlementId) public view returns (Phase) {
        Phase stored = _phase[settlementId];
        if (stored == Phase.COMMITTED && _commits[settlementId].sequence <= finalSequence) {
            return Phase.FINAL;
        }
        return stored;
    }

    /// @inheritdoc IAnchor
    function inFlight() public view returns (bytes32) {
        bytes32 id = _lastPrepared;
        return _phase[id] == Phase.PREPARED ? id : bytes32(0);
    }

    /// @inheritdoc IAnchor
    function commitOf(bytes32 settlementId)
        external
        view
        returns (uint64 sequence, uint64 committedAt)
    {
        Commit storage record = _commits[settlementId];
        return (record.sequence, record.committedAt);
    }

    /// @inheritdoc IAnchor
    function lastLegOf(uint256 chainId) external view returns (bytes32) {
        return _peers[chainId].legHash;
    }

    /// @inheritdoc IAnchor
    function assetIds() external view returns (uint32[] memory) {
        return _assetIds;
    }

    /// @inheritdoc IAnchor
    function peers() external view returns (Peer[] memory list) {
        list = new Peer[](_peerChainIds.length);
        for (uint256 i = 0; i < list.length; ++i) {
            PeerState storage peer = _peers[_peerChainIds[i]];
            list[i] = Peer(_peerChainIds[i], peer.anchor, peer.codeHash, peer.client);
        }
    }

    /// @inheritdoc IAnchor
    function windows() external view returns (Windows memory) {
        return Windows(
            _challengeSeconds,
            _graceSeconds,
            _stallSeconds,
            _freezeDelaySeconds,
            _maxDecideSeconds,
            _clientLatencySeconds
        );
    }

    function _applyAbort(bytes32 id) internal {
        _phase[id] = Phase.ABORTED;
        emit Aborted(id);
    }

    function _applyFinal(bytes32 id, uint64 sequence) internal {
        _phase[id] = Phase.FINAL;
        finalSequence = sequence;
        emit Finalized(id, sequence);
    }

    function _requireRole(bool home) internal view {
        if (isHome != home) revert WrongRole(isHome);
    }

    /// @dev Once frozen for ever: nothing new comes in.
    function _requireOpen() internal view {
        if (!_initialized) revert NotInitialized();
        if (_frozenAt != 0) revert AnchorFrozen();
    }

    function _getAsset(uint32 assetId) internal view returns (Asset storage asset) {
        asset = _assets[assetId];
        if (asset.token == address(0)) revert UnknownAsset(assetId);
    }

    function _peerCount() internal view returns (uint256) {
        return _peerChainIds.length;
    }

    /// @dev Ids are committed to in the code, so preparing a leg reads no list from storage.
    function _hashAssetIds(bytes memory packedIds) internal pure returns (bytes32) {
        return keccak256(packedIds);
    }

    function _configure(AssetConfiguration[] memory assets) private returns (bytes32) {
        bytes memory packedIds;
        for (uint256 i = 0; i < assets.length; ++i) {
            AssetConfiguration memory asset = assets[i];
            bool valid = asset.token.code.length != 0 && asset.tokenUnitsPerQuantum != 0
                && asset.tokenUnitsPerQuantum <= type(uint96).max
                && asset.minimumDepositQuanta != 0;
            for (uint256 j = 0; j < i; ++j) {
                valid =
                    valid && assets[j].assetId < asset.assetId && assets[j].token != asset.token;
            }
            if (!valid) revert AssetConfigurationInvalid(i);
            Asset storage stored = _assets[asset.assetId];
            stored.token = asset.token;
            stored.tokenUnitsPerQuantum = uint96(asset.tokenUnitsPerQuantum);
            stored.minimumDepositQuanta = asset.minimumDepositQuanta;
            _assetIds.push(asset.assetId);
            packedIds = abi.encodePacked(packedIds, asset.assetId);
        }
        return _hashAssetIds(packedIds);
    }

    function _requireChains(uint256 home, uint256[] memory chainIds) private view {
        bool hasHome = false;
        bool hasThis = false;
        uint256 previous = 0;
        for (uint256 i = 0; i < chainIds.length; ++i) {
            if (chainIds[i] <= previous) revert ChainIdsInvalid(home, chainIds[i]);
            previous = chainIds[i];
            hasHome = hasHome || chainIds[i] == home;
            hasThis = hasThis || chainIds[i] == block.chainid;
        }
        if (!hasHome || !hasThis) revert ChainIdsInvalid(home, block.chainid);
    }

    /// @dev Whoever must act within one of these windows first waits for a decision elsewhere and
    /// for the light client that carries it.
    function _requireWindows(Windows memory windows_) private pure {
        uint64 minimum = windows_.maxDecideSeconds + windows_.clientLatencySeconds;
        if (windows_.graceSeconds <= minimum) {
            revert WindowTooShort(windows_.graceSeconds, minimum);
        }
        if (windows_.stallSeconds <= minimum) {
            revert WindowTooShort(windows_.stallSeconds, minimum);
        }
        if (windows_.freezeDelaySeconds <= minimum) {
            revert WindowTooShort(windows_.freezeDelaySeconds, minimum);
        }
    }
}
