"""Talking to a DICOMweb server through dicomweb-client; what goes wrong is told without credentials."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from ..._util.optional import require
from ..._util.wording import describe_argument
from .answers import CutShortError, ServerError, read_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from .address import Address
    from .answers import Part

T = TypeVar("T")

CONNECTIONS = 8  # at a time
ATTEMPTS = 5  # for a server that is busy, or cuts the connection
_FIRST_WAIT = 0.1  # s, doubled from attempt to attempt
_BUSY = frozenset((408, 429, 502, 503, 504))
_PAGE = 1000  # series that are asked for at a time
# As it is stored: without `transfer-syntax` a server has to give explicit VR, which it may not be able to.
_ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_ANY_FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
_CHUNK_BYTES = 1 << 20  # of an answer that are read at a time
_FIRST_BYTES = 1 << 16  # of one of which only the beginning is wanted
_OPTIONS = ("client", "headers", "auth", "timeout")


@dataclass(frozen=True, slots=True)
class Server:
    """A DICOMweb service, and how the caller is known there; it holds no connection.

    Attributes
    ----------
    url : str
        Its address, without credentials.
    client : dicomweb_client.DICOMwebClient or None
        The one that the caller has made.
    options : mapping
        `headers`, `auth` and `timeout` of requests, where there is no client.
    """

    url: str
    client: Any = field(default=None, repr=False, compare=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def at(cls, address: Address, storage_options: Mapping[str, Any] | None) -> Server:
        """The server of an address.

        Parameters
        ----------
        address : Address
            Of anything there.
        storage_options : mapping, optional
            ``client``: a `dicomweb_client.DICOMwebClient`; or ``headers``, ``auth`` and ``timeout`` as requests takes
            them.

        Raises
        ------
        ValueError, TypeError
            An option that does not exist, or a client that is none.
        """
        options = dict(storage_options or {})
        if unknown := [str(name) for name in options if name not in _OPTIONS]:
            raise ValueError(f"storage_options of a DICOMweb server are {', '.join(_OPTIONS)}, not {unknown[0]!r}")
        client = options.pop("client", None)
        if client is not None and not (hasattr(client, "retrieve_series_metadata") and hasattr(client, "base_url")):
            raise TypeError(f"client must be a dicomweb_client.DICOMwebClient, not {describe_argument(client)}")
        if client is not None and options:
            raise ValueError(f"{next(iter(options))!r} goes to the client: DICOMwebClient(url, session=…, headers=…)")
        if address.credentials is not None:
            options.setdefault("auth", address.credentials)
        return cls(address.service, client, options)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open connections for several requests, and close them; those of the caller's client stay open."""
        if self.client is not None:
            yield Connection(self.client, attempts=1)  # it asks again by itself, as the caller has told it to
            return
        web = require("dicomweb_client.web", extra="dicomweb")
        requests = require("requests", extra="dicomweb")
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
            session.auth = self.options.get("auth")
            client = web.DICOMwebClient(
                self.url,
                session,
                headers=self.options.get("headers"),
                timeout=self.options.get("timeout", 60),
                permissive_uid=True,
            )
            client.set_http_retry_params(retry=False)
            yield Connection(client, attempts=ATTEMPTS)


def repeat_cut(request: Callable[[], T]) -> T:
    """Ask again, where the answer is cut short."""
    for _ in range(ATTEMPTS - 1):
        with suppress(CutShortError):
            return request()
    return request()


