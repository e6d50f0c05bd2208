"""Certificates that are renewed while they are served: when they are taken, and when not."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from telemetry.certificates import ServedCertificates, TlsFiles, UnusableTlsFiles
from tests.support.certificates import pki

DAY_S = 86_400.0


class Served:
    """Two files of a listener, and what is served with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self.put("first")
        files = TlsFiles("test", ((str(self.certificate), str(self.key)),))
        self.served = ServedCertificates(files, self.certificate.read_text, every_s=1.0)
        self.first = self.served.current

    def made(self, name: str, days: int = 10) -> tuple[Path, Path]:
        pki(self.folder, name, days)
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def put(self, name: str, days: int = 10) -> None:
        """Replace both files."""
        certificate, key = self.made(name, days)
        certificate.replace(self.certificate)
        key.replace(self.key)

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.served.look()

    @property
    def is_first(self) -> bool:
        return self.served.current == self.first


@pytest.fixture
def listener(tmp_path: Path) -> Served:
    return Served(tmp_path)


def gauge(name: str) -> float:
    value = REGISTRY.get_sample_value(name, {"listener": "test"})
    assert value is not None
    return value


def refused() -> bool:
    return gauge("evcommand_tls_files_refused") == 1.0


def days_left() -> float:
    return gauge("evcommand_tls_certificate_expiry_seconds") / DAY_S


def test_renewed_files_are_taken_when_they_have_stopped_changing(listener: Served) -> None:
    listener.put("second", days=90)
    listener.look()
    assert listener.is_first
    with capture_logs() as lines:
        listener.look()
    assert listener.served.current == listener.certificate.read_text() != listener.first
    assert [(line["event"], line["listener"]) for line in lines] == [("certificates_taken", "test")]
    assert 89 < days_left() <= 90


def test_files_that_are_replaced_one_by_one_are_taken_together(listener: Served) -> None:
    certificate, key = listener.made("second")
    certificate.replace(listener.certificate)
    listener.look()
    key.replace(listener.key)
    listener.look()
    assert listener.is_first
    assert not refused()
    listener.look()
    assert not listener.is_first


def test_files_that_do_not_change_are_read_once(listener: Served) -> None:
    current = listener.served.current
    with capture_logs() as lines:
        listener.look(5)
    assert listener.served.current is current
    assert lines == []


@pytest.mark.parametrize("broken", ["no certificate", "another key", "no file"])
def test_what_cannot_be_used_is_told_once_and_what_was_served_goes_on(
    listener: Served, broken: str
) -> None:
    match broken:
        case "no certificate":
            listener.certificate.write_text("-----BEGIN CERTIFICATE-----\nno\n")
        case "another key":
            listener.made("second")[1].replace(listener.key)
        case "no file":
            listener.key.unlink()
    with capture_logs() as lines:
        listener.look(5)
    assert listener.is_first
    assert refused()
    assert [line["event"] for line in lines] == ["certificates_not_taken"]
    assert 9 < days_left() <= 10
    listener.put("third")
    listener.look(2)
    assert not listener.is_first
    assert not refused()


def test_the_first_of_all_certificates_to_expire_is_the_one_that_counts(tmp_path: Path) -> None:
    pairs = []
    for name, days in (("long", 90), ("short", 3)):
        pki(tmp_path, name, days)
        pairs.append((str(tmp_path / f"{name}.pem"), str(tmp_path / f"{name}.key")))
    ServedCertificates(TlsFiles("test", tuple(pairs)), str, every_s=1.0)
    assert 2 < days_left() <= 3


def test_a_listener_does_not_start_with_files_that_cannot_be_used(listener: Served) -> None:
    files = TlsFiles("test", ((str(listener.certificate), str(listener.made("other")[1])),))
    with pytest.raises(UnusableTlsFiles, match=r"test listener.*tls\.crt.*other\.key"):
        ServedCertificates(files, str, every_s=1.0)
