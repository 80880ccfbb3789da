// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Tokens that an anchor must survive. Each can be minted by anyone.
abstract contract OddToken is ERC20("Odd", "ODD") {
    function faucet(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice Keeps one percent of every transfer.
contract FeeToken is OddToken {
    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0)) return super._update(from, to, amount);
        super._update(from, to, amount - amount / 100);
        super._update(from, address(0xfee), amount / 100);
    }
}

/// @notice Answers false instead of moving anything.
contract FalseToken is OddToken {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }

    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @notice Answers nothing at all, as some old tokens do, although it moves the tokens.
contract SilentToken is OddToken {
    function transferFrom(address from, address to, uint256 amount)
        public
        override
        returns (bool)
    {
        super.transferFrom(from, to, amount);
        assembly ("memory-safe") {
            return(0, 0)
        }
    }
}

/// @notice Calls back into whoever moves it, once, before it moves.
contract ReentrantToken is OddToken {
    address private _target;
    bytes private _call;

    function arm(address target, bytes calldata call_) external {
        (_target, _call) = (target, call_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_target != address(0) && from != address(0)) {
            (address target, bytes memory call_) = (_target, _call);
            _target = address(0);
            (bool success, bytes memory answer) = target.call(call_);
            if (!success) {
                assembly ("memory-safe") {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
        super._update(from, to, amount);
    }
}

/// @notice Refuses a recipient, as tokens with a list of blocked addresses do; or, told to, answers
/// false. It can stand in for another token: its own storage lies out of ERC20's way.
contract BlockingToken is OddToken {
    error Blocked(address recipient);

    mapping(address recipient => bool) private _blocked;
    bool private _false;

    function blockRecipient(address recipient) external {
        _blocked[recipient] = true;
    }

    function answerFalse() external {
        _false = true;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (_blocked[to]) revert Blocked(to);
        if (_false) return false;
        return super.transfer(to, amount);
    }
}

/// @notice Uses all the gas it is given.
contract BurningToken is OddToken {
    function transfer(address, uint256) public pure override returns (bool) {
        assembly ("memory-safe") {
            invalid()
        }
    }
}
