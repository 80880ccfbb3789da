// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../../src/interfaces/IAnchor.sol";
import {CounterProof, Leg, Phase, Settlement} from "../../src/Types.sol";
import {Fixture} from "../Fixture.sol";
import {SumTreeBuilder} from "../SumTreeBuilder.sol";

/// @title Plays members, operators, relayers and impostors against three anchors
/// @notice Every call is tried at any time with fresh or stale proofs; refusals are counted, not
/// errors. After each action the phases of all settlements are compared with before.
contract Handler is Fixture {
    enum Action {
        DEPOSIT,
        PREPARE,
        COMMIT,
        ABORT,
        FINALIZE,
        CLAIM,
        REQUEST,
        WARN,
        FREEZE,
        RESOLVE,
        EXIT,
        REFUND
    }

    /// @dev A settlement that was signed, and what its legs release of USD to the two members and
    /// leave them as claims.
    struct Proposal {
        bytes32 id;
        bytes settlement;
        bytes[3] legs;
        uint128[2][3] quanta;
        uint128[2][3] claims;
    }

    address[2] private _members = [address(0xa11ce), address(0xb0b)];
    Proposal[] private _proposals;
    bytes[] private _staleProofs;
    uint64 private _cycle;

    mapping(uint256 chain => mapping(uint32 assetId => uint256)) public paid;
    mapping(uint256 proposal => mapping(uint256 chain => Phase)) private _seen;
    mapping(bytes32 payment => bool) private _paidOnce;
    mapping(uint256 chain => uint256) public refundedQuanta;
    mapping(uint256 chain => bool) public resolvedAlone;
    mapping(uint256 chain => bytes32) private _exitLeg;
    mapping(Action => uint256) public succeeded;
    mapping(Action => uint256) public refused;

    /// @notice What went wrong first; empty while all is well.
    string public violation;

    // -------------------------------------------------------------------------- actions

    function deposit(uint256 chain, uint256 asset, uint64 quanta, uint256 member) external {
        if (anchors[chain % CHAINS].frozen()) return;
        quanta = uint64(_bound(quanta, MINIMUM, 1e12));
        _deposit(chain % CHAINS, asset % 2 == 0 ? USD : ETH, quanta, _members[member % 2]);
        ++succeeded[Action.DEPOSIT];
        _observe();
    }

    /// @notice Sign a settlement of what the anchors hold now, with home and any spokes active.
    /// Mostly one after the other, as operators do, but sometimes over an undecided one.
    function propose(uint256 seed) external {
        if (_isUndecided() && seed % 8 != 0) return;
        if (_proposals.length == 40) return; // what is observed after each action stays small
        Leg[] memory legs = _nextLegs(++_cycle);
        Proposal storage proposal = _proposals.push();
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            proposal.quanta[chain] = _addReleases(legs[chain], seed >> (8 * chain));
            proposal.claims[chain] = _addClaims(legs[chain], seed >> (16 * chain));
            if ((seed >> chain) % 4 == 0) _leaveExits(chain, legs[chain]);
            proposal.legs[chain] = abi.encode(legs[chain]);
        }
        bool[3] memory active = [true, seed % 3 != 0, seed % 5 != 0];
        Settlement memory settlement = _settlement(_cycle, legs, active);
        settlement.decideBy += uint64(seed % 100);
        proposal.settlement = abi.encode(settlement);
        proposal.id = harness.settlementId(settlement);
        _observe();
    }

    function prepare(uint256 which, uint256 chain) external {
        _tryPrepare(which, chain % CHAINS);
        _observe();
    }

    function prepareEverywhere(uint256 which) external {
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            _tryPrepare(which, chain);
        }
        _observe();
    }

    function commit(uint256 which, uint256 chain, uint256 stale) external {
        if (_proposals.length == 0) return;
        chain = chain % CHAINS;
        Proposal storage proposal = _pick(which, chain, Phase.PREPARED);
        Settlement memory settlement = abi.decode(proposal.settlement, (Settlement));
        CounterProof[] memory proofs =
            chain == HOME ? _proofsForHome(settlement) : _proofsForSpoke(chain, proposal.id);
        if (proofs.length != 0) _makeStale(proofs[0], stale);
        Leg memory leg = abi.decode(proposal.legs[chain], (Leg));
        _try(Action.COMMIT, chain, abi.encodeCall(IAnchor.commit, (settlement, leg, proofs)));
        _observe();
    }

    function abort(uint256 which, uint256 chain, uint256 how, uint256 stale) external {
        if (_proposals.length == 0) return;
        chain = chain % CHAINS;
        Proposal storage proposal = _pick(which, chain, Phase.PREPARED);
        Settlement memory settlement = abi.decode(proposal.settlement, (Settlement));
        bytes memory call_ = abi.encodeCall(IAnchor.abort, (settlement));
        if (chain != HOME) {
            CounterProof memory proof = _prove(onSpoke[chain], HOME, proposal.id);
            _makeStale(proof, stale);
            call_ = abi.encodeCall(IAnchor.abortByProof, (settlement, proof));
        } else if (how % 2 == 0) {
            uint256 subject = 1 + how % 3 % 2;
            CounterProof memory proof = _prove(onHome[subject], subject, proposal.id);
            _makeStale(proof, stale);
            call_ = abi.encodeCall(IAnchor.abortByAbsence, (settlement, chainIds[subject], proof));
        }
        _try(Action.ABORT, chain, call_);
        _observe();
    }

    function finalize(uint256 which, uint256 chain, uint256 stale) external {
        if (_proposals.length == 0) return;
        chain = chain % CHAINS;
        bytes32 id = _pick(which, chain, Phase.COMMITTED).id;
        bytes memory call_ = abi.encodeCall(IAnchor.finalize, (id));
        if (chain != HOME) {
            CounterProof memory proof = _prove(onSpoke[chain], HOME, id);
            _makeStale(proof, stale);
            call_ = abi.encodeCall(IAnchor.finalizeByProof, (id, proof));
        }
        _try(Action.FINALIZE, chain, call_);
        _observe();
    }

    /// @notice Claim a release of USD, final or not, paid or not, of the right amount or not.
    function claim(uint256 which, uint256 chain, uint256 index, uint256 wrong) external {
        if (_proposals.length == 0) return;
        (chain, index) = (chain % CHAINS, index % 2);
        Proposal storage proposal = _pick(which, chain, Phase.FINAL);
        uint128[2] memory quanta = proposal.quanta[chain];
        (,, bytes32[] memory siblings, uint128[] memory sums) =
            SumTreeBuilder.build(_releases(_members, quanta), index);
        uint128 amount = quanta[index] + (wrong % 4 == 0 ? 1 : 0);
        bytes memory call_ = abi.encodeCall(
            IAnchor.claimRelease,
            (
                proposal.id,
                USD,
                uint64(index),
                _members[index],
                amount,
                siblings,
                sums,
                _members[index]
            )
        );
        if (_try(Action.CLAIM, chain, call_)) {
            _noteOnce(keccak256(abi.encode(proposal.id, chain, index)), "P6: paid twice");
            if (anchors[chain].phase(proposal.id) != Phase.FINAL) {
                violation = "P6: paid before FINAL";
            }
            if (amount != quanta[index]) violation = "P6: paid another amount";
            paid[chain][USD] += amount;
        }
        _observe();
    }

    // ----------------------------------------------------------------------------- exits

    function requestExit(uint256 chain, uint256 member, uint64 quanta) external {
        vm.prank(_members[member % 2]);
        bytes memory call_ = abi.encodeCall(IAnchor.requestExit, (USD, quanta % 1000));
        _try(Action.REQUEST, chain % CHAINS, call_);
        _observe();
    }

    function warn(uint256 chain) external {
        _try(Action.WARN, chain % CHAINS, abi.encodeCall(IAnchor.warn, ()));
        _observe();
    }

    function freeze(uint256 chain) external {
        IAnchor anchor = anchors[chain % CHAINS];
        (, uint64 committedAt) = anchor.commitOf(anchor.lastCommitted());
        (uint64 warnedAt,) = anchor.freezeTimes();
        if (_try(Action.FREEZE, chain % CHAINS, abi.encodeCall(IAnchor.freeze, ()))) {
            if (committedAt >= warnedAt) violation = "frozen although a leg committed";
        }
        _observe();
    }

    function resolve(uint256 chain) external {
        chain = chain % CHAINS;
        if (_try(Action.RESOLVE, chain, abi.encodeCall(IAnchor.resolve, ()))) {
            resolvedAlone[chain] = true;
        }
        _observe();
    }

    /// @notice Leave with a claim of the last leg or of any other, paid or not, the right amount or
    /// not.
    function exit(uint256 which, uint256 chain, uint256 who, uint256 wrong) external {
        if (_proposals.length == 0) return;
        (chain, who) = (chain % CHAINS, who % 2);
        Proposal storage proposal = _lastOr(which, chain);
        uint128 amount = proposal.claims[chain][who] + (wrong % 4 == 0 ? 1 : 0);
        if (!_try(Action.EXIT, chain, _exitCall(proposal, chain, who, amount))) return;
        if (amount != proposal.claims[chain][who]) violation = "P7: paid another amount";
        if (anchors[chain].phase(proposal.id) != Phase.FINAL) violation = "P7: not final";
        if (_exitLeg[chain] == 0) _exitLeg[chain] = proposal.id;
        if (_exitLeg[chain] != proposal.id) violation = "P10: the exit root changed";
        _noteOnce(keccak256(abi.encode("exit", chain, who)), "P7: left twice");
        paid[chain][USD] += amount;
        _observe();
    }

    function refund(uint256 chain, uint256 index) external {
        chain = chain % CHAINS;
        uint256 count = anchors[chain].depositCount(USD);
        uint64 number = uint64(count == 0 ? 0 : count - 1 - index % count % 3);
        address member = address(bytes20(anchors[chain].deposits(USD, number).record));
        bytes memory call_ = abi.encodeCall(IAnchor.refund, (USD, number, member));
        if (!_try(Action.REFUND, chain, call_)) return;
        if (number < anchors[chain].assetState(USD).depositCursor) {
            violation = "P7: a consumed deposit was refunded";
        }
        _noteOnce(keccak256(abi.encode("refund", chain, number)), "P7: refunded twice");
        refundedQuanta[chain] += uint64(uint256(anchors[chain].deposits(USD, number).record));
        _observe();
    }

    /// @notice Keep a proof that is true now, to be shown when it no longer is.
    function remember(uint256 which, uint256 chain) external {
        if (_proposals.length == 0) return;
        chain = chain % CHAINS;
        uint256 subject = chain == HOME ? 1 : HOME;
        bytes32 id = _pick(which, chain, Phase.PREPARED).id;
        CounterProof memory proof = _prove(chain == HOME ? onHome[1] : onSpoke[chain], subject, id);
        _staleProofs.push(abi.encode(proof));
    }

    function wait(uint256 duration, bool long) external {
        vm.warp(block.timestamp + _bound(duration, 1, long ? 700 : 60));
        _observe();
    }

    /// @notice Let all the time pass that a step of a way out takes, or the longest one.
    function waitForFreeze(uint256 which) external {
        uint64[3] memory durations =
            [windows.graceSeconds, windows.freezeDelaySeconds, uint64(30 days)];
        vm.warp(block.timestamp + durations[which % 3] + 1);
        _observe();
    }

    // --------------------------------------------------------------------- observations

    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    function phases(uint256 proposal) external view returns (Phase[3] memory list) {
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            list[chain] = anchors[chain].phase(_proposals[proposal].id);
        }
    }

    function anchorOf(uint256 chain) external view returns (IAnchor) {
        return anchors[chain];
    }

    /// @dev P5: NONE -> PREPARED -> COMMITTED | ABORTED and COMMITTED -> FINAL. One action may take
    /// home alone from NONE to COMMITTED, when nobody else takes part.
    function _observe() private {
        for (uint256 i = 0; i < _proposals.length; ++i) {
            for (uint256 chain = 0; chain < CHAINS; ++chain) {
                Phase before = _seen[i][chain];
                Phase now_ = anchors[chain].phase(_proposals[i].id);
                if (before == now_) continue;
                bool allowed = (before == Phase.NONE && now_ == Phase.PREPARED)
                    || (before == Phase.PREPARED && now_ == Phase.COMMITTED)
                    || (before == Phase.PREPARED && now_ == Phase.ABORTED)
                    || (before == Phase.COMMITTED && now_ == Phase.FINAL)
                    || (before == Phase.NONE && now_ == Phase.COMMITTED && chain == HOME);
                if (!allowed) violation = "P5: a step that does not exist";
                _seen[i][chain] = now_;
            }
        }
    }

    // -------------------------------------------------------------------------- parts

    /// @dev Mostly one that stands where the step begins, sometimes any.
    function _pick(uint256 which, uint256 chain, Phase wanted)
        private
        view
        returns (Proposal storage)
    {
        uint256 count = _proposals.length;
        for (uint256 i = 0; i < count && which % 8 != 0; ++i) {
            Proposal storage proposal = _proposals[((which >> 3) + i) % count];
            if (anchors[chain].phase(proposal.id) == wanted) return proposal;
        }
        return _proposals[(which >> 3) % count];
    }

    /// @dev The proposal that a chain committed last, or sometimes any.
    function _lastOr(uint256 which, uint256 chain) private view returns (Proposal storage) {
        bytes32 last = anchors[chain].lastCommitted();
        for (uint256 i = 0; i < _proposals.length && which % 8 != 0; ++i) {
            if (_proposals[i].id == last) return _proposals[i];
        }
        return _proposals[(which >> 3) % _proposals.length];
    }

    function _exitCall(Proposal storage proposal, uint256 chain, uint256 who, uint128 amount)
        private
        view
        returns (bytes memory)
    {
        uint256 position = 3 + 4 * who;
        (,, bytes32[] memory siblings, uint128[] memory sums) =
            SumTreeBuilder.build(_claims(_members, proposal.claims[chain]), position);
        address member = _members[who];
        Leg memory leg = abi.decode(proposal.legs[chain], (Leg));
        return abi.encodeCall(
            IAnchor.exitFrozen, (leg, USD, position, member, amount, siblings, sums, member)
        );
    }

    function _noteOnce(bytes32 payment, string memory otherwise) private {
        if (_paidOnce[payment]) violation = otherwise;
        _paidOnce[payment] = true;
    }

    function _isUndecided() private view returns (bool) {
        if (_proposals.length == 0) return false;
        Proposal storage newest = _proposals[_proposals.length - 1];
        Settlement memory settlement = abi.decode(newest.settlement, (Settlement));
        Phase home = anchors[HOME].phase(newest.id);
        return home == Phase.PREPARED
            || (home == Phase.NONE && block.timestamp <= settlement.prepareDeadline);
    }

    function _tryPrepare(uint256 which, uint256 chain) private {
        if (_proposals.length == 0) return;
        Proposal storage proposal = _proposals[_proposals.length - 1];
        if (which % 8 == 0) proposal = _pick(which, chain, Phase.ABORTED);
        Settlement memory settlement = abi.decode(proposal.settlement, (Settlement));
        Leg memory leg = abi.decode(proposal.legs[chain], (Leg));
        bytes memory call_ =
            abi.encodeCall(IAnchor.prepare, (settlement, leg, operators, _signed(settlement)));
        _try(Action.PREPARE, chain, call_);
    }

    function _try(Action action, uint256 chain, bytes memory call_)
        private
        returns (bool success)
    {
        vm.chainId(chainIds[chain]);
        (success,) = address(anchors[chain]).call(call_);
        success ? ++succeeded[action] : ++refused[action];
    }

    /// @dev Release up to a quarter of a leg's USD, split between the two members.
    function _addReleases(Leg memory leg, uint256 seed)
        private
        view
        returns (uint128[2] memory quanta)
    {
        uint128 most = leg.assets[0].claims / 4;
        if (most == 0) return quanta;
        quanta[0] = uint128(seed % most);
        quanta[1] = uint128((seed >> 32) % (most - quanta[0] + 1));
        (bytes32 root, uint128 sum,,) = SumTreeBuilder.build(_releases(_members, quanta), 0);
        leg.assets[0].releasesTree = root;
        leg.assets[0].released = sum;
        leg.assets[0].claims -= sum;
    }

    /// @dev Split a leg's USD between the two members.
    function _addClaims(Leg memory leg, uint256 seed)
        private
        view
        returns (uint128[2] memory quanta)
    {
        quanta[0] = uint128(seed % (uint256(leg.assets[0].claims) + 1));
        quanta[1] = leg.assets[0].claims - quanta[0];
        (leg.assets[0].claimsTree,,,) = SumTreeBuilder.build(_claims(_members, quanta), 0);
    }

    /// @dev Answer no exit, as operators would who want to keep someone in.
    function _leaveExits(uint256 chain, Leg memory leg) private view {
        leg.assets[0].exitCursor = anchors[chain].assetState(USD).exitCursor;
    }

    function _makeStale(CounterProof memory proof, uint256 stale) private view {
        if (stale % 4 != 0 || _staleProofs.length == 0) return;
        CounterProof memory old =
            abi.decode(_staleProofs[(stale >> 2) % _staleProofs.length], (CounterProof));
        (proof.height, proof.accountProof, proof.storageProof) =
        (old.height, old.accountProof, old.storageProof);
    }
}
