// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {
    CommitteeConfiguration,
    Handover,
    ICommitteeLightClient
} from "../src/interfaces/ICommitteeLightClient.sol";
import {SumTree} from "../src/proof/SumTree.sol";
import {IVectorHarness} from "../src/test/IVectorHarness.sol";
import {
    AssetConfiguration,
    ChainEntry,
    CounterProof,
    Leg,
    LegAsset,
    OperatorSet,
    Peer,
    Phase,
    Settlement,
    Windows
} from "../src/Types.sol";
import {SumTreeBuilder} from "./SumTreeBuilder.sol";
import {Test} from "./Test.sol";
import {TrieBuilder} from "./TrieBuilder.sol";

/// @notice What a test asks of `FaucetToken`.
interface IFaucetToken is IERC20 {
    function faucet(address to, uint256 amount) external;
}

/// @title A clearinghouse of three chains inside one EVM
/// @notice Chains are told apart by the chain id that forge pretends while one is called. Light
/// clients are the real ones and proofs are real: tries are built over the words that the other
/// anchor actually stores, and their root is put into a signed header.
abstract contract Fixture is Test {
    uint256 internal constant CHAINS = 3;
    uint256 internal constant HOME = 0;
    uint32 internal constant USD = 1;
    uint32 internal constant ETH = 2;
    uint256 internal constant USD_UNIT = 1;
    uint256 internal constant ETH_UNIT = 1e12;
    uint64 internal constant MINIMUM = 5;
    uint64 internal constant START = 1_700_000_000;

    uint256[] internal chainIds = [10, 20, 30];
    IAnchor[] internal anchors;
    IFaucetToken[2][] internal tokens;
    /// @dev onHome[i] follows chain i at home; onSpoke[i] follows home at chain i.
    ICommitteeLightClient[] internal onHome;
    ICommitteeLightClient[] internal onSpoke;
    IVectorHarness internal harness;
    uint256[] internal operatorKeys;
    OperatorSet internal operators;
    mapping(uint256 chain => uint256[]) internal committeeKeys;
    mapping(address client => uint64) internal heights;
    Windows internal windows = Windows({
        challengeSeconds: 600,
        graceSeconds: 900,
        stallSeconds: 3600,
        freezeDelaySeconds: 1800,
        maxDecideSeconds: 300,
        clientLatencySeconds: 60
    });

    function setUp() public virtual {
        vm.warp(START);
        harness = IVectorHarness(vm.deployCode("VectorHarness.sol", ""));
        (uint256[] memory keys, address[] memory signers) = _keys("operator", 4);
        operatorKeys = keys;
        operators =
            OperatorSet({epoch: 1, threshold: 3, signers: signers, parametersHash: bytes32(0)});
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            tokens.push([_newToken("USD", 6), _newToken("ETH", 18)]);
            vm.chainId(chainIds[chain]);
            anchors.push(_newAnchor(chainIds, windows, operators, _assets(chain)));
        }
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            onHome.push(_newClient(chain));
            onSpoke.push(_newClient(HOME));
        }
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            anchors[chain].initialize(_peersOf(chain));
        }
    }

    // ------------------------------------------------------------------------- set up

    // Contracts are deployed from forge's artifacts: `new` would compile each of them again into
    // every test contract, which takes the compiler half a minute apiece.
    function _newAnchor(
        uint256[] memory ids,
        Windows memory windows_,
        OperatorSet memory operators_,
        AssetConfiguration[] memory assets
    ) internal returns (IAnchor) {
        bytes32 salt = "salt";
        bytes memory arguments =
            abi.encode(salt, chainIds[HOME], ids, windows_, operators_, assets);
        return IAnchor(vm.deployCode("Anchor.sol:Anchor", arguments));
    }

    function _newToken(string memory symbol, uint8 decimals) internal returns (IFaucetToken) {
        bytes memory arguments = abi.encode(symbol, symbol, decimals);
        return IFaucetToken(vm.deployCode("FaucetToken.sol", arguments));
    }

    function _assets(uint256 chain) internal view returns (AssetConfiguration[] memory assets) {
        assets = new AssetConfiguration[](2);
        assets[0] = AssetConfiguration(USD, address(tokens[chain][0]), uint128(USD_UNIT), MINIMUM);
        assets[1] = AssetConfiguration(ETH, address(tokens[chain][1]), uint128(ETH_UNIT), MINIMUM);
    }

    function _peersOf(uint256 chain) internal view returns (Peer[] memory peers) {
        peers = new Peer[](chain == HOME ? CHAINS - 1 : 1);
        for (uint256 i = 0; i < peers.length; ++i) {
            uint256 peer = chain == HOME ? i + 1 : HOME;
            address client = address(chain == HOME ? onHome[peer] : onSpoke[chain]);
            peers[i] = Peer(
                chainIds[peer], address(anchors[peer]), address(anchors[peer]).codehash, client
            );
        }
    }

    function _newClient(uint256 chain) internal returns (ICommitteeLightClient) {
        (uint256[] memory keys, address[] memory members) =
            _keys(string.concat("committee ", vm.toString(chainIds[chain])), 4);
        committeeKeys[chain] = keys;
        CommitteeConfiguration memory configuration =
            _committee(anchors[chain].clearinghouseId(), chainIds[chain], members);
        return ICommitteeLightClient(
            vm.deployCode("CommitteeLightClient.sol", abi.encode(configuration))
        );
    }

    /// @dev Three of four attesters; nothing that these tests wait for makes a client expire.
    function _committee(bytes32 id, uint256 followed, address[] memory members)
        internal
        pure
        returns (CommitteeConfiguration memory configuration)
    {
        configuration.clearinghouseId = id;
        configuration.chainId = followed;
        configuration.epoch = 1;
        configuration.attesters.threshold = 3;
        for (uint256 i = 0; i < members.length; ++i) {
            configuration.attesters.members =
                bytes.concat(configuration.attesters.members, bytes20(members[i]));
        }
        configuration.trustingSeconds = 3650 days;
        configuration.overlapSeconds = 1 hours;
        configuration.driftSeconds = 1 hours;
    }

    /// @dev As if evidence had been brought: the top byte of the client's first word.
    function _freeze(ICommitteeLightClient client) internal {
        bytes32 head = vm.load(address(client), 0) | bytes32(uint256(1) << 248);
        vm.store(address(client), 0, head);
    }

    // ------------------------------------------------------------------------- deposits

    function _deposit(uint256 chain, uint32 assetId, uint64 quanta, address member)
        internal
        returns (uint64)
    {
        IFaucetToken token = tokens[chain][assetId - 1];
        uint256 amount = uint256(quanta) * (assetId == USD ? USD_UNIT : ETH_UNIT);
        token.faucet(address(this), amount);
        token.approve(address(anchors[chain]), amount);
        vm.chainId(chainIds[chain]);
        return anchors[chain].deposit(assetId, amount, member);
    }

    // ---------------------------------------------------------------------------- freeze

    /// @dev Leave someone's exit unanswered until the anchor can be frozen, and freeze it.
    function _freeze(uint256 chain) internal {
        vm.prank(address(0x1ea7e));
        anchors[chain].requestExit(USD, 1);
        vm.warp(block.timestamp + windows.graceSeconds + 1);
        anchors[chain].warn();
        vm.warp(block.timestamp + windows.freezeDelaySeconds + 1);
        anchors[chain].freeze();
    }

    // ---------------------------------------------------------------------- settlements

    /// @dev The leg that changes nothing but consumes all deposits of a chain and answers its exits.
    function _nextLeg(uint256 chain, uint64 cycle) internal view returns (Leg memory leg) {
        IAnchor anchor = anchors[chain];
        LegAsset[] memory assets = new LegAsset[](2);
        for (uint32 i = 0; i < 2; ++i) {
            IAnchor.AssetState memory state = anchor.assetState(i + 1);
            bytes32 hash = state.depositCount == 0
                ? bytes32(0)
                : anchor.deposits(i + 1, state.depositCount - 1).hash;
            assets[i] = LegAsset({
                assetId: i + 1,
                claimsTree: keccak256(abi.encode("claims", chain, cycle, i)),
                claims: state.claims + state.unconsumedDeposits,
                releasesTree: bytes32(0),
                released: 0,
                depositCursor: state.depositCount,
                depositHash: hash,
                exitCursor: state.exitCount
            });
        }
        leg = Leg({
            chainId: chainIds[chain],
            anchor: address(anchor),
            cycle: cycle,
            parentLeg: anchor.lastLeg(),
            assets: assets,
            dataHash: keccak256(abi.encode("data", cycle))
        });
    }

    function _nextLegs(uint64 cycle) internal view returns (Leg[] memory legs) {
        legs = new Leg[](CHAINS);
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            legs[chain] = _nextLeg(chain, cycle);
        }
    }

    function _settlement(uint64 cycle, Leg[] memory legs, bool[3] memory active)
        internal
        view
        returns (Settlement memory settlement)
    {
        settlement.clearinghouseId = anchors[HOME].clearinghouseId();
        settlement.cycle = cycle;
        settlement.parent = anchors[HOME].lastCommitted();
        settlement.operatorEpoch = operators.epoch;
        settlement.cutTime = uint64(block.timestamp);
        settlement.journalCount = cycle * 100;
        settlement.journalHead = keccak256(abi.encode("journal", cycle));
        settlement.prepareDeadline = uint64(block.timestamp) + 100;
        settlement.decideBy = uint64(block.timestamp) + 200;
        settlement.chains = new ChainEntry[](CHAINS);
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            bytes32 legHash = active[chain]
                ? harness.legHash(legs[chain])
                : anchors[HOME].lastLegOf(chainIds[chain]);
            settlement.chains[chain] =
                ChainEntry(chainIds[chain], address(anchors[chain]), legHash, active[chain]);
        }
    }

    function _signed(Settlement memory settlement) internal view returns (bytes[] memory) {
        return _sign(harness.settlementId(settlement), operatorKeys, operators.threshold);
    }

    function _prepare(uint256 chain, Settlement memory settlement, Leg memory leg) internal {
        bytes[] memory signatures = _signed(settlement);
        vm.chainId(chainIds[chain]);
        anchors[chain].prepare(settlement, leg, operators, signatures);
    }

    function _prepareAll(Settlement memory settlement, Leg[] memory legs) internal {
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            if (settlement.chains[chain].active) _prepare(chain, settlement, legs[chain]);
        }
    }

    function _commit(
        uint256 chain,
        Settlement memory settlement,
        Leg memory leg,
        CounterProof[] memory proofs
    ) internal {
        vm.chainId(chainIds[chain]);
        anchors[chain].commit(settlement, leg, proofs);
    }

    /// @dev One proof for each other active chain, of what its anchor holds now.
    function _proofsForHome(Settlement memory settlement)
        internal
        returns (CounterProof[] memory proofs)
    {
        bytes32 id = harness.settlementId(settlement);
        proofs = new CounterProof[](CHAINS - 1);
        uint256 count = 0;
        for (uint256 chain = 1; chain < CHAINS; ++chain) {
            if (settlement.chains[chain].active) {
                proofs[count++] = _prove(onHome[chain], chain, id);
            }
        }
        assembly ("memory-safe") {
            mstore(proofs, count)
        }
    }

    function _proofsForSpoke(uint256 chain, bytes32 id)
        internal
        returns (CounterProof[] memory proofs)
    {
        proofs = new CounterProof[](1);
        proofs[0] = _prove(onSpoke[chain], HOME, id);
    }

    /// @dev Prepare and commit a settlement on all its active chains.
    function _settle(Settlement memory settlement, Leg[] memory legs)
        internal
        returns (bytes32 id)
    {
        id = harness.settlementId(settlement);
        _prepareAll(settlement, legs);
        if (anchors[HOME].phase(id) == Phase.PREPARED) {
            _commit(HOME, settlement, legs[HOME], _proofsForHome(settlement));
        }
        for (uint256 chain = 1; chain < CHAINS; ++chain) {
            if (!settlement.chains[chain].active) continue;
            _commit(chain, settlement, legs[chain], _proofsForSpoke(chain, id));
        }
    }

    function _finalizeEverywhere(bytes32 id) internal {
        vm.warp(block.timestamp + windows.challengeSeconds + 1);
        anchors[HOME].finalize(id);
        for (uint256 chain = 1; chain < CHAINS; ++chain) {
            if (anchors[chain].phase(id) == Phase.COMMITTED) {
                anchors[chain].finalizeByProof(id, _prove(onSpoke[chain], HOME, id));
            }
        }
    }

    // --------------------------------------------------------------------------- proofs

    /// @dev Give `client` a signed header of what chain `subject` holds now, and prove in it the
    /// phase of a settlement.
    function _prove(ICommitteeLightClient client, uint256 subject, bytes32 id)
        internal
        returns (CounterProof memory proof)
    {
        bytes32 slot = keccak256(abi.encode(id, uint256(0)));
        address anchor = address(anchors[subject]);
        bytes32 storageRoot;
        (storageRoot, proof.storageProof) = _storageProof(anchor, slot);
        bytes32 stateRoot;
        (stateRoot, proof.accountProof) =
            TrieBuilder.proveAccount(anchor, storageRoot, anchor.codehash);
        proof.height = ++heights[address(client)];
        _update(client, subject, proof.height, stateRoot, uint64(block.timestamp));
    }

    /// @dev The trie of the slots that a test can tell, read from where the anchor keeps them.
    function _storageProof(address anchor, bytes32 slot)
        internal
        view
        returns (bytes32 root, bytes[] memory proof)
    {
        bytes32[] memory slots = new bytes32[](6);
        uint256[] memory words = new uint256[](6);
        for (uint256 i = 0; i < 5; ++i) {
            slots[i] = bytes32(i + 3);
        }
        slots[5] = slot;
        for (uint256 i = 0; i < 6; ++i) {
            words[i] = uint256(vm.load(anchor, slots[i]));
        }
        return TrieBuilder.proveStorage(slots, words, slot);
    }

    function _update(
        ICommitteeLightClient client,
        uint256 subject,
        uint64 height,
        bytes32 stateRoot,
        uint64 timestamp
    ) internal {
        bytes memory header = _header(height, stateRoot, timestamp);
        bytes32 digest = client.headerDigest(1, height, keccak256(header));
        bytes[] memory signatures = _sign(digest, committeeKeys[subject], 3);
        client.update(abi.encode(header, signatures, 1, new Handover[](0)));
    }

    /// @dev A header of the Prague fork: 21 fields.
    function _header(uint64 height, bytes32 stateRoot, uint64 timestamp)
        internal
        pure
        returns (bytes memory)
    {
        return RLP.encode(_headerFields(height, stateRoot, timestamp));
    }

    function _headerFields(uint64 height, bytes32 stateRoot, uint64 timestamp)
        internal
        pure
        returns (bytes[] memory fields)
    {
        fields = new bytes[](21);
        for (uint256 i = 0; i < 21; ++i) {
            fields[i] = RLP.encode(keccak256(abi.encode("field", i)));
        }
        fields[2] = RLP.encode(address(0xbeef));
        fields[3] = RLP.encode(stateRoot);
        fields[6] = RLP.encode(new bytes(256));
        fields[7] = RLP.encode(uint256(0));
        fields[8] = RLP.encode(uint256(height));
        fields[9] = RLP.encode(uint256(30_000_000));
        fields[10] = RLP.encode(uint256(21_000));
        fields[11] = RLP.encode(uint256(timestamp));
        fields[12] = RLP.encode(bytes("extra"));
        fields[14] = RLP.encode(bytes(hex"0000000000000000"));
    }

    // ------------------------------------------------------------------ claims, releases

    /// @dev A claims tree of two: `quanta[i]` of members[i] at position 3 + 4 * i; none of 0.
    function _claims(address[2] memory members, uint128[2] memory quanta)
        internal
        pure
        returns (SumTreeBuilder.Node[] memory nodes)
    {
        nodes = new SumTreeBuilder.Node[](2);
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 leaf = SumTree.claimLeaf(members[i], quanta[i]);
            nodes[i] = SumTreeBuilder.Node(3 + 4 * i, leaf, quanta[i]);
        }
    }

    /// @dev A releases tree of two: `quanta[0]` to members[0], `quanta[1]` to members[1].
    function _releases(address[2] memory members, uint128[2] memory quanta)
        internal
        pure
        returns (SumTreeBuilder.Node[] memory nodes)
    {
        nodes = new SumTreeBuilder.Node[](2);
        for (uint64 i = 0; i < 2; ++i) {
            bytes32 leaf = SumTree.releaseLeaf(i, members[i], quanta[i]);
            nodes[i] = SumTreeBuilder.Node(i, leaf, quanta[i]);
        }
    }
}
