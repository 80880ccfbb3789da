"""Find the pinned native tools: on PATH in the right version, else in npm's platform packages.

npm's own JS shims are never used: forge's returns 0 when a test fails.

``python -m devnets.tools forge test`` runs a tool with arguments, in place of this process.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clearinghouse.errors import Unavailable

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class _Tool:
    version: str
    package: str
    """npm package without the platform, which follows after a hyphen."""
    machines: dict[str, str]
    """The package's name of a machine by Python's, lower case."""


_FOUNDRY_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_TOOLS = {
    "anvil": _Tool("1.7.1", "@foundry-rs/anvil", _FOUNDRY_MACHINES),
    "forge": _Tool("1.7.1", "@foundry-rs/forge", _FOUNDRY_MACHINES),
    "buf": _Tool(
        "1.74.0",
        "@bufbuild/buf",
        {"x86_64": "x64", "amd64": "x64", "aarch64": "aarch64", "arm64": "arm64"},
    ),
}


@cache
def find_tool(name: str) -> Path:
    """Return the native binary of ``anvil``, ``forge`` or ``buf`` in the pinned version.

    Raises
    ------
    Unavailable
        ``tool_missing`` when neither PATH nor node_modules has it; ``make install`` brings it.
    """
    tool = _TOOLS[name]
    on_path = shutil.which(name)
    if on_path is not None and tool.version in _version_of(on_path):
        return Path(on_path)
    machine = tool.machines.get(platform.machine().lower(), platform.machine().lower())
    package = ROOT / "node_modules" / f"{tool.package}-{sys.platform}-{machine}"
    packaged = package / "bin" / name
    if packaged.exists():
        return packaged
    raise Unavailable(
        "tool_missing",
        f"{name} {tool.version} is neither on PATH nor in node_modules; run `make install`",
        tool=name,
    )


def _version_of(binary: str) -> str:
    shown = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    return shown.stdout


if __name__ == "__main__":
    binary = find_tool(sys.argv[1])
    os.execv(binary, [str(binary), *sys.argv[2:]])
