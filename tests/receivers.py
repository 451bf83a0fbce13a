"""Servers on this machine that notices and webhooks are sent to: real sockets, answers as they are told to give."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller


class Reply(NamedTuple):
    """What is answered: `hang` not at all, until the server ends."""

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b'{"errcode":0,"errmsg":"ok"}'
    hang: bool = False


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """`replies` are given one after the other, then `reply` for ever."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.replies: list[Reply] = []
        self.requests: list[Received] = []
        self._came = threading.Condition()
        self._over = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                names = {name.lower(): value for name, value in self.headers.items()}
                with receiver._came:
                    receiver.requests.append(Received(self.path, names, body))
                    reply = receiver.replies.pop(0) if receiver.replies else receiver.reply
                    receiver._came.notify_all()
                if reply.hang:
                    receiver._over.wait()
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *said: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def has(self, requests: int, seconds: float = 60) -> bool:
        """Wait until so many have come; whether they have."""
        with self._came:
            return self._came.wait_for(lambda: len(self.requests) >= requests, seconds)

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver() -> Iterator[Receiver]:
    """An HTTP server on a free port."""
    found = Receiver()
    try:
        yield found
    finally:
        found.close()


class Mailbox:
    """An SMTP server's messages; with `refuse` it turns them away."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []
        self.refuse = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return "451 try again later"
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 kept"


@contextmanager
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    """An SMTP server on a free port: what it received, and the port."""
    box = Mailbox()
    with (
        socket.socket() as free
    ):  # its controller asks the port it was given whether it is up, so it must be a real one
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()
