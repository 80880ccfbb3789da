"""The documents name real things: files, links, commands, functions, hashes, and code that runs.

What a document puts between backticks or into a code block is checked against the tree; prose is
not. A document that is wrong fails here, with the name of the document and of what it promised.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from clearinghouse.api.ports import Ports
from clearinghouse.api.server import build_server
from clearinghouse.api.views import CycleReport
from clearinghouse.commitment import orders, settlements, typed_data
from clearinghouse.commitment.trees import DEPTH, EMPTY_NODES
from clearinghouse.config import ServerSettings
from clearinghouse.errors import Rejected
from clearinghouse.proofs import committee
from tests.builders import ALICE, BOB, VENUE, Clearing

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("docs/**/*.md"), *(ROOT / f"{n}.md" for n in ("README", "CHANGELOG", "SECURITY"))]
)
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]

PACKAGES = ("clearinghouse", "adapters", "devnets")

WRITTEN_AT_RUN_TIME = {"keys/", "attestations/", "chains/NAME/", ".devnet/journal.sqlite"}
"""What a devnet and its server write, which no checkout holds."""

SOURCE_PATTERNS = (
    *(f"{folder}/**/*.py" for folder in (*PACKAGES, "scripts", "tests")),
    *("contracts/src/**/*.sol", "contracts/test/**/*.sol", "contracts/*.toml"),
    *("proto/**/*.proto", "devnets/*.toml", "pyproject.toml", "package.json", "Makefile"),
)

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)


# -- reading a document -------------------------------------------------------------------------


def fenced_blocks(document: Path) -> list[tuple[str, str]]:
    """Return (language, content) of every fenced block."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", read(document), re.MULTILINE | re.DOTALL)
    return [(language, content) for language, content in found]


def without_fenced_blocks(document: Path) -> str:
    return re.sub(r"^```.*?^```$", "", read(document), flags=re.MULTILINE | re.DOTALL)


def code_spans(document: Path) -> list[str]:
    """Return what stands between backticks in the text."""
    text = re.sub(r"^ {4,}.*$", "", without_fenced_blocks(document), flags=re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", text)


def shell_lines(document: Path) -> list[str]:
    """Return the code spans and the lines of indented blocks, comments left out."""
    indented = re.findall(r"^ {4,}(\S.*)$", without_fenced_blocks(document), re.MULTILINE)
    return [*code_spans(document), *(re.sub(r"\s+#.*", "", line) for line in indented)]


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def heading_anchors(document: Path) -> set[str]:
    """Return the fragments that a forge gives to the document's headings."""
    headings = re.findall(r"^#+ (.+)$", without_fenced_blocks(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# -- what is in the tree ------------------------------------------------------------------------


@cache
def sources() -> dict[Path, str]:
    """Return the text of every source but this one, whose words prove nothing."""
    paths = {path for pattern in SOURCE_PATTERNS for path in ROOT.glob(pattern)}
    return {path: read(path) for path in paths - {Path(__file__).resolve()}}


@cache
def source_words() -> frozenset[str]:
    names = {path.stem for path in sources()}
    return frozenset(names.union(*(re.findall(r"\w+", text) for text in sources().values())))


def defines(text: str, owner: str, member: str) -> bool:
    """Tell whether a source defines the type ``owner`` and, in the same file, ``member``."""
    type_defined = re.search(
        rf"^(abstract )?(class|contract|library|interface) {owner}\b", text, re.M
    )
    return type_defined is not None and re.search(rf"\b{member}\b", text) is not None


@cache
def make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z][a-z-]*):", read(ROOT / "Makefile"), re.MULTILINE))


# -- the checks ---------------------------------------------------------------------------------


@each_document
def test_document_says_its_date_and_subject_when_opened(document: Path) -> None:
    first, second = [line for line in read(document).splitlines() if line][:2]
    assert first.startswith("# ")
    assert re.match(r"20\d\d-\d\d-\d\d · \S", second), second


@each_document
def test_path_exists_when_a_document_names_it(document: Path) -> None:
    spans = [span for span in code_spans(document) if re.fullmatch(r"[\w.-]+(/[\w.-]*)+", span)]
    files = [s for s in code_spans(document) if re.fullmatch(r"[\w-]+\.(md|toml|py|sol)", s)]
    missing = [
        span for span in {*spans, *files} - WRITTEN_AT_RUN_TIME if not (ROOT / span).exists()
    ]
    assert missing == []


@each_document
def test_link_leads_somewhere_when_a_document_has_one(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)]+)\)", without_fenced_blocks(document)):
        if target.startswith("https://"):
            continue
        path, _, fragment = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        if not linked.exists() or (fragment and fragment not in heading_anchors(linked)):
            broken.append(target)
    assert broken == []


@each_document
def test_make_target_exists_when_a_document_names_it(document: Path) -> None:
    named = [
        target
        for line in shell_lines(document)
        for target in re.findall(r"(?:^|&& |`)make ([a-z][a-z-]*)", line)
    ]
    assert [target for target in named if target not in make_targets()] == []


