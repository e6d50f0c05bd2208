"""Golden histories: written by stories that ran, read by replays."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowHistory

FOLDER = Path(__file__).parents[2] / "replay" / "histories"
_HIDDEN = {"identity": "somebody", "stackTrace": "somewhere"}
RECORD_TO = "EVCOMMAND_RECORD_HISTORIES"


async def keep(handle: WorkflowHandle[Any, Any], name: str) -> None:
    """Writes the workflow's history when this run was asked to record."""
    folder = os.environ.get(RECORD_TO)
    if folder is None:
        return
    history = _without_hosts(json.loads((await handle.fetch_history()).to_json()))
    text = json.dumps(history, separators=(",", ":"), sort_keys=True).replace(
        socket.gethostname(), "host"
    )
    (Path(folder) / f"{name}.json").write_text(text + "\n")


def golden() -> list[Path]:
    """Every recorded history."""
    return sorted(FOLDER.glob("*.json"))


def read(path: Path) -> WorkflowHistory:
    """One recorded history."""
    return WorkflowHistory.from_json(path.stem, path.read_text())


def _without_hosts(part: Any) -> Any:
    """Who ran it, and where, does not matter and is nobody's business."""
    if isinstance(part, dict):
        return {key: _HIDDEN.get(key) or _without_hosts(value) for key, value in part.items()}
    return [_without_hosts(item) for item in part] if isinstance(part, list) else part
