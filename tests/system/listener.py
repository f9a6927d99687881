"""Listener: a server that whoever wants to know of runs might have, and that can hang."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """One call: where to, and what of."""

    path: str
    body: dict[str, Any]

    @property
    def run_id(self) -> str:
        run_id: str = self.body["run_id"]
        return run_id


class Listener:
    """Notes every call. A path with ``hang`` in it is answered when the test is over."""

    def __init__(self) -> None:
        self._heard: list[Heard] = []
        self._over = threading.Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener._take(self.path, body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def heard(self, words: str = "") -> list[Heard]:
        """Return the calls with these words in their path, in the order in which they came."""
        return [one for one in self._heard if words in one.path]

    @contextmanager
    def listening(self) -> Iterator["Listener"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _take(self, path: str, body: bytes) -> None:
        self._heard.append(Heard(path, json.loads(body)))
        if "hang" in path:
            self._over.wait(60)
