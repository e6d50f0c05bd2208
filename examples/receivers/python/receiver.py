"""Receives callbacks: verifies each post, takes every change once, prints it as a line of JSON.

Needs `pip install standardwebhooks`. The secret (whsec_...) that RotateCallbackSecret showed stands
in EVCOMMAND_CALLBACK_SECRET. A real receiver listens behind TLS: brokers post to https only.
"""

import argparse
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BODY_LIMIT = 1_000_000


class Inbox:
    """What was received. A real one is a table, written before the post is answered."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._newest: dict[str, int] = {}

    def take(self, id: str, post: dict) -> None:
        """Takes a change once, whatever comes again; an older one changes nothing any longer."""
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
        """A post: the raw body is what was signed."""
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
        """Nothing: what is received is printed."""


def main() -> None:
    """Receives until it is stopped."""
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
