"""Generate ``clearinghouse/v1`` from ``proto/``; with ``--check`` only tell whether it is fresh.

The generated code is committed so that an installation needs no compiler. Output depends on the
pinned grpcio-tools alone (it carries its own protoc), so fresh means byte-equal.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]
PROTO = ROOT / "proto"
PACKAGE = Path("clearinghouse/v1")
PATTERNS = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")


def generate(output: Path) -> None:
    """Write the Python modules of every ``.proto`` below ``output``.

    Raises
    ------
    SystemExit
        When protoc refuses a file; it has said why on stderr.
    """
    sources = sorted(PROTO.rglob("*.proto"))
    messages = ["protoc", f"-I{PROTO}", f"-I{files('grpc_tools') / '_proto'}"]
    _run([*messages, f"--python_out={output}", f"--pyi_out={output}", *map(str, sources)])
    services = [source for source in sources if source.stem.endswith("_service")]
    _run([*messages, f"--grpc_python_out={output}", *map(str, services)])


def _run(arguments: list[str]) -> None:
    code = protoc.main(arguments)
    if code:
        raise SystemExit(code)


def stale_files(fresh: Path, committed: Path) -> list[str]:
    """Return the names that differ, or stand on one side only, sorted."""
    names = {
        path.name
        for folder in (fresh, committed)
        for pattern in PATTERNS
        for path in folder.glob(pattern)
    }
    _, different, missing = filecmp.cmpfiles(fresh, committed, names, shallow=False)
    return sorted(different + missing)


def main() -> int:
    """Return 0 when the code is fresh or was regenerated, 1 when ``--check`` found it stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only, change nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as temporary:
        fresh, committed = Path(temporary), ROOT / PACKAGE
        generate(fresh)
        stale = stale_files(fresh / PACKAGE, committed)
        if check:
            for name in stale:
                print(f"stale: {PACKAGE / name}; run `make proto`", file=sys.stderr)
            return 1 if stale else 0
        for name in stale:
            source, target = fresh / PACKAGE / name, committed / name
            if source.exists():
                target.write_bytes(source.read_bytes())
            else:
                target.unlink()
            print(f"{'wrote' if source.exists() else 'removed'} {PACKAGE / name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
