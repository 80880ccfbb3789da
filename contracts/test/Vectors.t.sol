// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Fill,
    FillBatch,
    IVectorHarness,
    Order,
    PlacementLimit,
    Release
} from "../src/test/IVectorHarness.sol";
import {ChainEntry, Leg, LegAsset, OperatorSet, Settlement} from "../src/Types.sol";
import {Test} from "./Test.sol";

/// @notice What Python hashed, hashed again. Numbers are decimal strings and bytes 0x-hex; keys are
/// the Solidity names in snake case.
contract VectorsTest is Test {
    string private constant FILE = "../tests/vectors/commitment.json";

    IVectorHarness private harness;
    string private json;
    bytes32 private clearinghouseId;

    function setUp() public {
        harness = IVectorHarness(vm.deployCode("VectorHarness.sol:VectorHarness", ""));
        json = vm.readFile(FILE);
        clearinghouseId = _word(".clearinghouse_id");
    }

    // --------------------------------------------------------------------------- hashes

    function test_settlementId_equalsPython() public view {
        Settlement memory settlement;
        settlement.clearinghouseId = _word(".settlement.clearinghouse_id");
        settlement.cycle = _u64(".settlement.cycle");
        settlement.parent = _word(".settlement.parent");
        settlement.operatorEpoch = _u64(".settlement.operator_epoch");
        settlement.cutTime = _u64(".settlement.cut_time");
        settlement.journalCount = _u64(".settlement.journal_count");
        settlement.journalHead = _word(".settlement.journal_head");
        settlement.statementsRoot = _word(".settlement.statements_root");
        settlement.flowsRoot = _word(".settlement.flows_root");
        settlement.fillsRoot = _word(".settlement.fills_root");
        settlement.pricesRoot = _word(".settlement.prices_root");
        settlement.prepareDeadline = _u64(".settlement.prepare_deadline");
        settlement.decideBy = _u64(".settlement.decide_by");
        settlement.chains = new ChainEntry[](_count(".settlement.chains"));
        for (uint256 i = 0; i < settlement.chains.length; ++i) {
            string memory entry = _at(".settlement.chains", i);
            settlement.chains[i] = ChainEntry({
                chainId: _uint(string.concat(entry, ".chain_id")),
                anchor: _address(string.concat(entry, ".anchor")),
                legHash: _word(string.concat(entry, ".leg_hash")),
                active: vm.parseJsonBool(json, string.concat(entry, ".active"))
            });
        }
        vm.assertEq(settlement.clearinghouseId, clearinghouseId, "clearinghouse id");
        vm.assertEq(harness.settlementId(settlement), _word(".settlement_id"), "settlement id");
    }

    function test_legHash_equalsPython() public view {
        Leg memory leg = Leg({
            chainId: _uint(".leg.chain_id"),
            anchor: _address(".leg.anchor"),
            cycle: _u64(".leg.cycle"),
            parentLeg: _word(".leg.parent_leg"),
            assets: new LegAsset[](_count(".leg.assets")),
            dataHash: _word(".leg.data_hash")
        });
        for (uint256 i = 0; i < leg.assets.length; ++i) {
            string memory asset = _at(".leg.assets", i);
            leg.assets[i] = LegAsset({
                assetId: uint32(_uint(string.concat(asset, ".asset_id"))),
                claimsTree: _word(string.concat(asset, ".claims_tree")),
                claims: uint128(_uint(string.concat(asset, ".claims"))),
                releasesTree: _word(string.concat(asset, ".releases_tree")),
                released: uint128(_uint(string.concat(asset, ".released"))),
                depositCursor: _u64(string.concat(asset, ".deposit_cursor")),
                depositHash: _word(string.concat(asset, ".deposit_hash")),
                exitCursor: _u64(string.concat(asset, ".exit_cursor"))
            });
        }
        vm.assertEq(harness.legHash(leg), _word(".leg_hash"), "leg hash");
    }

    function test_operatorSetHash_equalsPython() public view {
        OperatorSet memory operators = OperatorSet({
            epoch: _u64(".operator_set.epoch"),
            threshold: uint32(_uint(".operator_set.threshold")),
            signers: vm.parseJsonAddressArray(json, ".operator_set.signers"),
            parametersHash: _word(".operator_set.parameters_hash")
        });
        vm.assertEq(harness.operatorSetHash(operators), _word(".operator_set_hash"), "hash");
    }

    // -------------------------------------------------------------------------- digests

    function test_orderDigest_equalsPython() public view {
        Order memory order = Order({
            member: _address(".order.member"),
            instrument: uint32(_uint(".order.instrument")),
            side: uint8(_uint(".order.side")),
            quantity: _u64(".order.quantity"),
            limitPrice: _u64(".order.limit_price"),
            maxFeeRate: uint32(_uint(".order.max_fee_rate")),
            expiry: _u64(".order.expiry"),
            nonce: _u64(".order.nonce"),
            venue: _address(".order.venue")
        });
        bytes32 digest = harness.orderDigest(clearinghouseId, order);
        vm.assertEq(digest, _word(".order_digest"), "order");
    }

    function test_placementLimitDigest_equalsPython() public view {
        PlacementLimit memory limit = PlacementLimit({
            member: _address(".placement_limit.member"),
            chainId: _uint(".placement_limit.chain_id"),
            assetId: uint32(_uint(".placement_limit.asset_id")),
            maximumQuanta: uint128(_uint(".placement_limit.maximum_quanta")),
            nonce: _u64(".placement_limit.nonce")
        });
        bytes32 digest = harness.placementLimitDigest(clearinghouseId, limit);
        vm.assertEq(digest, _word(".placement_limit_digest"), "placement limit");
    }

    function test_releaseDigest_equalsPython() public view {
        Release memory release = Release({
            member: _address(".release.member"),
            chainId: _uint(".release.chain_id"),
            assetId: uint32(_uint(".release.asset_id")),
            quanta: _u64(".release.quanta"),
            nonce: _u64(".release.nonce"),
            expiry: _u64(".release.expiry")
        });
        bytes32 digest = harness.releaseDigest(clearinghouseId, release);
        vm.assertEq(digest, _word(".release_digest"), "release");
    }

    function test_fillBatchDigest_equalsPython() public view {
        FillBatch memory batch = FillBatch({
            venue: _address(".fill_batch.venue"),
            batchId: _word(".fill_batch.batch_id"),
            fills: new Fill[](_count(".fill_batch.fills"))
        });
        for (uint256 i = 0; i < batch.fills.length; ++i) {
            string memory fill = _at(".fill_batch.fills", i);
            batch.fills[i] = Fill({
                buyOrder: _word(string.concat(fill, ".buy_order")),
                sellOrder: _word(string.concat(fill, ".sell_order")),
                quantity: _u64(string.concat(fill, ".quantity")),
                cash: _u64(string.concat(fill, ".cash"))
            });
        }
        bytes32 digest = harness.fillBatchDigest(clearinghouseId, batch);
        vm.assertEq(digest, _word(".fill_batch_digest"), "fill batch");
    }

    function test_committeeDigest_equalsPython() public view {
        bytes32 digest = harness.committeeDigest(
            clearinghouseId,
            _uint(".committee_header.chain_id"),
            _u64(".committee_header.epoch"),
            _u64(".committee_header.height"),
            _word(".committee_header.block_hash")
        );
        vm.assertEq(digest, _word(".committee_digest"), "committee header");
    }

    // ---------------------------------------------------------------------------- trees

    function test_claimsTree_equalsPython() public view {
        uint256 count = _count(".claims_tree.branches");
        vm.assertTrue(count != 0, "there are branches");
        for (uint256 i = 0; i < count; ++i) {
            string memory branch = _at(".claims_tree.branches", i);
            uint256 position = _uint(string.concat(branch, ".position"));
            (bytes32 leaf, uint128 sum) = _claimAt(position);
            _assertBranch(".claims_tree", branch, leaf, sum, position);
        }
    }

    function test_releasesTree_equalsPython() public view {
        uint256 count = _count(".releases_tree.branches");
        vm.assertTrue(count != 0, "there are branches");
        for (uint256 i = 0; i < count; ++i) {
            string memory branch = _at(".releases_tree.branches", i);
            uint64 index = _u64(string.concat(branch, ".index"));
            (bytes32 leaf, uint128 sum) = _releaseAt(index);
            _assertBranch(".releases_tree", branch, leaf, sum, index);
        }
    }

    /// @dev The leaf listed at a position, or the empty leaf if none is.
    function _claimAt(uint256 position) private view returns (bytes32, uint128) {
        uint256 count = _count(".claims_tree.leaves");
        for (uint256 i = 0; i < count; ++i) {
            string memory leaf = _at(".claims_tree.leaves", i);
            if (_uint(string.concat(leaf, ".position")) != position) continue;
            uint128 claim = uint128(_uint(string.concat(leaf, ".claim")));
            address member = _address(string.concat(leaf, ".member"));
            return (harness.claimLeaf(member, claim), claim);
        }
        return (0, 0);
    }

    function _releaseAt(uint64 index) private view returns (bytes32, uint128) {
        uint256 count = _count(".releases_tree.leaves");
        for (uint256 i = 0; i < count; ++i) {
            string memory leaf = _at(".releases_tree.leaves", i);
            if (_u64(string.concat(leaf, ".index")) != index) continue;
            uint128 quanta = uint128(_uint(string.concat(leaf, ".quanta")));
            address member = _address(string.concat(leaf, ".member"));
            return (harness.releaseLeaf(index, member, quanta), quanta);
        }
        return (0, 0);
    }

    function _assertBranch(
        string memory tree,
        string memory branch,
        bytes32 leaf,
        uint128 leafSum,
        uint256 position
    ) private view {
        uint256[] memory numbers =
            vm.parseJsonUintArray(json, string.concat(branch, ".sibling_sums"));
        uint128[] memory sums = new uint128[](numbers.length);
        for (uint256 i = 0; i < sums.length; ++i) {
            sums[i] = uint128(numbers[i]);
        }
        bytes32[] memory siblings =
            vm.parseJsonBytes32Array(json, string.concat(branch, ".siblings"));
        (bytes32 root, uint128 sum) = harness.treeRoot(leaf, leafSum, position, siblings, sums);
        vm.assertEq(root, _word(string.concat(tree, ".root")), "root");
        vm.assertEq(sum, _uint(string.concat(tree, ".sum")), "sum");
    }

    // -------------------------------------------------------------------------- reading

    function _uint(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function _u64(string memory key) private view returns (uint64) {
        return uint64(_uint(key));
    }

    function _word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function _address(string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, key);
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }

    function _count(string memory list) private view returns (uint256 count) {
        while (vm.keyExistsJson(json, _at(list, count))) ++count;
    }
}
