// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {ILightClient} from "../../../src/interfaces/ILightClient.sol";
import {L1Contract, L1ContractProof, L1Contracts} from "../../../src/light/rollup/L1Contract.sol";
import {Test} from "../../Test.sol";
import {TrieBuilder} from "../../TrieBuilder.sol";

/// @notice A light client that believes what it is told.
contract ToldClient is ILightClient {
    struct Told {
        bytes32 stateRoot;
        uint64 timestamp;
    }

    uint256 public constant chainId = 1;
    uint64 public latestHeight;
    Status public status;
    mapping(uint64 => Told) private _told;

    function tell(uint64 height, bytes32 stateRoot, uint64 timestamp) external {
        _told[height] = Told(stateRoot, timestamp);
        latestHeight = height;
    }

    function become(Status status_) external {
        status = status_;
    }

    function update(bytes calldata) external {}

    function freeze(bytes calldata) external {}

    function headerAt(uint64 height) external view returns (bytes32, uint64) {
        Told memory told = _told[height];
        if (told.stateRoot == 0) revert UnknownHeader(height);
        return (told.stateRoot, told.timestamp);
    }
}

/// @notice A state whose words a test chooses: L1's, in the real contracts' layouts, or a rollup's.
/// @dev Built with `TrieBuilder`, which shares no code with the reader.
contract SyntheticState {
    struct Word {
        bytes32 slot;
        uint256 word;
    }

    address[] private _accounts;
    mapping(address => bytes32) private _codeHashes;
    mapping(address => Word[]) private _words;

    /// @notice Put a contract at an address, or other code there.
    function place(address account, bytes32 codeHash) public {
        if (_codeHashes[account] == 0) _accounts.push(account);
        _codeHashes[account] = codeHash;
    }

    /// @notice Put a proxy at an address; what a client is told to trust about it.
    function placeProxy(string memory label) external returns (L1Contract memory) {
        address account = _named(label);
        address implementation = _named(string.concat(label, " implementation"));
        bytes32 codeHash = keccak256(bytes(label));
        place(account, codeHash);
        set(account, L1Contracts.IMPLEMENTATION_SLOT, uint160(implementation));
        return L1Contract(account, codeHash, implementation);
    }

    /// @notice Set a word; 0 deletes it.
    function set(address account, bytes32 slot, uint256 word) public {
        Word[] storage words = _words[account];
        for (uint256 i = 0; i < words.length; ++i) {
            if (words[i].slot == slot) {
                words[i].word = word;
                return;
            }
        }
        words.push(Word(slot, word));
    }

    function stateRoot() external view returns (bytes32 root) {
        (root,) = TrieBuilder.prove(_entries(), bytes32(0));
    }

    function proveAccount(address account) public view returns (bytes[] memory nodes) {
        (, nodes) = TrieBuilder.prove(_entries(), keccak256(abi.encodePacked(account)));
    }

    function proveSlot(address account, bytes32 slot) public view returns (bytes[] memory nodes) {
        (, nodes) = _storage(account, slot);
    }

    function proveContract(L1Contract memory target)
        external
        view
        returns (L1ContractProof memory proof)
    {
        proof.accountNodes = proveAccount(target.account);
        if (target.implementation != address(0)) {
            proof.implementationNodes = proveSlot(target.account, L1Contracts.IMPLEMENTATION_SLOT);
        }
    }

    function _entries() private view returns (TrieBuilder.Entry[] memory entries) {
        entries = new TrieBuilder.Entry[](_accounts.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            address account = _accounts[i];
            (bytes32 storageRoot,) = _storage(account, bytes32(0));
            entries[i] = TrieBuilder.Entry(
                keccak256(abi.encodePacked(account)),
                TrieBuilder.accountValue(1, 0, storageRoot, _codeHashes[account])
            );
        }
    }

    function _storage(address account, bytes32 slot)
        private
        view
        returns (bytes32 root, bytes[] memory nodes)
    {
        Word[] storage words = _words[account];
        bytes32[] memory slots = new bytes32[](words.length);
        uint256[] memory values = new uint256[](words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            (slots[i], values[i]) = (words[i].slot, words[i].word);
        }
        return TrieBuilder.proveStorage(slots, values, slot);
    }

    function _named(string memory label) private pure returns (address) {
        return address(uint160(uint256(keccak256(bytes(label)))));
    }
}

/// @notice What the tests of all root contracts share.
abstract contract RollupTest is Test {
    uint64 internal constant NOW = 1_800_000_000;
    uint64 internal constant HEIGHT = 5_000;
    bytes32 internal constant STATE_ROOT = keccak256("rollup state");
    bytes32 internal constant SEND_ROOT = keccak256("sent");
    bytes32 internal constant PASSER_ROOT = keccak256("message passer");

    SyntheticState internal l1;

    function setUp() public virtual {
        vm.warp(NOW);
        l1 = new SyntheticState();
    }

    /// @dev A rollup's header with the 16 fields of London.
    function _rollupHeader(uint64 height, bytes32 stateRoot, bytes memory extraData)
        internal
        pure
        returns (bytes memory)
    {
        return _headerAt(height, stateRoot, extraData, NOW - 900_000);
    }

    function _headerAt(uint64 height, bytes32 stateRoot, bytes memory extraData, uint64 timestamp)
        internal
        pure
        returns (bytes memory)
    {
        bytes[] memory fields = new bytes[](16);
        for (uint256 i = 0; i < 16; ++i) {
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
        fields[12] = RLP.encode(extraData);
        fields[14] = RLP.encode(bytes(hex"0000000000000000"));
        fields[15] = RLP.encode(uint256(7));
        return RLP.encode(fields);
    }

    function _header() internal pure returns (bytes memory) {
        return _rollupHeader(HEIGHT, STATE_ROOT, abi.encode(SEND_ROOT));
    }

    function _outputRoot(bytes memory header) internal pure returns (bytes32) {
        return keccak256(abi.encode(0, STATE_ROOT, PASSER_ROOT, keccak256(header)));
    }

    function _mappingSlot(bytes32 key, uint256 slot) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(key, slot));
    }

    /// @dev Expect the next call to revert with this error, whatever its arguments.
    function _expect(bytes4 selector) internal {
        vm.expectPartialRevert(selector);
    }

    function _cut(bytes[] memory nodes) internal pure returns (bytes[] memory) {
        assembly ("memory-safe") {
            mstore(nodes, sub(mload(nodes), 1))
        }
        return nodes;
    }
}
