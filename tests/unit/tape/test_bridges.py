"""Bridge recordings: each publisher's quirks, and clear errors by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clearinghouse.errors import Rejected
from clearinghouse.tape.bridges import read_axelar, read_connector, read_nomad
from clearinghouse.tape.transfers import Transfer
from tests.recorded import recorded_path

AXELAR_HEADER = (
    "BLOCK_NUMBER,BLOCK_TIMESTAMP,TIMESTAMP_SECONDS,TX_HASH,EOA,TOKEN_ADDRESS,RAW_AMOUNT,"
    "TOKEN_SYMBOL,DESTINATIONCHAIN"
)
AXELAR_ROW = "1,05:35.0,1673957135,0xaa,0xe0a,0xc0,39008969,axlUSDC,Avalanch"
ETHEREUM, MOONBEAM = "6648936", "1650811245"


def axelar(folder: Path, *rows: str, header: str = AXELAR_HEADER) -> Path:
    path = folder / "polygon_to_elsewhere.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8-sig")
    return path


def test_read_axelar_uses_the_seconds_and_one_name_per_chain(tmp_path: Path) -> None:
    spellings = [AXELAR_ROW.replace("Avalanch", name) for name in ("avalanche", "binance", "CELO")]
    transfers = read_axelar(axelar(tmp_path, AXELAR_ROW, *spellings))
    assert transfers[0] == Transfer(
        "0xe0a", "0xe0a", "USDC", "polygon", "avax", 39_008_969, 39_008_969, 1_673_957_135
    )
    assert [transfer.destination for transfer in transfers] == ["avax", "avax", "bsc", "celo"]


def test_read_axelar_finds_columns_by_name_when_their_order_differs(tmp_path: Path) -> None:
    header = AXELAR_HEADER.replace("RAW_AMOUNT,TOKEN_SYMBOL", "TOKEN_SYMBOL,RAW_AMOUNT")
    row = AXELAR_ROW.replace("39008969,axlUSDC", "USDC,39008969")
    assert read_axelar(axelar(tmp_path, row, header=header))[0].amount == 39_008_969


@pytest.mark.parametrize(
    "row",
    [
        AXELAR_ROW.replace("39008969", "-39008969"),
        AXELAR_ROW.replace("39008969", "3.9e7"),
        AXELAR_ROW.replace("1673957135", ""),
        AXELAR_ROW + ",more",
        "1,2",
    ],
)
def test_read_axelar_names_the_line_when_it_is_broken(tmp_path: Path, row: str) -> None:
    with pytest.raises(Rejected, match="line 3") as caught:
        read_axelar(axelar(tmp_path, AXELAR_ROW, row))
    assert caught.value.reason == "tape_line_broken"


def test_read_axelar_refuses_when_a_column_is_missing(tmp_path: Path) -> None:
    path = axelar(tmp_path, AXELAR_ROW, header=AXELAR_HEADER.replace("EOA", "OWNER"))
    with pytest.raises(Rejected, match="EOA"):
        read_axelar(path)


def nomad_row(time: int, sender: str, beneficiary: str, amount: int) -> str:
    columns = [time, "0xtx", 1, sender, "0xbridge", beneficiary, "0xbeam", "0xeth"]
    return "\t".join(map(str, [*columns, ETHEREUM, MOONBEAM, 20, amount]))


@pytest.fixture
def nomad(tmp_path: Path) -> Path:
    rows = {
        "SC_ValidERC20TokenDeposit.tsv": nomad_row(100, "0xa", "0xb", 10**20),
        "SC_ValidNativeTokenDeposit.tsv": "",
        "TC_ValidERC20TokenWithdrawal.tsv": nomad_row(190, "0xc", "0xd", 10**18),
        "TC_ValidNativeTokenWithdrawal.tsv": nomad_row(150, "0xe", "0xf", 1).replace("0xeth", "0x"),
    }
    for name, row in rows.items():
        (tmp_path / name).write_text(row + "\n" if row else "")
    header = "orig_timestamp,dst_token,amount,value_usd"
    prices = [f"90,0xeth,{10**18},2.5", f"200,0xeth,{2 * 10**18},8", "201,0xeth,0,9", "202,0xe,1,"]
    (tmp_path / "cctxs_withdrawals.csv").write_text("\n".join([header, *prices]) + "\n")
    return tmp_path


def test_read_nomad_takes_the_starting_end_and_the_nearest_price(nomad: Path) -> None:
    assert read_nomad(nomad) == [
        Transfer("0xa", "0xb", "0xeth", "ethereum", "moonbeam", 10**20, 250_000_000, 100),
        Transfer("0xc", "0xd", "0xeth", "moonbeam", "ethereum", 10**18, 4_000_000, 190),
        Transfer("0xe", "0xf", "0x", "moonbeam", "ethereum", 1, 0, 150),
    ]


def test_read_nomad_reads_one_file_with_the_prices_beside_it(nomad: Path) -> None:
    assert len(read_nomad(nomad / "SC_ValidERC20TokenDeposit.tsv")) == 1


@pytest.mark.parametrize(
    "row", ["1\t2", nomad_row(1, "a", "b", 5).replace(ETHEREUM, "7"), nomad_row(-1, "a", "b", 5)]
)
def test_read_nomad_names_the_line_when_it_is_broken(nomad: Path, row: str) -> None:
    with (nomad / "SC_ValidERC20TokenDeposit.tsv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(Rejected, match="line 2") as caught:
        read_nomad(nomad)
    assert caught.value.reason == "tape_line_broken"


def connector_entry(amount: object) -> dict[str, object]:
    arguments = {
        "sender": "0xAB",
        "receiver": "0xAB",
        "amount": amount,
        "srcChain": "ETH",
        "dstChain": "BNB",
        "asset_s": "0xCC",
    }
    return {"event": "Deposit", "args": arguments, "timestamp": 1_641_078_457}


def test_read_connector_keeps_amounts_beyond_64_bits(tmp_path: Path) -> None:
    (tmp_path / "x_sample.json").write_text(json.dumps([connector_entry(6 * 10**26)]))
    assert read_connector(tmp_path) == [
        Transfer("0xab", "0xab", "0xcc", "ETH", "BNB", 6 * 10**26, 6 * 10**26, 1_641_078_457)
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[\n{},\n{,\n]", "line 3"),
        (json.dumps([connector_entry(1), connector_entry(-1)]), r"\$\[1\]|\$\[\.\.\.\]"),
        (json.dumps([connector_entry("1")]), "amount"),
        (json.dumps([{}]), "args"),
    ],
)
def test_read_connector_names_the_place_when_it_is_broken(
    tmp_path: Path, text: str, place: str
) -> None:
    (tmp_path / "x_sample.json").write_text(text)
    with pytest.raises(Rejected, match=place) as caught:
        read_connector(tmp_path)
    assert caught.value.reason == "tape_line_broken"


@pytest.mark.parametrize("read", [read_axelar, read_nomad, read_connector])
def test_bridge_readers_refuse_when_the_folder_is_empty(
    tmp_path: Path, read: Callable[[Path], list[Transfer]]
) -> None:
    with pytest.raises(Rejected) as caught:
        read(tmp_path)
    assert caught.value.reason == "tape_missing"


@pytest.mark.parametrize(
    ("read", "folder", "transfers"),
    [
        (read_axelar, "axelar_usdc_2022_2023", 2_770),
        (read_nomad, "nomad_bridge_2022", 13_403),
        (read_connector, "connector_bridges_2021_2023", 10_038),
    ],
)
def test_bridge_readers_read_the_recordings_whole(
    read: Callable[[Path], list[Transfer]], folder: str, transfers: int
) -> None:
    assert len(read(recorded_path(f"data/{folder}"))) == transfers
