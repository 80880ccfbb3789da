"""Light client data from a beacon node over HTTP, as every client that serves it does.

The node is not trusted: an answer is bounded in size and in time here, read strictly into values by
``clearinghouse.proofs.ethereum.beacon_json``, and what it claims is verified by whoever asked.
Source: ethereum/beacon-APIs, ``apis/beacon/light_client/{bootstrap,updates,finality_update}.yaml``.

Reasons raised: ``beacon_unreachable``, ``beacon_refused``, ``beacon_answer_too_large``,
``bootstrap_missing``, and ``json_malformed`` of ``json_values``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.errors import ProofInvalid, Unavailable
from clearinghouse.proofs.ethereum.beacon_json import decode_bootstrap, decode_updates
from clearinghouse.proofs.ethereum.containers import LightClientBootstrap, LightClientUpdate
from clearinghouse.proofs.ethereum.json_values import parse_json

LIGHT_CLIENT_PATH = "/eth/v1/beacon/light_client"

ANSWER_BYTES_MAX = 2**18
"""An update with a committee of 512 takes 60 KB of JSON."""

SILENCE_SECONDS_MAX = 5.0
"""To connect, and between two pieces of an answer."""

ANSWER_SECONDS_MAX = 15.0
"""For all of an answer, however steadily it drips."""

_PIECE_BYTES = 2**16


class BeaconApi:
    """One beacon node: an ``UpdateSource``, for one thread at a time."""

    def __init__(
        self,
        url: str,
        checkpoint_root: Hash32,
        *,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``checkpoint_root`` is of the block that is trusted at first; nothing is sent yet."""
        self._url = url.rstrip("/")
        self._checkpoint_root = checkpoint_root
        self._answer_seconds_max = answer_seconds_max
        self._clock = clock
        self._session = requests.Session()
        # No proxy and no credentials from the environment, no repetition: the caller asks again.
        self._session.trust_env = False
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=0))

    def get_bootstrap(self) -> LightClientBootstrap:
        """Return the data of the checkpoint.

        Raises
        ------
        Unavailable
            ``bootstrap_missing`` where the node has none of that block (any more).
        """
        root = to_hex(self._checkpoint_root)
        document = self._find(f"/bootstrap/{root}")
        if document is None:
            raise Unavailable(
                "bootstrap_missing",
                f"{self._url} has no bootstrap of {root}; ask another node, or trust a newer "
                "finalised block that begins an epoch",
                url=self._url,
                root=self._checkpoint_root,
            )
        return decode_bootstrap(document)

    def find_newest(self) -> LightClientUpdate | None:
        """Return the update of the newest finalised header, None before there is any."""
        return self._find_update("/finality_update")

    def find_of_period(self, period: int) -> LightClientUpdate | None:
        """Return the node's best update of the period, None where it has none."""
        return self._find_update(f"/updates?start_period={period}&count=1")

    def close(self) -> None:
        """Give back the sockets that are kept open; a later question opens one anew."""
        self._session.close()

    def _find_update(self, path: str) -> LightClientUpdate | None:
        document = self._find(path)
        return None if document is None else next(iter(decode_updates(document)), None)

    def _find(self, path: str) -> object | None:
        """Return an answer as JSON, None where the node has nothing (404)."""
        body = self._read(f"{self._url}{LIGHT_CLIENT_PATH}{path}")
        if body is None:
            return None
        try:
            return parse_json(body)
        except ValueError as error:
            raise ProofInvalid(
                "json_malformed",
                f"{self._url} answered {path} with other than JSON ({error}); ask another node",
                url=self._url,
                path=path,
            ) from error

    def _read(self, url: str) -> bytes | None:
        ends = self._clock() + self._answer_seconds_max
        try:
            with self._session.get(
                url,
                # What is not compressed is not larger than it looks.
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                timeout=SILENCE_SECONDS_MAX,
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code == HTTPStatus.NOT_FOUND:
                    return None
                if response.status_code != HTTPStatus.OK:
                    raise Unavailable(
                        "beacon_refused",
                        f"{url} answered {response.status_code}; is its light client server on?",
                        url=url,
                        status=response.status_code,
                    )
                return self._read_body(response, url, ends)
        except (requests.RequestException, HTTPError) as error:
            raise self._unreachable(url, str(error)) from error

    def _read_body(self, response: requests.Response, url: str, ends: float) -> bytes:
        body = bytearray()
        while piece := response.raw.read1(_PIECE_BYTES):  # whatever has come, without waiting
            body += piece
            if len(body) > ANSWER_BYTES_MAX:
                raise ProofInvalid(
                    "beacon_answer_too_large",
                    f"{url} answered with more than {ANSWER_BYTES_MAX} bytes; ask another node",
                    url=url,
                )
            if self._clock() > ends:
                raise self._unreachable(url, f"no whole answer in {self._answer_seconds_max} s")
        return bytes(body)

    def _unreachable(self, url: str, cause: str) -> Unavailable:
        return Unavailable(
            "beacon_unreachable",
            f"{url} did not answer ({cause}); start the beacon node or correct the url",
            url=url,
        )
