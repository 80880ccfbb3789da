// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAnchor} from "../../src/interfaces/IAnchor.sol";
import {Phase} from "../../src/Types.sol";
import {Test} from "../Test.sol";
import {Handler} from "./Handler.sol";

/// @notice The protocol's invariants P1, P2, P4, P5 and P6 under random play. P3 (nets sum to zero)
/// concerns what members own, of which a chain sees only the sum: per chain it is P2.
contract InvariantsTest is Test {
    Handler private handler;

    uint256 private constant CHAINS = 3;
    uint256 private constant HOME = 0;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = Handler.deposit.selector;
        selectors[1] = Handler.propose.selector;
        selectors[2] = Handler.prepare.selector;
        selectors[3] = Handler.prepareEverywhere.selector;
        selectors[4] = Handler.commit.selector;
        selectors[5] = Handler.abort.selector;
        selectors[6] = Handler.finalize.selector;
        selectors[7] = Handler.claim.selector;
        selectors[8] = Handler.remember.selector;
        selectors[9] = Handler.wait.selector;
        _target(address(handler), selectors);
    }

    /// @notice All of them in one campaign: each alone would play the same games again. P5 and P6
    /// are watched by the handler, step by step.
    function invariant_holdsP1P2P4P5P6() public view {
        _assertP1();
        _assertP2();
        _assertP4();
        vm.assertEq(bytes(handler.violation()), "", handler.violation());
    }

    /// @dev P1: vault tokens = quanta x (claims + unclaimed releases + unconsumed deposits);
    /// equal, not more, because nobody gives tokens away here.
    function _assertP1() private view {
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            for (uint32 assetId = 1; assetId <= 2; ++assetId) {
                IAnchor anchor = handler.anchorOf(chain);
                IAnchor.AssetState memory state = anchor.assetState(assetId);
                uint256 owed =
                    uint256(state.claims) + state.unclaimedReleases + state.unconsumedDeposits;
                uint256 held = IERC20(state.token).balanceOf(address(anchor));
                vm.assertEq(held, owed * state.tokenUnitsPerQuantum, "P1");
            }
        }
    }

    /// @dev P2, summed over all legs: what was deposited and consumed is claimed, or was
    /// released, and of that it is unpaid or was paid.
    function _assertP2() private view {
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            for (uint32 assetId = 1; assetId <= 2; ++assetId) {
                IAnchor anchor = handler.anchorOf(chain);
                IAnchor.AssetState memory state = anchor.assetState(assetId);
                uint256 consumed = state.depositCursor == 0
                    ? 0
                    : anchor.deposits(assetId, state.depositCursor - 1).total;
                uint256 accounted =
                    uint256(state.claims) + state.unclaimedReleases + handler.paid(chain, assetId);
                vm.assertEq(accounted, consumed, "P2");
            }
        }
    }

    /// @dev P4: no settlement is COMMITTED on one chain and ABORTED on another; and a spoke is
    /// never ahead of home.
    function _assertP4() private view {
        for (uint256 i = 0; i < handler.proposalCount(); ++i) {
            Phase[3] memory list = handler.phases(i);
            bool committed = false;
            bool aborted = false;
            for (uint256 chain = 0; chain < CHAINS; ++chain) {
                committed =
                    committed || list[chain] == Phase.COMMITTED || list[chain] == Phase.FINAL;
                aborted = aborted || list[chain] == Phase.ABORTED;
                if (list[chain] == Phase.COMMITTED) {
                    vm.assertTrue(
                        list[0] == Phase.COMMITTED || list[0] == Phase.FINAL, "P4: ahead"
                    );
                }
                if (list[chain] == Phase.FINAL) {
                    vm.assertTrue(list[0] == Phase.FINAL, "P4: final");
                }
            }
            vm.assertTrue(!(committed && aborted), "P4");
        }
    }

    /// @notice The campaign means something only if the handler gets everywhere: drive it with
    /// fixed random numbers and require that every kind of step succeeded, and was refused.
    function test_handler_reachesEveryOutcome() public {
        for (uint256 i = 0; i < 800; ++i) {
            uint256 random = uint256(keccak256(abi.encode("play", i)));
            _play(random % 16, random >> 64, random >> 96, random >> 128, random >> 160);
            if (i % 100 == 99) invariant_holdsP1P2P4P5P6();
        }
        for (uint256 i = 0; i <= uint256(type(Handler.Action).max); ++i) {
            Handler.Action action = Handler.Action(i);
            vm.assertGe(
                handler.succeeded(action), 3, string.concat("succeeded: action ", vm.toString(i))
            );
            if (action == Handler.Action.DEPOSIT) continue;
            vm.assertGe(
                handler.refused(action), 3, string.concat("refused: action ", vm.toString(i))
            );
        }
        invariant_holdsP1P2P4P5P6();
    }

    function _play(uint256 action, uint256 a, uint256 b, uint256 c, uint256 d) private {
        if (action == 0) handler.deposit(a, b, uint64(c), d);
        if (action == 1) handler.propose(a);
        if (action == 2) handler.prepare(a, b);
        if (action == 3) handler.prepareEverywhere(a);
        if (action == 4 || action == 5 || action == 6) handler.commit(a, b, c);
        if (action == 7 || action == 8) handler.abort(a, b, c, d);
        if (action == 9) handler.finalize(a, b, c);
        if (action == 10) handler.finalize(a, b, c);
        if (action == 11) handler.claim(a, b, c, d);
        if (action == 12) handler.remember(a, b);
        if (action == 13) handler.wait(a, b % 4 == 0);
        if (action == 14) handler.prepareEverywhere(a | 1);
        if (action == 15) handler.commit(a | 1, HOME, 1);
    }
}
