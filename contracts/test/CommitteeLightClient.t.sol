// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {Execution} from "../src/light/ethereum/Execution.sol";
import {
    AttesterSet,
    CommitteeConfiguration,
    Handover,
    ICommitteeLightClient
} from "../src/interfaces/ICommitteeLightClient.sol";
import {ILightClient} from "../src/interfaces/ILightClient.sol";
import {Quorum} from "../src/proof/Quorum.sol";
import {Rlp} from "../src/proof/Rlp.sol";
import {Fixture} from "./Fixture.sol";

contract CommitteeLightClientTest is Fixture {
    ICommitteeLightClient private client;
    uint256[] private keys;

    bytes32 private constant ROOT = keccak256("state");

    function setUp() public override {
        super.setUp();
        client = onHome[1];
        keys = committeeKeys[1];
    }

    function _data(bytes memory header, uint64 height) private view returns (bytes memory) {
        return _encode(header, _sign(client.headerDigest(1, height, keccak256(header)), keys, 3));
    }

    function _encode(bytes memory header, bytes[] memory signatures)
        private
        pure
        returns (bytes memory)
    {
        return abi.encode(header, signatures, 1, new Handover[](0));
    }

    function _store(uint64 height, uint64 timestamp) private returns (bytes memory header) {
        header = _header(height, ROOT, timestamp);
        client.update(_data(header, height));
    }

    // --------------------------------------------------------------------------- update

    function test_update_storesTheDecodedHeader() public {
        bytes memory header = _header(5, ROOT, START);
        vm.expectEmit(address(client));
        emit ILightClient.HeaderStored(5, keccak256(header), ROOT, START);
        client.update(_data(header, 5));
        (bytes32 stateRoot, uint64 timestamp) = client.headerAt(5);
        vm.assertEq(stateRoot, ROOT, "state root");
        vm.assertEq(timestamp, uint256(START), "timestamp");
        vm.assertEq(client.latestHeight(), uint256(5), "latest");
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.ACTIVE), "status");
    }

    function test_update_ignoresAHeaderItHolds() public {
        bytes memory header = _store(5, START);
        _store(6, START);
        client.update(_data(header, 5));
        client.update(_encode(header, new bytes[](0)));
        vm.assertEq(client.latestHeight(), uint256(6), "latest");
    }

    function test_update_acceptsHeadersOfEveryFork() public {
        for (uint256 fields = 15; fields <= 32; ++fields) {
            uint64 height = uint64(fields);
            bytes memory header = _headerOf(fields, height);
            client.update(_data(header, height));
            vm.assertEq(client.latestHeight(), uint256(height), "latest");
        }
    }

    /// @dev A header cut to, or extended with unknown fields to, a number of fields.
    function _headerOf(uint256 count, uint64 height) private pure returns (bytes memory) {
        bytes[] memory known = _headerFields(height, ROOT, START);
        bytes[] memory fields = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            fields[i] = i < known.length ? known[i] : RLP.encode(i);
        }
        return RLP.encode(fields);
    }

    function test_update_revertsWhenTooFewOrTooManyFields() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 count = i == 0 ? 14 : 33;
            bytes memory data = _data(_headerOf(count, 5), 5);
            vm.expectRevert(abi.encodeWithSelector(Execution.HeaderFieldCount.selector, count));
            client.update(data);
        }
    }

    function test_update_revertsWhenHeightDoesNotIncrease() public {
        _store(5, START);
        bytes memory sibling = _data(_header(5, ROOT, START + 1), 5);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitteeLightClient.HeightNotIncreasing.selector, 5, 5)
        );
        client.update(sibling);
        bytes memory older = _data(_header(4, ROOT, START), 4);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitteeLightClient.HeightNotIncreasing.selector, 4, 5)
        );
        client.update(older);
    }

    function test_update_revertsWhenTimeGoesBack() public {
        _store(5, START);
        bytes memory data = _data(_header(6, ROOT, START - 1), 6);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICommitteeLightClient.TimestampDecreasing.selector, START - 1, START
            )
        );
        client.update(data);
        _store(6, START);
    }

    function test_update_revertsWhenHeightOrStateRootIsZero() public {
        bytes memory data = _data(_header(0, ROOT, START), 0);
        vm.expectRevert(abi.encodeWithSelector(Execution.ZeroHeader.selector));
        client.update(data);
        data = _data(_header(5, 0, START), 5);
        vm.expectRevert(abi.encodeWithSelector(Execution.ZeroHeader.selector));
        client.update(data);
    }

    function test_update_revertsWhenTheHeaderIsTooLarge() public {
        bytes[] memory fields = _headerFields(5, ROOT, START);
        fields[12] = RLP.encode(new bytes(2048));
        bytes memory header = RLP.encode(fields);
        bytes memory data = _data(header, 5);
        vm.expectRevert(abi.encodeWithSelector(Execution.HeaderTooLarge.selector, header.length));
        client.update(data);
    }

    function test_update_revertsWhenTheHeaderIsNotCanonical() public {
        bytes[5] memory wrong = [
            bytes(hex"8105"), // a byte below 0x80 needs no prefix
            hex"820005", // a leading zero
            hex"8900000000000000000005", // longer than 8 bytes
            hex"c105", // a list
            hex"b80105" // a long form for a short string
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            bytes[] memory fields = _headerFields(5, ROOT, START);
            fields[8] = wrong[i];
            bytes memory data = _data(RLP.encode(fields), 5);
            vm.expectPartialRevert(Rlp.InvalidRlp.selector);
            client.update(data);
        }
        bytes memory header = _header(5, ROOT, START);
        bytes memory extended = _data(bytes.concat(header, hex"00"), 5);
        vm.expectPartialRevert(Rlp.InvalidRlp.selector);
        client.update(extended);
        assembly ("memory-safe") {
            mstore(header, sub(mload(header), 1))
        }
        bytes memory cut = _data(header, 5);
        vm.expectPartialRevert(Rlp.InvalidRlp.selector);
        client.update(cut);
    }

    function test_update_revertsWhenQuorumIsMissedForeignOrOfAnotherEpoch() public {
        bytes memory header = _header(5, ROOT, START);
        bytes32 hash = keccak256(header);
        bytes memory two = _encode(header, _sign(client.headerDigest(1, 5, hash), keys, 2));
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumNotReached.selector, 2, 3));
        client.update(two);

        bytes32[3] memory foreign = [
            harness.committeeDigest(client.clearinghouseId(), chainIds[1], 2, 5, hash),
            harness.committeeDigest(client.clearinghouseId(), chainIds[2], 1, 5, hash),
            harness.committeeDigest("another", chainIds[1], 1, 5, hash)
        ];
        for (uint256 i = 0; i < foreign.length; ++i) {
            vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
            client.update(_encode(header, _sign(foreign[i], keys, 3)));
        }
        vm.assertEq(
            client.headerDigest(1, 5, hash),
            harness.committeeDigest(client.clearinghouseId(), chainIds[1], 1, 5, hash),
            "the digest that is signed"
        );
    }

    function test_update_keepsThePlaceOfAHeaderUntilANewerOneTakesIt() public {
        _store(5, START);
        _store(5 + 250, START);
        (bytes32 kept,) = client.headerAt(5);
        vm.assertEq(kept, ROOT, "still there");
        _store(5 + 251, START);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.UnknownHeader.selector, 5));
        client.headerAt(5);
        client.headerAt(5 + 251);
    }

    function test_headerAt_revertsForWhatWasNeverStored() public {
        uint64[3] memory unknown = [0, 5, type(uint64).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ILightClient.UnknownHeader.selector, unknown[i])
            );
            client.headerAt(unknown[i]);
        }
    }

    function testFuzz_update_neverStoresUnsignedBytes(uint256 position, uint8 flip) public {
        vm.assume(flip != 0);
        bytes memory header = _header(5, ROOT, START);
        bytes[] memory signatures = _sign(client.headerDigest(1, 5, keccak256(header)), keys, 3);
        position = _bound(position, 0, header.length - 1);
        header[position] ^= bytes1(flip);
        (bool success,) = address(client)
            .call(abi.encodeCall(ILightClient.update, (_encode(header, signatures))));
        vm.assertTrue(!success, "refused");
        vm.assertEq(client.latestHeight(), uint256(0), "nothing stored");
    }

    // --------------------------------------------------------------------------- freeze

    function _evidence(uint64 height, bytes32 a, bytes32 b) private view returns (bytes memory) {
        bytes[] memory forA = _sign(client.headerDigest(1, height, a), keys, 3);
        bytes[] memory forB = _sign(client.headerDigest(1, height, b), keys, 3);
        return abi.encode(height, a, forA, b, forB, 1, 1);
    }

    function test_freeze_stopsTheClientForEver() public {
        _store(5, START);
        bytes memory evidence = _evidence(9, "a", "b");
        vm.expectEmit(address(client));
        emit ILightClient.ClientFrozen(9, "a", "b");
        client.freeze(evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.FROZEN), "status");
        bytes memory data = _data(_header(6, ROOT, START), 6);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.AlreadyFrozen.selector));
        client.update(data);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.AlreadyFrozen.selector));
        client.freeze(evidence);
    }

    function test_freeze_revertsWhenNothingIsProven() public {
        bytes memory same = _evidence(9, "a", "a");
        vm.expectRevert(
            abi.encodeWithSelector(ICommitteeLightClient.NotEquivocation.selector, bytes32("a"))
        );
        client.freeze(same);

        bytes[] memory forA = _sign(client.headerDigest(1, 9, "a"), keys, 3);
        bytes[] memory otherHeight = _sign(client.headerDigest(1, 10, "b"), keys, 3);
        vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
        client.freeze(abi.encode(9, bytes32("a"), forA, bytes32("b"), otherHeight, 1, 1));

        bytes[] memory tooFew = _sign(client.headerDigest(1, 9, "b"), keys, 2);
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumNotReached.selector, 2, 3));
        client.freeze(abi.encode(9, bytes32("a"), forA, bytes32("b"), tooFew, 1, 1));
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.ACTIVE), "status");
    }

    // --------------------------------------------------------------------------- epochs

    function _handOver(uint64 lastHeight, uint256[] memory nextKeys) private {
        Handover[] memory handovers = new Handover[](1);
        bytes memory members;
        for (uint256 i = 0; i < nextKeys.length; ++i) {
            members = bytes.concat(members, bytes20(vm.addr(nextKeys[i])));
        }
        AttesterSet memory next = AttesterSet(3, members, new bytes[](0));
        bytes32 digest = client.handoverDigest(1, lastHeight, 3, members);
        handovers[0] = Handover(1, lastHeight, next, _sign(digest, keys, 3));
        client.update(abi.encode("", new bytes[](0), 0, handovers));
    }

    function testFuzz_update_takesAHeightFromItsOwnEpochAlone(
        uint64 lastHeight,
        uint64 height,
        bool isOld,
        uint64 waited
    ) public {
        lastHeight = uint64(_bound(lastHeight, 0, type(uint64).max - 1));
        height = uint64(_bound(height, 1, type(uint64).max));
        (uint256[] memory nextKeys,) = _keys("next committee", 4);
        _handOver(lastHeight, nextKeys);
        waited = uint64(_bound(waited, 0, 2 hours));
        vm.warp(START + waited);
        bool isIts = isOld ? height <= lastHeight && waited <= 1 hours : height > lastHeight;
        uint64 epoch = isOld ? 1 : 2;
        bytes memory header = _header(height, ROOT, START);
        bytes32 digest = client.headerDigest(epoch, height, keccak256(header));
        bytes[] memory signatures = _sign(digest, isOld ? keys : nextKeys, 3);
        bytes memory data = abi.encode(header, signatures, epoch, new Handover[](0));
        (bool success,) = address(client).call(abi.encodeCall(ILightClient.update, (data)));
        vm.assertEq(success, isIts, "taken");
        vm.assertEq(client.latestHeight(), uint256(isIts ? height : 0), "latest");
    }

    // ---------------------------------------------------------------------- construction

    function test_constructor_revertsWhenItWouldFollowNothing() public {
        CommitteeConfiguration memory one = _configuration();
        one.clearinghouseId = 0;
        _refuse(abi.encode(one));
        one = _configuration();
        one.chainId = 0;
        _refuse(abi.encode(one));
        one = _configuration();
        one.trustingSeconds = 0;
        _refuse(abi.encode(one));
        one = _configuration();
        one.overlapSeconds = one.trustingSeconds + 1;
        _refuse(abi.encode(one));
    }

    function test_constructor_revertsWhenTheThresholdIsNoMajority() public {
        uint32[3] memory wrong = [uint32(0), 5, 2]; // with two, two quorums could be disjoint
        for (uint256 i = 0; i < wrong.length; ++i) {
            CommitteeConfiguration memory one = _configuration();
            one.attesters.threshold = wrong[i];
            _refuse(abi.encode(one));
        }
    }

    function _configuration() private view returns (CommitteeConfiguration memory) {
        (, address[] memory members) = _keys("committee 20", 4);
        return _committee("id", chainIds[1], members);
    }

    function _refuse(bytes memory arguments) private {
        bytes memory code =
            bytes.concat(vm.getCode("CommitteeLightClient.sol:CommitteeLightClient"), arguments);
        address created;
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
        }
        vm.assertEq(created, address(0), "refused");
    }
}
