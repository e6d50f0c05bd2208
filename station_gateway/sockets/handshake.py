"""Who may open a socket. Everything is decided in the HTTP upgrade, before a session exists.

An unknown station and a wrong password get the same answer after the same work and the same time,
so that nobody learns which stations exist. The checks come in this order: path, subprotocol, a
look at the password, limits of failed attempts, and a slow hash when only that can tell. So a
station that knows its password is admitted whatever strangers do. Each refusal has one reason in
metrics and log. Sources: OCPP-J 1.6 section 3.1, OCPP 2.0.1 part 4 section 3, security whitepaper
A00.FR.204 (user name = station identity).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import NoReturn

import structlog
from websockets.protocol import State

from fleet import station_secrets, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Fit, Passwords
from fleet.station_secrets import Secrets
from station_gateway.dialects import DIALECTS
from station_gateway.dialects.printable import printable
from station_gateway.relay_settings import HOLD
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.identities import (
    Found,
    Known,
    find,
    find_by_id,
    is_named,
    meant,
    spellings,
)
from station_gateway.sockets.limits import Failures, Reconnects, attempts
from station_gateway.sockets.opening import (
    MAX_ID_CHARS,
    OpeningRequest,
    Refused,
    credentials,
    last_part,
    negotiate,
    offered,
    station_id,
)
from station_gateway.sockets.slow_checks import CrowdedOut, SlowChecks
from station_gateway.sockets.upstream import (
    DialledStation,
    UpstreamDialler,
    UpstreamRefused,
    UpstreamSocket,
)
from station_gateway.stations.ports import Redial
from telemetry import metrics

log = structlog.get_logger(__name__)

NAMES_SHOWN = 8
"""How many names of a foreign certificate its line in the log shows."""

FAILURE_TAKES_S = 0.25
"""How long the refusal of a password takes, whatever was wrong with it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A station that may open its socket now, as it stood in the fleet at that moment.

    tls: the socket is encrypted, by us or by a proxy. certified: it showed the certificate of its
    station.
    password_hash: of the password that it showed; "" when none was asked.
    upstream: the socket to the back end (CSMS) that it is relayed to; None: we are its back end.
    redial: connects to it again when it is lost; None: the station's socket is closed then.
    """

    station: stations.Station
    subprotocol: str | None
    tls: bool
    password_hash: str = field(repr=False)
    certified: bool = False
    upstream: UpstreamSocket | None = None
    redial: Redial | None = field(default=None, repr=False)

    def give_up(self) -> None:
        """Have nothing stay open for a station that is not served, or no longer."""
        if self.upstream is not None and self.upstream.state is State.OPEN:
            self.upstream.abort()


@dataclass(frozen=True, slots=True)
class _Try:
    """One password for one station. station: the identity under which it was found, or sought."""

    station: str
    secrets: Secrets
    password: bytes = field(repr=False)
    address: str


class HandshakeJudge:
    """Judges every handshake of this process, and remembers who failed."""

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        settings: GatewaySettings,
        *,
        utc_now: Callable[[], datetime],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._settings = settings
        self._utc_now = utc_now
        self._monotonic_s = monotonic_s
        self._failures = Failures(settings)
        self._slow_checks = SlowChecks(settings.password_checks)
        self._reconnects = Reconnects(
            per_hour=settings.reconnects_per_hour, max_keys=settings.max_remembered
        )
        self._floods = attempts(settings, 1)
        self._dialler = UpstreamDialler(settings)

    async def judge(self, request: OpeningRequest) -> Admitted:
        """Admit a station, or raise.

        Raises:
            Refused: with the HTTP status for the station, and a reason for metrics and log.
        """
        identity = station_id(request.path)
        offers = offered(request.headers)
        self._check_cool_off(identity)
        try:
            candidates = await self._look_up(identity)
            found = meant(candidates, identity, request, self._passwords)
            if url := self._upstream_of(found[0]):
                if found[0] is not None and not is_named(candidates, found[0], request):
                    raise Refused(HTTPStatus.UNAUTHORIZED, "ambiguous_identity")
                known = found[0].id if found[0] is not None else ""
                return await self._relayed(identity, url, offers, request, known=known)
            station, used = await self._authenticate(identity, found, request)
        except DatabaseUnavailable:
            self._unavailable("database_unavailable")
        self._count_opening(station)
        # Who shows a certificate comes only in as the station that it names.
        certified = request.certificate is not None and station.registered
        encrypted = self._encrypted(request)
        return Admitted(station, negotiate(offers), encrypted, used, certified)

    async def _look_up(self, identity: str) -> list[Known]:
        """The stations that this identity may mean. With the setting `open` one is made when there
        is none."""
        if self._settings.open and not self._settings.upstream_url:
            return await self._admit(identity)
        return await self._db.look(lambda tx: find(tx, identity))

    def _upstream_of(self, station: stations.Station | None) -> str:
        return (station.upstream if station is not None else "") or self._settings.upstream_url

    def _count_opening(self, station: stations.Station) -> None:
        if (wait_s := self._reconnects.blocked_s(station.id, self._monotonic_s())) > 0:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too_many_reconnects", wait_s)

    async def _relayed(
        self,
        identity: str,
        url: str,
        offers: tuple[str, ...],
        request: OpeningRequest,
        *,
        known: str,
    ) -> Admitted:
        """Admit whom the back end admits: it knows the passwords, and we need not.

        known: the id of the station that was found; "" when there was none.
        A station that nobody has registered here is known from now on.
        """
        spoken = tuple(name for name in offers if name in DIALECTS)
        if not spoken:
            raise Refused(HTTPStatus.BAD_REQUEST, "no_common_subprotocol")
        certified = self._shows_certificate(request, identity)
        dialled = DialledStation(
            identity, last_part(request.path), request.address, request.headers, spoken
        )
        anywhere = url == self._settings.upstream_url or self._settings.upstream_allow_private
        try:
            upstream = await self._dialler.dial(url, dialled, anywhere=anywhere)
        except UpstreamRefused as refused:
            raise Refused(refused.status, refused.reason, refused.retry_after_s) from refused
        try:
            station = await self._relayed_to(url, identity, known=known)
            self._check_profile(station, request, certified=certified)
            self._count_opening(station)
        except BaseException:
            upstream.abort()
            raise
        subprotocol = upstream.subprotocol or spoken[0]
        encrypted = self._encrypted(request)
        redial = None
        if (station.upstream_loss or self._settings.upstream_when_lost) == HOLD:
            redial = self._redial(url, dialled.again(subprotocol), station.id, anywhere=anywhere)
        return Admitted(station, subprotocol, encrypted, "", certified, upstream, redial)

    def _redial(self, url: str, station: DialledStation, id: str, *, anywhere: bool) -> Redial:
        """Dials the back end of a station again that stays connected while it was lost."""

        async def dial() -> UpstreamSocket:
            upstream = await self._dialler.dial(url, station, anywhere=anywhere)
            try:
                await self._check_upstream(url, id)
            except BaseException:
                upstream.abort()
                raise
            return upstream

        return dial

    async def _check_upstream(self, url: str, id: str) -> None:
        """Raises: UpstreamRefused when the station is relayed elsewhere by now."""
        try:
            async with self._db.read() as tx:
                station = await find_by_id(tx, id)
        except DatabaseUnavailable:
            return  # open connections go on without it
        if self._upstream_of(station) != url:
            raise UpstreamRefused(HTTPStatus.SERVICE_UNAVAILABLE, "upstream_changed")

    async def _relayed_to(self, url: str, identity: str, *, known: str) -> stations.Station:
        """The station after the back end was dialled, which may have taken seconds.

        known: its id; "" when there was none before: then one look with its creation is enough.
        Raises: Refused when it is relayed there no longer: it was changed, or deleted.
        """
        if known:
            station = await self._db.look(lambda tx: find_by_id(tx, known))
        else:
            station = (await self._admit(identity, sought=True))[0][0]
        if self._upstream_of(station) != url:
            self._unavailable("upstream_changed")
        if station is None:
            station = (await self._admit(identity))[0][0]
        return station

    def cool_off(self, station: str) -> None:
        """Refuse a station that flooded us for a while."""
        self._floods.block(station, self._monotonic_s(), self._settings.cool_off_s)

    def _unavailable(self, reason: str) -> NoReturn:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, reason, self._settings.retry_after_s)

    def _check_cool_off(self, station: str) -> None:
        if (wait_s := self._floods.blocked_s(station, self._monotonic_s())) > 0:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "cooling_off", wait_s)

    async def _authenticate(
        self, identity: str, found: Found, request: OpeningRequest
    ) -> tuple[stations.Station, str]:
        """The station, and the hash of the password that it showed; "" when none was asked."""
        station, secrets = found
        if self._settings.open and station is not None and not station.registered:
            return station, ""
        known = identity if station is None else station.id
        if known != identity:  # another spelling gives no further guesses
            self._check_cool_off(known)
        if self._shows_certificate(request, known) and station is not None:
            return station, ""
        named, password = credentials(request.headers, (known, identity, last_part(request.path)))
        tried = _Try(known, secrets, password, request.address)
        used, known_good = await self._verify(tried, named=named)
        await self._remember(tried, used, known_good)
        if station is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "wrong_credentials")
        self._check_profile(station, request, certified=False)
        return station, used

    def _check_profile(
        self, station: stations.Station, request: OpeningRequest, *, certified: bool
    ) -> None:
        if station.security_profile >= 3 and not certified:
            raise Refused(HTTPStatus.FORBIDDEN, "certificate_required")
        if station.security_profile >= 2 and not self._encrypted(request):
            raise Refused(HTTPStatus.FORBIDDEN, "tls_required")

    def _shows_certificate(self, request: OpeningRequest, station: str) -> bool:
        """Whether the station's own certificate was shown; False: none was. It needs no password.

        A certificate of another one is refused whether the station exists or not, and whatever
        password came with it. Raises: Refused.
        """
        shown = request.certificate
        if shown is None:
            return False
        if shown.is_of(station, self._settings.tls_client_organization):
            return True
        now_s = self._monotonic_s()
        reason, wait_s = self._failures.blocked(Fit.WRONG, station, request.address, now_s)
        if reason:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, reason, wait_s)
        self._failures.count(station, request.address, now_s)
        metrics.SECURITY_EVENTS.labels(event="foreign_certificate").inc()
        names = [printable(name, MAX_ID_CHARS) for name in sorted(shown.names)[:NAMES_SHOWN]]
        log.warning(
            "security_event", station=station, event_type="foreign_certificate", names=names
        )
        raise Refused(HTTPStatus.FORBIDDEN, "foreign_certificate")

    def _encrypted(self, request: OpeningRequest) -> bool:
        return request.tls or self._settings.tls_terminated

    async def _verify(self, tried: _Try, *, named: bool) -> tuple[str, str]:
        """The hash that the password fits, and what a slow hash told to remember of it, or "".

        named: whether the request names the station that it wants to be.
        An unknown station is checked against a dummy, so that the time of the answer tells nothing.
        """
        began_s = self._monotonic_s()
        fits = {stored: self._look(tried, stored) for stored in tried.secrets.hashes or ("",)}
        right = next((stored for stored, fit in fits.items() if fit is Fit.RIGHT), "")
        if named and right:
            return right, ""
        unproven = [stored for stored, fit in fits.items() if fit is Fit.UNPROVEN and named]
        fit = Fit.UNPROVEN if unproven else Fit.WRONG
        reason, wait_s = self._failures.blocked(fit, tried.station, tried.address, began_s)
        if reason:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, reason, wait_s)
        for stored in unproven:
            if known_good := await self._prove(tried, stored):
                return stored, known_good
        self._failures.count(tried.station, tried.address, self._monotonic_s())
        await asyncio.sleep(max(0.0, FAILURE_TAKES_S - (self._monotonic_s() - began_s)))
        raise Refused(HTTPStatus.UNAUTHORIZED, "wrong_credentials")

    def _look(self, tried: _Try, stored: str) -> Fit:
        return self._passwords.look(stored, tried.secrets.known_good, tried.password)

    async def _prove(self, tried: _Try, stored: str) -> str | None:
        async def check() -> str | None:
            return await self._passwords.prove(stored, tried.password)

        try:
            return await self._slow_checks.run(tried.station, tried.address, check)
        except CrowdedOut:
            self._unavailable("too_many_passwords")

    async def _remember(self, tried: _Try, used: str, known_good: str) -> None:
        """Store what the good password tells: the newest one ends the older one, and from now on
        no slow hash is needed."""
        confirm, now = len(tried.secrets.hashes) > 1, self._utc_now()

        async def write(tx: Tx) -> bool:
            ended = confirm and await station_secrets.confirm_password(tx, tried.station, used, now)
            if known_good:
                await station_secrets.remember_password(tx, tried.station, used, known_good)
            return ended

        if not confirm and not known_good:
            return
        if await self._db.batch(write):
            log.info("older_password_ended", station=tried.station)

    async def _admit(self, identity: str, *, sought: bool = False) -> list[Known]:
        """The stations that this identity may mean. One that nobody registered is made when there
        is none.

        The check and the creation are one database transaction, because the same station may open
        two sockets at once. sought: there was none a moment ago, and its passwords do not matter.
        Then the creation alone tells whether there is one, if it can be spelled in one way only.
        """
        tenant, now = self._settings.open_tenant, self._utc_now()

        async def write(tx: Tx) -> tuple[list[Known], bool]:
            known = not sought or len(spellings(identity)) > 1
            if known and (found := await find(tx, identity)):
                return found, False
            admitted, is_new = await stations.admit(tx, id=identity, tenant=tenant, now=now)
            return [(admitted, Secrets())], is_new

        found, new = await self._db.batch(write)
        if new:
            log.warning("unregistered_station_admitted", station=identity)
        return found
