"""Which URLs a post may go to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.callbacks.urls import MAX_URL, forbidden, malformed, target

GOOD_URLS = [
    "https://receiver.example.com",
    "https://receiver.example.com:8443/a/b?c=d&e=%20",
    "https://93.184.216.34/hook",
    "https://[2606:2800:220:1::1]:444/hook",
    "https://xn--bcher-kva.example/hook",
    "HTTPS://Receiver.Example.COM./hook",
]
MALFORMED_URLS = {
    "": "required",
    "receiver.example.com": "https://",
    "ftp://receiver.example.com": "https://",
    "file:///etc/passwd": "https://",
    "https://user:secret@receiver.example.com": "user or a password",
    "https://user@receiver.example.com": "user or a password",
    "https://receiver.example.com#part": "fragment",
    "https://receiver.example.com:0/": "port",
    "https://receiver.example.com:99999/": "valid URL",
    "https://receiver.example.com:/": "port",
    "https://": "host",
    "https://bücher.example/": "ASCII",
    "https://a b.example/": "ASCII",
    "https://receiver.example.com/\r\nhost: other": "ASCII",
    "https://receiver.example.com\\@127.0.0.1/": "ASCII",
    "https://2130706433/": "host",
    "https://0x7f.1/": "host",
    "https://127.1/": "host",
    "https://0177.0.0.1/": "host",
    "https://[::1/": "valid URL",
    "https://-bad.example/": "host",
    "https://" + "a" * MAX_URL: "at most",
}
FORBIDDEN_URLS = [
    "http://receiver.example.com/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://api.localhost/",
    "https://127.0.0.1/",
    "https://10.1.2.3:8443/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fe80::1]/",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_public_https_url_is_taken(url: str) -> None:
    assert (malformed(url), forbidden(url)) == ("", "")


@pytest.mark.parametrize(("url", "why"), MALFORMED_URLS.items())
def test_a_malformed_url_is_refused_with_its_fault(url: str, why: str) -> None:
    assert why in malformed(url)


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
def test_a_private_or_plain_url_is_forbidden(url: str) -> None:
    assert malformed(url) == ""
    assert forbidden(url) != ""


@given(st.text(max_size=60))
def test_checking_a_url_never_raises(text: str) -> None:
    if malformed(f"https://{text}") == "":
        forbidden(f"https://{text}")
        assert target(f"https://{text}").host


def test_a_url_is_taken_apart_for_its_connection() -> None:
    parts = target("https://[2606:2800:220:1::1]:444/a?b=c")
    assert (parts.host, parts.port, parts.path) == ("2606:2800:220:1::1", 444, "/a?b=c")
    assert target("http://lab.example").port == 80
    assert target("https://lab.example").path == "/"