class Connection:
    """A client that is ready to ask, each time up to so many attempts; threads may share it."""

    def __init__(self, client: Any, attempts: int) -> None:
        self._client, self._attempts = client, attempts

    def _ask(self, request: Callable[[], T]) -> T:
        for attempt in range(self._attempts - 1):
            try:
                return _call(request)
            except ServerError as error:
                if not error.may_pass:
                    raise
            time.sleep(_FIRST_WAIT * 2**attempt)
        return _call(request)

    def list_series(self, study: str) -> list[str]:
        """List the SeriesInstanceUIDs of a study (QIDO-RS)."""
        found: dict[str, None] = {}
        while True:
            page = self._ask(lambda: self._client.search_for_series(study, limit=_PAGE, offset=len(found)))
            new = [uid for item in page if (uid := _find_value(item, "0020000E")) and uid not in found]
            found.update(dict.fromkeys(new))
            if not new or len(page) < _PAGE:  # some servers do not know `offset`, and give the same again
                return list(found)

    def count_instances(self, address: Address) -> int | None:
        """How many instances a series has (QIDO-RS); None where the server does not say."""
        fields = ["NumberOfSeriesRelatedInstances"]
        filters = {"SeriesInstanceUID": address.series}
        found = self._ask(lambda: self._client.search_for_series(address.study, fields=fields, search_filters=filters))
        said = (_find_value(item, "00201209") for item in found if _find_value(item, "0020000E") == address.series)
        count = next(said, None)
        return int(count) if count is not None and count.isdecimal() else None

    def retrieve_metadata(self, address: Address) -> list[dict[str, Any]]:
        """Read what the server says of the instances of a series, or of one instance (WADO-RS), as DICOM JSON."""
        study, series, instance = address.study, address.series, address.instance
        if instance is None:
            answer = self._ask(lambda: self._client.retrieve_series_metadata(study, series))
        else:
            answer = [self._ask(lambda: self._client.retrieve_instance_metadata(study, series, instance))]
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            raise ServerError("the server's metadata is no list of data sets")
        return answer

    def fetch_instance(self, path: str) -> bytes:
        """Fetch a file as it is stored (WADO-RS); where the connection is cut, once more."""
        return repeat_cut(lambda: _take_part(list(self.fetch_series(path))))

    def fetch_series(self, path: str) -> Generator[bytes]:
        """Fetch the files of a series in one answer (WADO-RS), each as it comes; an error where it is cut."""
        with self._fetch(path, _ANY_SYNTAX) as parts:
            for part in parts:
                yield b"".join(part.content)

    @contextmanager
    def begin_instance(self, path: str) -> Iterator[Iterator[bytes]]:
        """Fetch a file as it is stored, as far as it is read: its bytes, as they come."""
        with self._fetch(path, _ANY_SYNTAX, _FIRST_BYTES) as parts:
            part = next(parts, None)
            if part is None:
                raise _make_count_error(0)
            yield part.content

    def fetch_beginning(self, path: str, length: int) -> bytes:
        """Fetch the first bytes of a file as it is stored, or as many as there are; where it is cut, once more."""
        return repeat_cut(lambda: self._fetch_beginning(path, length))

    def _fetch_beginning(self, path: str, length: int) -> bytes:
        come = bytearray()
        with self.begin_instance(path) as chunks:
            while len(come) < length and (chunk := next(chunks, None)) is not None:
                come += chunk
        return bytes(come[:length])

    def fetch_frames(self, path: str, numbers: Sequence[int]) -> Generator[tuple[Part, bytes]]:
        """Fetch frames of a file as they are stored, by their numbers from 1 (WADO-RS); an error where that is cut."""
        wanted = ",".join(map(str, numbers))
        with self._fetch(f"{path}/frames/{wanted}", _ANY_FRAME) as parts:
            for part in parts:
                yield part, b"".join(part.content)

    @contextmanager
    def _fetch(self, path: str, accepted: str, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[Generator[Part]]:
        """Ask for what is stored at a path; the parts of the answer are read as they are asked for."""
        # Public methods give data sets that pydicom has parsed, where the bytes themselves are wanted.
        prefix = self._client.wado_url_prefix
        url = "/".join(part for part in (self._client.base_url.rstrip("/"), prefix, path) if part)
        # Compressing on the way takes longer than the network saves, and pixels that are compressed gain nothing.
        headers = {"Accept": accepted, "Accept-Encoding": "identity"}
        with self._ask(lambda: self._client._http_get(url, headers=headers.copy(), stream=True)) as response:
            kind = str(response.headers.get("Content-Type", ""))
            yield read_parts(kind, _read_chunks(response, chunk_bytes))

    def fetch_bulk(self, uri: str) -> bytes:
        """Fetch the value of an element from where the metadata says; from no other server, as credentials are sent."""
        # Orthanc leaves out the port, where a client has not said it.
        base = urlsplit(self._client.base_url)
        wanted = urlsplit(uri)
        if wanted.netloc and wanted.hostname != base.hostname:
            raise ServerError("the server refers to another one for a part of its metadata")
        url = wanted._replace(scheme=base.scheme, netloc=base.netloc).geturl()
        return _take_part(
            self._ask(lambda: self._client.retrieve_bulkdata(url, media_types=("application/octet-stream",)))
        )


def _read_chunks(response: Any, chunk_bytes: int) -> Generator[bytes]:
    """The body of an answer, as it comes."""
    import requests

    with suppress(requests.RequestException):
        yield from response.iter_content(chunk_bytes)
        return
    raise CutShortError


def _find_value(item: Any, tag: str) -> str | None:
    try:
        return str(item[tag]["Value"][0])
    except (KeyError, IndexError, TypeError):
        return None


def _take_part(parts: list[Any]) -> bytes:
    if len(parts) != 1:
        raise _make_count_error(len(parts))
    return bytes(parts[0])


def _make_count_error(parts: int) -> ServerError:
    return ServerError(f"the server's answer has {parts} parts where 1 belongs")


def _call(request: Callable[[], T]) -> T:
    """Make what the libraries raise a ServerError, without theirs as its context: it may hold credentials."""
    import requests
    import retrying

    try:
        return request()
    # ValueError and LookupError are dicomweb-client's: no parts, a UID that is none.
    except (requests.RequestException, retrying.RetryError, ValueError, LookupError) as error:
        fault = _explain(error)
    raise fault


def _explain(error: Exception) -> ServerError:
    import requests
    import retrying

    if isinstance(error, requests.HTTPError):
        return _make_status_error(error.response)
    if isinstance(error, retrying.RetryError):
        return _make_status_error(error.last_attempt.value)
    if isinstance(error, requests.Timeout):
        return ServerError("the server does not answer in time", may_pass=True)
    if isinstance(error, requests.ConnectionError):
        return ServerError(f"there is no connection to the server: {_find_reason(error)}", may_pass=True)
    return ServerError(f"the server's answer cannot be used ({type(error).__name__})")


def _make_status_error(response: Any) -> ServerError:
    response.close()  # nobody reads the rest of it
    status = response.status_code
    words = f"the server answers {status} {response.reason}".rstrip()
    return ServerError(words, status, may_pass=status in _BUSY)


def _find_reason(error: BaseException) -> str:
    """The system's words for a connection that failed."""
    seen: BaseException | None = error
    words = "it was cut"
    while seen is not None:
        if isinstance(seen, OSError) and isinstance(seen.strerror, str):
            words = seen.strerror
        seen = seen.__cause__ or seen.__context__
    return words
