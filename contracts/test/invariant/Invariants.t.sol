// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAnchor} from "../../src/interfaces/IAnchor.sol";
import {Phase} from "../../src/Types.sol";
import {Test} from "../Test.sol";
import {Handler} from "./Handler.sol";

/// @notice The protocol's invariants P1, P2, P4 to P7 and P10 under random play. P3 (nets sum to zero)
/// concerns what members own, of which a chain sees only the sum: per chain it is P2.
contract InvariantsTest is Test {
    Handler private handler;

    uint256 private constant CHAINS = 3;
    uint256 private constant HOME = 0;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
        bytes4[] memory selectors = new bytes4[](18);
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
        selectors[10] = Handler.requestExit.selector;
        selectors[11] = Handler.warn.selector;
        selectors[12] = Handler.freeze.selector;
        selectors[13] = Handler.resolve.selector;
        selectors[14] = Handler.exit.selector;
        selectors[15] = Handler.exit.selector;
        selectors[16] = Handler.refund.selector;
        selectors[17] = Handler.waitForFreeze.selector;
        _target(address(handler), selectors);
    }

    /// @notice All of them in one campaign: each alone would play the same games again. P5, P6, P7
    /// and P10 are watched by the handler, step by step.
    function invariant_holdsP1P2P4P5P6P7P10() public view {
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
                uint256 total = state.depositCount == 0
                    ? 0
                    : anchor.deposits(assetId, state.depositCount - 1).total;
                uint256 refunded = assetId == 1 ? handler.refundedQuanta(chain) : 0;
                vm.assertEq(total, consumed + state.unconsumedDeposits + refunded, "P2: refunds");
            }
        }
    }

    /// @dev P4: no settlement is COMMITTED on one chain and ABORTED on another; and a spoke is
    /// never ahead of home. A spoke that had to resolve without home's word is the only exception.
    function _assertP4() private view {
        for (uint256 i = 0; i < handler.proposalCount(); ++i) {
            Phase[3] memory list = handler.phases(i);
            bool committed = false;
            bool aborted = false;
            for (uint256 chain = 0; chain < CHAINS; ++chain) {
                if (handler.resolvedAlone(chain)) continue;
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
    /// fixed random numbers and require that every kind of step succeeded, and was refused. First
    /// settlements go on, as exits come and are answered; then the way out is taken to its end.
    function test_handler_reachesEveryOutcome() public {
        for (uint256 i = 0; i < 1100; ++i) {
            uint256 random = uint256(keccak256(abi.encode("play", i)));
            if (i == 800) _depositEverywhere();
            uint256 action = i < 800 ? random % 17 : 9 + random % 15;
            _play(action, random >> 64, random >> 96, random >> 128, random >> 160);
            if (i % 100 == 99) invariant_holdsP1P2P4P5P6P7P10();
        }
        for (uint256 i = 0; i <= uint256(type(Handler.Action).max); ++i) {
            Handler.Action action = Handler.Action(i);
            (uint256 succeeded, uint256 refused) =
                (handler.succeeded(action), handler.refused(action));
            emit Reached(action, succeeded, refused);
            string memory name = string.concat("action ", vm.toString(i));
            bool once = action == Handler.Action.FREEZE || action == Handler.Action.RESOLVE;
            vm.assertGe(succeeded, once ? 2 : 3, string.concat("succeeded: ", name));
            if (action == Handler.Action.DEPOSIT) continue;
            vm.assertGe(refused, 3, string.concat("refused: ", name));
        }
    }

    /// @notice How often each kind of step got through and was refused; `forge test -vvvv` shows it.
    event Reached(Handler.Action action, uint256 succeeded, uint256 refused);

    /// @dev For refunds: no leg consumes these.
    function _depositEverywhere() private {
        for (uint256 i = 0; i < 2 * CHAINS; ++i) {
            handler.deposit(i, 0, uint64(100 + i), i);
        }
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
        if (action == 16) handler.requestExit(a, b, uint64(c));
        if (action == 17) handler.warn(a);
        if (action == 18) handler.freeze(a);
        if (action == 19) handler.resolve(a);
        if (action == 20 || action == 21) handler.exit(a, b, c, d);
        if (action == 22) handler.refund(a, b);
        if (action == 23) handler.waitForFreeze(a);
    }
}
