"""A small web server for the site: this machine only, with the headers that the page needs.

Cross-origin isolation (COOP and COEP) gives WebAssembly its threads; a Host check keeps foreign pages out
(DNS rebinding); the content security policy lets the page load nothing but what lies in the folder.
"""

import errno
import socketserver
import threading
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from reon_export.errors import ServeError
from reon_export.site.handler import SiteHandler, SiteHTTPServer

HOST = "127.0.0.1"
_POLL_INTERVAL_S = 0.05


class SiteServer:
    """Serves `root` on 127.0.0.1 from a thread of its own, for as long as the `with` block lasts.

    Args:
        root: the folder to serve; `/` is its `index.html`.
        port: 0 takes a free one.
        mounts: other folders by name; `{"model": folder}` serves `folder` as `/model/`, in place of
            `root/model`.
        on_request: told the path of each request, from the thread that answers it.

    Raises (on entering): ServeError when a folder is missing or the port cannot be had.
    """

    def __init__(
        self,
        root: Path,
        port: int = 0,
        mounts: Mapping[str, Path] | None = None,
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        self._root = root
        self._port = port
        self._mounts = dict(mounts or {})
        self._on_request = on_request
        self._server: SiteHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._server = _bind(self._root, self._port, self._mounts)
        self._server.on_request = self._on_request
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL_S,), name="site-server", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    @property
    def url(self) -> str:
        """The address, with the slash at its end. Raises ServeError before the server has been entered."""
        if self._server is None:
            raise ServeError("the server is not running; use it as `with SiteServer(folder) as site`")
        return _url(self._server)


def serve_forever(
    root: Path,
    port: int,
    *,
    open_browser: bool = False,
    on_ready: Callable[[str], None],
    mounts: Mapping[str, Path] | None = None,
) -> None:
    """Serve `root` until Ctrl-C; `on_ready(url)` is called once, when the address answers.

    Raises ServeError when a folder is missing or the port cannot be had.
    """
    with _bind(root, port, dict(mounts or {})) as server:
        # The socket already listens: a browser that connects before the loop starts merely waits.
        on_ready(_url(server))
        try:
            if open_browser:
                webbrowser.open(_url(server))
            server.serve_forever(_POLL_INTERVAL_S)
        except KeyboardInterrupt:
            return


def _url(server: socketserver.TCPServer) -> str:
    return f"http://{HOST}:{server.server_address[1]}/"


def _bind(root: Path, port: int, mounts: Mapping[str, Path]) -> SiteHTTPServer:
    for name in mounts:
        if not name or name.startswith(".") or any(mark in name for mark in "/\\"):
            raise ServeError(f"cannot mount a folder as {name!r}; give one plain name like 'model'")
    for folder in (root, *mounts.values()):
        if not folder.is_dir():
            raise ServeError(f"there is no folder {folder} to serve; give one that exists")
    try:
        return SiteHTTPServer((HOST, port), SiteHandler, root, mounts)
    except OverflowError as error:
        raise ServeError(f"port {port} does not exist; give one from 1 to 65535, or --port 0 for a free one") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "is in use by another program"
        elif error.errno == errno.EACCES:
            reason = "may not be opened by this user"
        else:
            reason = f"cannot be opened ({error.strerror})"
        raise ServeError(f"port {port} {reason}; take another one, or --port 0 for any that is free") from error
