"""docs/security.md tells how Temporal is run; test_named_tests.py checks its requirements."""

from tests.unit.docs.pages import DOCS


def test_the_page_tells_how_temporal_is_run() -> None:
    page = (DOCS / "security.md").read_text()
    for word in (
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
        "requireClientAuth",
        "TEMPORAL_DISABLE_WRITE_ACTIONS",
    ):
        assert word in page
