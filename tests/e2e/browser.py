"""A headless Chromium that reads what a page shows, over its own debugging protocol (CDP).

Chromium comes from the system's package manager: where this process may use that, it is installed
when it is missing; elsewhere the test says what to install.
"""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL_LIMIT_S = 600.0
START_LIMIT_S = 30.0
MAX_REPLY_BYTES = 64 * 1024 * 1024
REMEDY = "install Chromium (Debian: apt-get install chromium) to run this test"
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--window-size=1400,1600", "--remote-debugging-port=0"),
)


def find_chromium() -> str:
    """The path of a Chromium; installed now where that is possible.

    Where it is not, the test is skipped; in CI it fails.
    """
    found = _on_path() or (_install() and _on_path())
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(REMEDY)
    pytest.skip(REMEDY)


def _on_path() -> str | None:
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def _install() -> bool:
    """As root on Debian and its kin."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        done = subprocess.run(
            command,
            env=environment,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=INSTALL_LIMIT_S,
        )
        if done.returncode != 0:
            return False
    return True


class PageChanged(Exception):
    """A part of the page was replaced while it was read: what it shows now has to be read anew."""


GONE = ("No frame for given id found", "Cannot find context with specified id")
"""CDP's words for a part that was listed and is there no longer."""


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = count(1)

    async def open(self, url: str) -> None:
        """Goes to an address."""
        await self._call("Page.navigate", url=url)

    async def text(self) -> str:
        """What a person can read on the page now. Raises: PageChanged."""
        texts = []
        for frame in _frames((await self._call("Page.getFrameTree"))["frameTree"]):
            world = await self._call("Page.createIsolatedWorld", frameId=frame)
            reply = await self._call(
                "Runtime.evaluate",
                expression="document.body ? document.body.innerText : ''",
                contextId=world["executionContextId"],
            )
            texts.append(str(reply["result"].get("value", "")))
        return "\n".join(texts)

    async def reads(self, *words: str, timeout_s: float = 30.0) -> str:
        """Waits until all these words stand on the page, in whatever case; its text then.

        Raises: AssertionError with what stands there instead.
        """
        text, missing = "", [*words]
        try:
            async with asyncio.timeout(timeout_s):
                while missing := [word for word in words if word.casefold() not in text.casefold()]:
                    await asyncio.sleep(0.2)
                    with suppress(PageChanged):
                        text = await self.text()
        except TimeoutError:
            raise AssertionError(f"{missing} never stood on the page:\n{text}") from None
        return text

    async def picture(self, path: Path) -> None:
        """A PNG of the page."""
        reply = await self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(reply["data"]))

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            reply = json.loads(await self._socket.recv())
            if reply.get("id") == number:
                if "error" in reply and reply["error"]["message"] in GONE:
                    raise PageChanged
                if "error" in reply:
                    raise AssertionError(f"{method}: {reply['error']}")
                result: dict[str, Any] = reply["result"]
                return result


def _frames(tree: dict[str, Any]) -> Iterator[str]:
    """The page and all pages within it."""
    yield tree["frame"]["id"]
    for child in tree.get("childFrames", ()):
        yield from _frames(child)


@asynccontextmanager
async def opened_page() -> AsyncIterator[Page]:
    """A page in a browser of its own, which is closed afterwards."""
    program = await asyncio.to_thread(find_chromium)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = await asyncio.create_subprocess_exec(
            program,
            *OPTIONS,
            f"--user-data-dir={home}",
            "about:blank",
            env={**os.environ, "TMPDIR": home},  # what it leaves behind when it is killed goes too
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = await _debugger_of(Path(home))
            async with connect(address, max_size=MAX_REPLY_BYTES, proxy=None) as socket:
                yield Page(socket)
        finally:
            browser.kill()
            await browser.wait()


async def _debugger_of(home: Path) -> str:
    """The websocket of the browser's first tab."""
    port_file = home / "DevToolsActivePort"
    async with asyncio.timeout(START_LIMIT_S):
        while not port_file.exists() or "\n" not in port_file.read_text():
            await asyncio.sleep(0.05)
        port = port_file.read_text().splitlines()[0]
        while True:
            tabs = await asyncio.to_thread(_read_json, f"http://127.0.0.1:{port}/json/list")
            for tab in tabs:
                if tab["type"] == "page":
                    return str(tab["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)


def _read_json(url: str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as reply:
        return json.loads(reply.read())
