"""Our own log lines become lines of the story, at their virtual time."""

import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.exceptions import DropEvent

_DULL = {"gateway_listens", "station_released"}


@contextmanager
def narrated(tell: Callable[[str, str], None]) -> Iterator[None]:
    """While the block runs, structlog tells the story and prints nothing."""
    before = structlog.get_config()

    def note(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        word = event.pop("event")
        if word not in _DULL:
            error = event.pop("exc_info", None)
            if error is True:
                error = sys.exc_info()[1]
            facts = " ".join(f"{key}={value}" for key, value in event.items())
            tell("ours", f"{word} {facts}" + (f" {error!r}" if error else ""))
        raise DropEvent

    structlog.configure(processors=[note])
    try:
        yield
    finally:
        structlog.configure(**before)
