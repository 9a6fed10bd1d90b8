"""Hosts that a site may lie on, each keeping a log of what was asked of it."""

import http.server
import io
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reon_export.site.handler import SiteHandler, SiteHTTPServer
from reon_export.site.server import HOST

PLAIN_PATH = "somebody/else/site/"  # where a site may lie on a host that others share


@dataclass
class Log:
    """What was asked for, and what was sent: bytes on the wire, headers included."""

    requests: list[tuple[str, int]] = field(default_factory=list)
    silence_s: float = 0.0  # before every answer
    before: Callable[[str], object] = bool  # called with the path
    after: Callable[[str], object] = bool

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    @property
    def sent_bytes(self) -> int:
        return sum(count for _, count in self.requests)


class _Counter(io.BufferedIOBase):
    def __init__(self, stream: Any) -> None:
        self.count = 0
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.count += len(data)
        return int(self._stream.write(data))


class LoggedHost:
    """A folder on 127.0.0.1 that can be stopped, and started again at the same address.

    Args:
        root: the folder.
        mounts: as for SiteServer.
        plain: send no headers but those of Python's own file server, as hosts of static files do.
    """

    def __init__(self, root: Path, *, mounts: Mapping[str, Path] | None = None, plain: bool = False) -> None:
        self.log = Log()
        self._root = root
        self._mounts = dict(mounts or {})
        self._handler = _plain_handler(root, self.log) if plain else _site_handler(self.log)
        self._port = 0
        self._server: SiteHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}/"

    def start(self) -> None:
        self._server = SiteHTTPServer((HOST, self._port), self._handler, self._root, self._mounts)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _site_handler(log: Log) -> type[SiteHandler]:
    class Handler(SiteHandler):
        def setup(self) -> None:
            super().setup()
            self.wfile = _Counter(self.wfile)

        def do_GET(self) -> None:  # noqa: N802 - the base class's name
            _answer(self, log, super().do_GET)

    return Handler


def _plain_handler(root: Path, log: Log) -> type[http.server.SimpleHTTPRequestHandler]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(root))

        def setup(self) -> None:
            super().setup()
            self.wfile = _Counter(self.wfile)

        def do_GET(self) -> None:
            _answer(self, log, super().do_GET)

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler


def _answer(handler: http.server.BaseHTTPRequestHandler, log: Log, answer: Callable[[], None]) -> None:
    time.sleep(log.silence_s)
    assert isinstance(handler.wfile, _Counter)
    before = handler.wfile.count
    log.before(handler.path)
    try:
        answer()
    finally:
        log.requests.append((handler.path, handler.wfile.count - before))
        log.after(handler.path)
