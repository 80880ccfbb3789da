// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ILightClient} from "../../../src/interfaces/ILightClient.sol";
import {
    IAttestedRollupClient,
    L1Evidence,
    RollupClientConfiguration
} from "../../../src/light/rollup/IAttestedRollupClient.sol";
import {IRollupRoot} from "../../../src/light/rollup/IRollupRoot.sol";
import {L1Contract} from "../../../src/light/rollup/L1Contract.sol";
import {OutboxProof, OutboxRoot} from "../../../src/light/rollup/OutboxRoot.sol";
import {RollupTest, ToldClient} from "./SyntheticL1.sol";

interface IFaucet is IERC20 {
    function faucet(address to, uint256 amount) external;
}

/// @notice A client with four bonded attesters, of a Nitro-like rollup on a synthetic L1.
abstract contract ClientFixture is RollupTest {
    uint128 internal constant BOND = 1_000e6;
    uint64 internal constant UNBONDING = 30 days;
    uint64 internal constant L1_HEIGHT = 21_000_000;
    address internal constant INSURANCE = address(0x1115);
    address internal constant CHALLENGER = address(0xc4a1);
    bytes32 internal constant ID = "clearinghouse";

    IAttestedRollupClient internal client;
    ToldClient internal l1Client;
    IFaucet internal token;
    L1Contract internal outbox;
    uint256[] internal keys;
    address[] internal members;

    function setUp() public virtual override {
        super.setUp();
        (keys, members) = _keys("attester", 4);
        token = IFaucet(vm.deployCode("FaucetToken.sol", abi.encode("USD", "USD", 6)));
        l1Client = new ToldClient();
        outbox = l1.placeProxy("outbox");
        client = _deploy(_configuration());
        token.faucet(address(this), 100 * BOND);
        token.approve(address(client), type(uint256).max);
        for (uint256 i = 0; i < 4; ++i) {
            client.postBond(members[i]);
        }
    }

    function _configuration() internal returns (RollupClientConfiguration memory) {
        return RollupClientConfiguration({
            clearinghouseId: ID,
            chainId: 42_161,
            epoch: 1,
            threshold: 3,
            members: members,
            l1: l1Client,
            root: IRollupRoot(vm.deployCode("OutboxRoot.sol:OutboxRoot", abi.encode(outbox, 3))),
            historyWindow: 8191,
            bondToken: token,
            bondUnits: BOND,
            unbondingSeconds: UNBONDING,
            challengerBasisPoints: 4_000,
            insurance: INSURANCE
        });
    }

    function _deploy(RollupClientConfiguration memory configuration)
        internal
        returns (IAttestedRollupClient)
    {
        return IAttestedRollupClient(
            vm.deployCode(
                "AttestedRollupClient.sol:AttestedRollupClient", abi.encode(configuration)
            )
        );
    }

    /// @dev L1 confirms a block of the rollup; the answer proves it.
    function _confirm(bytes memory header) internal returns (L1Evidence memory evidence) {
        l1.set(outbox.account, _mappingSlot(SEND_ROOT, 3), uint256(keccak256(header)));
        l1Client.tell(L1_HEIGHT, l1.stateRoot(), NOW);
        evidence.l1Height = L1_HEIGHT;
        evidence.rootProof = abi.encode(
            OutboxProof(
                l1.proveContract(outbox),
                l1.proveSlot(outbox.account, _mappingSlot(SEND_ROOT, 3)),
                header
            )
        );
    }

    function _forged() internal pure returns (bytes memory) {
        return _rollupHeader(HEIGHT, keccak256("forged state"), abi.encode(SEND_ROOT));
    }

    function _signed(uint64 height, bytes32 blockHash, uint256 count)
        internal
        view
        returns (bytes[] memory)
    {
        return _sign(client.headerDigest(height, blockHash), keys, count);
    }

    function _update(bytes memory header, uint64 height) internal view returns (bytes memory) {
        return abi.encode(header, _signed(height, keccak256(header), 3));
    }

    /// @dev The challenger audits what the first `count` attesters signed.
    function _audit(bytes memory attested, uint256 count, L1Evidence memory evidence) internal {
        bytes[] memory signatures = _signed(HEIGHT, keccak256(attested), count);
        vm.prank(CHALLENGER);
        client.audit(HEIGHT, keccak256(attested), signatures, evidence);
    }

    function _refuses(bytes memory attested, L1Evidence memory evidence, bytes memory reason)
        internal
    {
        bytes[] memory signatures = _signed(HEIGHT, keccak256(attested), 3);
        vm.expectRevert(reason);
        client.audit(HEIGHT, keccak256(attested), signatures, evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.ACTIVE), "status");
        vm.assertEq(client.bondOf(members[0]).units, uint256(BOND), "bond");
    }
}
