// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {Quorum} from "../src/proof/Quorum.sol";
import {AssetConfiguration, OperatorSet, Peer, Windows} from "../src/Types.sol";
import {Fixture} from "./Fixture.sol";

/// @notice Construction and the naming of peers.
contract AnchorStateTest is Fixture {
    function test_constructor_namesOneClearinghouseOnAllChains() public view {
        bytes32 id = harness.clearinghouseId("salt", chainIds[HOME], chainIds, windows);
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            IAnchor anchor = anchors[chain];
            vm.assertEq(anchor.clearinghouseId(), id, "id");
            vm.assertEq(anchor.homeChainId(), chainIds[HOME], "home");
            vm.assertEq(anchor.isHome(), chain == HOME, "role");
            vm.assertEq(abi.encode(anchor.windows()), abi.encode(windows), "windows");
            vm.assertEq(anchor.operatorSetHash(), harness.operatorSetHash(operators), "operators");
            vm.assertEq(abi.encode(anchor.peers()), abi.encode(_peersOf(chain)), "peers");
            vm.assertEq(anchor.assetIds().length, uint256(2), "assets");
            vm.assertEq(anchor.assetState(ETH).token, address(tokens[chain][1]), "token");
        }
    }

    function test_constructor_namesAnotherClearinghouseWhenAnythingDiffers() public view {
        bytes32 id = anchors[HOME].clearinghouseId();
        Windows memory other = windows;
        ++other.challengeSeconds;
        bytes32 home = harness.clearinghouseId("salt", chainIds[1], chainIds, windows);
        bytes32 salt = harness.clearinghouseId("salt2", chainIds[HOME], chainIds, windows);
        bytes32 window = harness.clearinghouseId("salt", chainIds[HOME], chainIds, other);
        vm.assertTrue(id != home && id != salt && id != window, "distinct");
    }

    function test_constructor_revertsWhenChainIdsAreUnsortedOrIncomplete() public {
        uint256[] memory ids = chainIds;
        vm.chainId(chainIds[HOME]);
        (ids[1], ids[2]) = (ids[2], ids[1]);
        _refuse(ids, windows, operators, _assets(HOME), _chainIdsInvalid(20));
        ids[1] = ids[2];
        _refuse(ids, windows, operators, _assets(HOME), _chainIdsInvalid(20));
        (ids[0], ids[1], ids[2]) = (11, 20, 30);
        _refuse(ids, windows, operators, _assets(HOME), _chainIdsInvalid(10));
        vm.chainId(99);
        _refuse(chainIds, windows, operators, _assets(HOME), _chainIdsInvalid(99));
    }

    function _chainIdsInvalid(uint256 chainId) private view returns (bytes memory) {
        return abi.encodeWithSelector(IAnchor.ChainIdsInvalid.selector, chainIds[HOME], chainId);
    }

    function test_constructor_revertsWhenAWindowIsTooShort() public {
        vm.chainId(chainIds[HOME]);
        uint64 minimum = windows.maxDecideSeconds + windows.clientLatencySeconds;
        bytes memory expected =
            abi.encodeWithSelector(IAnchor.WindowTooShort.selector, minimum, minimum);
        Windows memory short = windows;
        short.graceSeconds = minimum;
        _refuse(chainIds, short, operators, _assets(HOME), expected);
        short.graceSeconds = minimum + 1;
        short.stallSeconds = minimum;
        _refuse(chainIds, short, operators, _assets(HOME), expected);
        short.stallSeconds = minimum + 1;
        short.freezeDelaySeconds = minimum;
        _refuse(chainIds, short, operators, _assets(HOME), expected);
        short.freezeDelaySeconds = minimum + 1;
        _newAnchor(chainIds, short, operators, _assets(HOME));
    }

    function test_constructor_revertsWhenOperatorsAreNoQuorum() public {
        vm.chainId(chainIds[HOME]);
        OperatorSet memory wrong = operators;
        wrong.threshold = 5;
        bytes memory expected = abi.encodeWithSelector(Quorum.ThresholdOutOfRange.selector, 5, 4);
        _refuse(chainIds, windows, wrong, _assets(HOME), expected);
        wrong.threshold = 3;
        wrong.signers[3] = wrong.signers[2];
        expected = abi.encodeWithSelector(Quorum.MembersNotIncreasing.selector, 3);
        _refuse(chainIds, windows, wrong, _assets(HOME), expected);
    }

    function test_constructor_revertsWhenAnAssetIsWrong() public {
        vm.chainId(chainIds[HOME]);
        for (uint256 i = 0; i < 7; ++i) {
            AssetConfiguration[] memory assets = _assets(HOME);
            if (i == 0) assets[1].assetId = USD;
            if (i == 1) assets[1].token = assets[0].token;
            if (i == 2) assets[1].token = address(0);
            if (i == 3) assets[1].token = address(0xdead); // no code
            if (i == 4) assets[1].tokenUnitsPerQuantum = 0;
            if (i == 5) assets[1].minimumDepositQuanta = 0;
            if (i == 6) assets[1].tokenUnitsPerQuantum = 1 << 96;
            _refuse(
                chainIds,
                windows,
                operators,
                assets,
                abi.encodeWithSelector(IAnchor.AssetConfigurationInvalid.selector, 1)
            );
        }
    }

    function _refuse(
        uint256[] memory ids,
        Windows memory windows_,
        OperatorSet memory operators_,
        AssetConfiguration[] memory assets,
        bytes memory expected
    ) private {
        bytes32 salt = "salt";
        bytes memory arguments =
            abi.encode(salt, chainIds[HOME], ids, windows_, operators_, assets);
        bytes memory code = bytes.concat(vm.getCode("Anchor.sol:Anchor"), arguments);
        address created;
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
            let size := returndatasize()
            code := mload(0x40)
            mstore(code, size)
            returndatacopy(add(code, 0x20), 0, size)
            mstore(0x40, add(code, add(0x3f, size)))
        }
        vm.assertEq(created, address(0), "refused");
        vm.assertEq(code, expected, "reason");
    }

    // ------------------------------------------------------------------------ initialize

    function _fresh(uint256 chain) private returns (IAnchor) {
        vm.chainId(chainIds[chain]);
        return _newAnchor(chainIds, windows, operators, _assets(chain));
    }

    function test_initialize_revertsWhenCalledTwiceOrByAnother() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AlreadyInitialized.selector));
        anchors[HOME].initialize(_peersOf(HOME));
        IAnchor anchor = _fresh(HOME);
        vm.prank(address(0xbad));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotDeployer.selector, address(0xbad)));
        anchor.initialize(_peersOf(HOME));
        anchor.initialize(_peersOf(HOME));
    }

    function test_initialize_revertsWhenPeersAreMissingOrExtra() public {
        IAnchor home = _fresh(HOME);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.PeersIncomplete.selector, 1, 2));
        home.initialize(_peersOf(1));
        IAnchor spoke = _fresh(1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.PeersIncomplete.selector, 2, 1));
        spoke.initialize(_peersOf(HOME));
    }

    function test_initialize_revertsWhenAPeerIsWrong() public {
        IAnchor home = _fresh(HOME);
        for (uint256 i = 0; i < 6; ++i) {
            Peer[] memory peers = _peersOf(HOME);
            if (i == 0) peers[1].chainId = peers[0].chainId;
            if (i == 1) peers[1].anchor = address(0);
            if (i == 2) peers[1].codeHash = 0;
            if (i == 3) peers[1].client = address(0);
            if (i == 4) peers[1].client = peers[0].client; // follows the other chain
            if (i == 5) peers[1].chainId = 77;
            vm.expectRevert(
                abi.encodeWithSelector(IAnchor.PeerInvalid.selector, 1, peers[1].chainId)
            );
            home.initialize(peers);
        }
        Peer[] memory swapped = _peersOf(HOME);
        (swapped[0], swapped[1]) = (swapped[1], swapped[0]);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.PeerInvalid.selector, 0, chainIds[2]));
        home.initialize(swapped);
    }

    function test_initialize_acceptsAHomeThatIsNotTheFirstChain() public {
        uint256[] memory ids = new uint256[](3);
        (ids[0], ids[1], ids[2]) = (5, chainIds[HOME], 20);
        vm.chainId(chainIds[HOME]);
        IAnchor home = _newAnchor(ids, windows, operators, _assets(HOME));
        Peer[] memory peers = _peersOf(HOME);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.PeerInvalid.selector, 0, 20));
        home.initialize(peers);
        bytes memory arguments =
            abi.encode(_committee(home.clearinghouseId(), 5, operators.signers));
        address client = vm.deployCode("CommitteeLightClient.sol", arguments);
        (peers[0], peers[1]) = (Peer(5, address(0x5), bytes32(uint256(1)), client), peers[0]);
        home.initialize(peers);
        vm.assertEq(abi.encode(home.peers()), abi.encode(peers), "peers");
    }
}
