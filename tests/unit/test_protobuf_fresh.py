"""Goal: the committed code is what the protos say, and the protos keep their own rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATE = ROOT / "scripts" / "generate_protobuf.py"


def generate(*arguments: str, script: Path = GENERATE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, check=False
    )


def copied_tree(tmp_path: Path) -> Path:
    """Return a copy of script, protos and generated code, for damage."""
    for source in (GENERATE, *ROOT.glob("proto/**/*.proto"), *ROOT.glob("clearinghouse/v1/*_pb2*")):
        target = tmp_path / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    return tmp_path / GENERATE.relative_to(ROOT)


def test_generated_code_is_fresh() -> None:
    checked = generate("--check")
    assert checked.returncode == 0, checked.stderr


def test_check_fails_and_generation_repairs_when_code_is_stale(tmp_path: Path) -> None:
    script = copied_tree(tmp_path)
    package = tmp_path / "clearinghouse" / "v1"
    (package / "orders_pb2.pyi").write_text("stale")
    (package / "fills_pb2.py").unlink()
    (package / "forgotten_pb2.py").write_text("of a proto that is gone")
    checked = generate("--check", script=script)
    assert checked.returncode == 1
    for name in ("orders_pb2.pyi", "fills_pb2.py", "forgotten_pb2.py"):
        assert f"stale: clearinghouse/v1/{name}" in checked.stderr
    assert generate(script=script).returncode == 0
    assert generate("--check", script=script).returncode == 0
    assert not (package / "forgotten_pb2.py").exists()


def test_generation_fails_when_a_proto_does_not_parse(tmp_path: Path) -> None:
    script = copied_tree(tmp_path)
    (tmp_path / "proto/clearinghouse/v1/orders.proto").write_text("syntax = 'proto3'; message {")
    checked = generate("--check", script=script)
    assert checked.returncode != 0
    assert "orders.proto" in checked.stderr