@each_document
def test_command_exists_when_a_document_names_it(document: Path) -> None:
    commands = [
        match[1].split()
        for line in shell_lines(document)
        if (match := re.match(r"(?:\.venv/bin/)?clearinghouse ([a-z-].*)", line))
    ]
    for words in commands:
        verify_command(words)


def verify_command(words: list[str]) -> None:
    """Follow the words through the command's groups, then look for its options."""
    from clearinghouse.cli.main import app  # imports every room: only these tests need it

    command = typer.main.get_command(app)
    while hasattr(command, "commands") and words:
        assert words[0] in command.commands, f"no command {words}"
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, words


@each_document
def test_name_is_defined_when_a_document_names_it(document: Path) -> None:
    """A code span that is an identifier, ``Type.member`` or a module is one in our sources."""
    unknown = []
    for span in code_spans(document):
        name = re.sub(r"\(.*\)$", "", span)
        if re.fullmatch(r"[A-Z]\w+\.\w+", name):
            owner, member = name.split(".")
            if not any(defines(text, owner, member) for text in sources().values()):
                unknown.append(span)
        elif re.fullmatch(rf"({'|'.join(PACKAGES)})(\.\w+)+", name):
            if importlib.util.find_spec(name) is None:
                unknown.append(span)
        elif re.fullmatch(r"(?!CLEARINGHOUSE_)[A-Za-z]\w*", name) and name not in source_words():
            unknown.append(span)
    assert unknown == []


def test_settings_are_all_described_when_operations_lists_them() -> None:
    described = set(re.findall(r"`CLEARINGHOUSE_(\w+)`", read(ROOT / "docs/operations.md")))
    assert described == {name.upper() for name in ServerSettings.model_fields}


def test_type_strings_are_the_signed_ones_when_the_protocol_lists_them() -> None:
    (listed,) = [
        content
        for language, content in fenced_blocks(ROOT / "docs/protocol.md")
        if language == "eip712"
    ]
    signed = {
        value.decode()
        for module in (orders, settlements, typed_data, committee)
        for name, value in vars(module).items()
        if name.endswith("_TYPE") and not name.startswith("_")
    }
    assert set(listed.split("\n")) - {""} == signed


def test_empty_root_is_the_computed_one_when_the_protocol_gives_it() -> None:
    assert f"`{EMPTY_NODES[DEPTH].hash.hex()}`" in read(ROOT / "docs/protocol.md")


def test_every_invariant_has_a_section_and_a_test_when_listed() -> None:
    text = read(ROOT / "docs/invariants.md")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    numbered = [section for section in sections if re.match(r"P\d+ ", section)]
    assert [section.split()[0] for section in numbered] == [f"P{n}" for n in range(1, 13)]
    for section in numbered:
        not_yet = "Not there yet" in section
        assert not_yet or re.search(r"`(tests|contracts/test)/", section), section.split("\n")[0]


def python_blocks() -> Iterator[str]:
    for document in DOCUMENTS:
        for language, content in fenced_blocks(document):
            if language == "python":
                yield content


def test_imports_resolve_when_a_document_shows_python() -> None:
    for block in python_blocks():
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


class NoCoordinator:
    """Nothing is cut while a document's example runs."""

    def request_cut(self) -> int:
        raise Rejected("CYCLE_UNKNOWN", "no cycle here")


class NoCycles:
    """Nothing was cut."""

    def get_cycle(self, cycle: int) -> CycleReport:
        raise Rejected("CYCLE_UNKNOWN", "no cycle here")


def test_readme_example_clears_a_trade_when_run_against_a_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (example,) = [block for block in python_blocks() if "def clear_a_trade" in block]
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    clear_a_trade = names["clear_a_trade"]
    assert callable(clear_a_trade)
    clearing = Clearing()
    clearing.clock.milliseconds = time.time_ns() // 1_000_000
    clearing.start(ALICE, BOB)
    ports = Ports(clearing.sequencer, clearing.sequencer, NoCoordinator(), NoCycles())
    server = build_server(ports, "127.0.0.1:0", "127.0.0.1:0")
    server.start()
    try:
        clear_a_trade(f"127.0.0.1:{server.port}", VENUE.key, ALICE.key, BOB.key)
    finally:
        server.stop(grace_seconds=0)
        clearing.close()
    said = capsys.readouterr().out
    assert "ADMITTED" in said
    assert clearing.holding(ALICE) == (10, 20_000)
    assert clearing.holding(BOB) == (-10, -20_000)


def test_decisions_are_numbered_without_gaps_when_listed() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in (ROOT / "docs/decisions").glob("*.md"):
        sections = re.findall(r"^## (\w+)$", read(path), re.MULTILINE)
        assert sections == ["Context", "Decision", "Consequences"], path.name
        assert read(path).startswith(f"# {path.name[:4]} ")
