"""The certificates of a listener: taken anew when their files change, and counted down.

Files are replaced one after the other, or all at once by a symbolic link (as Kubernetes does). So
they are taken when they have stopped changing, and were the same before and after they were read.
What cannot be used is not taken: the listener goes on with what it has, and log and metric tell.
Connections that are open stay as they are.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from cryptography import x509

from telemetry import metrics

T = TypeVar("T")

_Stamps = tuple[tuple[int, int, int] | None, ...]

_log = structlog.get_logger(__name__)


class UnusableTlsFiles(ValueError):
    """TLS cannot be served with these files. Says of which listener, which ones, and why."""


@dataclass(frozen=True)
class TlsFiles:
    """The PEM files of one listener.

    listener: its name in log and metrics. pairs: each a certificate (with its chain) and its key.
    ca: who signs the certificates that clients show; "" when they are not asked for any.
    revoked: lists of revoked ones; "": none.
    """

    listener: str
    pairs: tuple[tuple[str, str], ...]
    ca: str = ""
    revoked: str = ""

    def check(self) -> None:
        """See whether TLS can be served with them.

        Raises: OSError: a file cannot be read, or is no certificate with its key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for certificate, key in self.pairs:
            # A password is given so that OpenSSL does not ask a terminal for one.
            context.load_cert_chain(certificate, key, password="")
        if self.ca:
            context.load_verify_locations(self.ca)

    def expiry_s(self) -> float:
        """When the first of the certificates that are shown expires, in seconds since 1970.

        Raises: OSError; ValueError: a file has no certificate.
        """
        shown = [
            each
            for certificate, _ in self.pairs
            for each in x509.load_pem_x509_certificates(Path(certificate).read_bytes())
        ]
        return min(each.not_valid_after_utc for each in shown).timestamp()

    def stamps(self) -> _Stamps:
        """What changes when a file does; None for a file that is not there."""
        return tuple(map(_stamp, self.paths))

    @property
    def paths(self) -> list[str]:
        """All of them."""
        return [path for pair in (*self.pairs, (self.ca, self.revoked)) for path in pair if path]


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


class ServedCertificates(Generic[T]):
    """What one listener serves TLS with.

    current: what `load` made of the files when they were taken last.
    load: reads the files, which were checked before. every_s: how often they are looked at.
    wall_s: seconds since 1970.
    """

    def __init__(
        self,
        files: TlsFiles,
        load: Callable[[], T],
        *,
        every_s: float,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Take the files. Raises: UnusableTlsFiles."""
        self._files = files
        self._load = load
        self._every_s = every_s
        self._wall_s = wall_s
        self._refused = metrics.TLS_FILES_REFUSED.labels(listener=files.listener)
        self._left_s = metrics.TLS_EXPIRY.labels(listener=files.listener)
        self._seen = self._settled = files.stamps()
        self.current, self._expiry_s = self._read()
        self._refused.set(0)
        self._tell()

    def look(self) -> None:
        """Take the files if they have changed, and changed no more since the last look."""
        stamps = self._files.stamps()
        if stamps == self._seen != self._settled:
            self._try(stamps)
        self._seen = stamps
        self._tell()

    async def run(self) -> None:
        """Look regularly, until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await asyncio.to_thread(self.look)  # the files may be on a slow disk

    def _try(self, stamps: _Stamps) -> None:
        listener = self._files.listener
        try:
            made, expiry_s = self._read()
        except UnusableTlsFiles as error:
            self._refused.set(1)
            _log.error("certificates_not_taken", listener=listener, reason=str(error))
        else:
            if self._files.stamps() != stamps:
                return  # they change again: what was read may be half old and half new
            self.current, self._expiry_s = made, expiry_s
            self._refused.set(0)
            _log.info("certificates_taken", listener=listener)
        self._settled = stamps

    def _read(self) -> tuple[T, float]:
        files = self._files
        try:
            files.check()
            return self._load(), files.expiry_s()
        except (OSError, ValueError) as error:
            raise UnusableTlsFiles(
                f"TLS of the {files.listener} listener cannot be served with "
                f"{', '.join(files.paths)}: {error}"
            ) from error

    def _tell(self) -> None:
        self._left_s.set(self._expiry_s - self._wall_s())
