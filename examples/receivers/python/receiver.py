"""Receives callbacks: verifies each post, takes each change once, prints it as a line of JSON.

It needs `pip install standardwebhooks`, and the secret (whsec_...) from RotateCallbackSecret in
EVCOMMAND_CALLBACK_SECRET. A real receiver listens behind TLS: a broker posts to https only.
"""

import argparse
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BODY_LIMIT = 1_000_000


class Inbox:
    """The received changes. A real receiver has a table, written before it answers the post."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._newest: dict[str, int] = {}

    def take(self, id: str, post: dict) -> None:
        """Takes each change once. `newest` is false for a change that comes after a newer one."""
        command, sequence = post["data"]["name"], post["sequence"]
        if id in self._seen:
            return
        self._seen.add(id)
        news = sequence > self._newest.get(command, 0)
        self._newest[command] = max(sequence, self._newest.get(command, 0))
        code = post["data"].get("outcome", {}).get("code", "")
        line = {"id": id, "type": post["type"], "command": command, "sequence": sequence}
        print(json.dumps({**line, "outcome": code, "newest": news}), flush=True)


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to a good post and 400 to any other."""

    webhook: Webhook
    inbox: Inbox
    timeout = 10

    def do_POST(self) -> None:
        """Handles a post. The signature covers the raw body."""
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(min(size, BODY_LIMIT))
        try:
            post = self.webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError) as error:
            print(f"refused: {error}", file=sys.stderr, flush=True)
            self.send_response(400)
        else:
            self.inbox.take(self.headers["webhook-id"], post)
            self.send_response(204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: the changes themselves are printed."""


def main() -> None:
    """Receives posts until it is stopped."""
    parser = argparse.ArgumentParser(description="Receives evcommand's callbacks.")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    port = parser.parse_args().port
    Receiver.webhook = Webhook(os.environ["EVCOMMAND_CALLBACK_SECRET"])
    Receiver.inbox = Inbox()
    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}/", file=sys.stderr, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
