"""The public networks. Sources: eth-clients/{mainnet,sepolia,holesky,hoodi}, ``metadata/``."""

from __future__ import annotations

from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.proofs.ethereum.forks import MAINNET_PRESET, Fork, Network, schedule

SECONDS_PER_SLOT = 12

MAINNET = Network(
    name="mainnet",
    chain_id=ChainId(1),
    preset=MAINNET_PRESET,
    genesis_time=1_606_824_023,
    genesis_validators_root=Hash32(
        bytes.fromhex("4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95")
    ),
    seconds_per_slot=SECONDS_PER_SLOT,
    activations=schedule(
        (Fork.PHASE0, "00000000", 0),
        (Fork.ALTAIR, "01000000", 74_240),
        (Fork.BELLATRIX, "02000000", 144_896),
        (Fork.CAPELLA, "03000000", 194_048),
        (Fork.DENEB, "04000000", 269_568),
        (Fork.ELECTRA, "05000000", 364_032),
        (Fork.FULU, "06000000", 411_392),
    ),
)

SEPOLIA = Network(
    name="sepolia",
    chain_id=ChainId(11_155_111),
    preset=MAINNET_PRESET,
    genesis_time=1_655_733_600,
    genesis_validators_root=Hash32(
        bytes.fromhex("d8ea171f3c94aea21ebc42a1ed61052acf3f9209c00e4efbaaddac09ed9b8078")
    ),
    seconds_per_slot=SECONDS_PER_SLOT,
    activations=schedule(
        (Fork.PHASE0, "90000069", 0),
        (Fork.ALTAIR, "90000070", 50),
        (Fork.BELLATRIX, "90000071", 100),
        (Fork.CAPELLA, "90000072", 56_832),
        (Fork.DENEB, "90000073", 132_608),
        (Fork.ELECTRA, "90000074", 222_464),
        (Fork.FULU, "90000075", 272_640),
    ),
)

HOLESKY = Network(
    name="holesky",
    chain_id=ChainId(17_000),
    preset=MAINNET_PRESET,
    genesis_time=1_695_902_400,
    genesis_validators_root=Hash32(
        bytes.fromhex("9143aa7c615a7f7115e2b6aac319c03529df8242ae705fba9df39b79c59fa8b1")
    ),
    seconds_per_slot=SECONDS_PER_SLOT,
    activations=schedule(
        (Fork.PHASE0, "01017000", 0),
        (Fork.ALTAIR, "02017000", 0),
        (Fork.BELLATRIX, "03017000", 0),
        (Fork.CAPELLA, "04017000", 256),
        (Fork.DENEB, "05017000", 29_696),
        (Fork.ELECTRA, "06017000", 115_968),
        (Fork.FULU, "07017000", 165_120),
    ),
)

HOODI = Network(
    name="hoodi",
    chain_id=ChainId(560_048),
    preset=MAINNET_PRESET,
    genesis_time=1_742_213_400,
    genesis_validators_root=Hash32(
        bytes.fromhex("212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f")
    ),
    seconds_per_slot=SECONDS_PER_SLOT,
    activations=schedule(
        (Fork.PHASE0, "10000910", 0),
        (Fork.ALTAIR, "20000910", 0),
        (Fork.BELLATRIX, "30000910", 0),
        (Fork.CAPELLA, "40000910", 0),
        (Fork.DENEB, "50000910", 0),
        (Fork.ELECTRA, "60000910", 2_048),
        (Fork.FULU, "70000910", 50_688),
    ),
)

NETWORKS = {network.name: network for network in (MAINNET, SEPOLIA, HOLESKY, HOODI)}
"""By name."""
