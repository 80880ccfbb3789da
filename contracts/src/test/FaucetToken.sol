// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An ERC-20 for test networks, which anyone may mint
contract FaucetToken is ERC20 {
    uint8 private immutable _decimals;

    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        ERC20(name_, symbol_)
    {
        _decimals = decimals_;
    }

    /// @notice Mint `amount` token units to anyone.
    function faucet(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice How many decimals a display should use.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
