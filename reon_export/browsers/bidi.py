"""A small client of WebDriver BiDi (https://w3c.github.io/webdriver-bidi/): commands and their answers, no events."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reon_export.browsers.driver import ANSWER_TIMEOUT_S, one_line
from reon_export.errors import BrowserError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection


class BidiError(BrowserError):
    """The browser refused a command; the message is its own."""


class BidiConnection:
    """Sends one command at a time and waits for its answer."""

    def __init__(self, socket: "ClientConnection") -> None:
        """Wrap an open socket; see `connect_bidi`."""
        self._socket = socket
        self._last_id = 0

    def send(self, method: str, parameters: dict[str, object], timeout_s: float = ANSWER_TIMEOUT_S) -> dict[str, Any]:
        """The result of a command. Raises BidiError if it is refused, BrowserError if the browser does not answer."""
        from websockets.exceptions import ConnectionClosed

        self._last_id += 1
        try:
            self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": parameters}))
            while True:
                answer = json.loads(self._socket.recv(timeout=timeout_s))
                if answer.get("id") == self._last_id:  # anything else is an event
                    break
        except TimeoutError as error:
            raise BrowserError(f"the browser did not answer {method} within {timeout_s:.0f} s; try it again") from error
        except ConnectionClosed as error:
            raise BrowserError(f"the browser closed the connection during {method}; it may have crashed") from error
        if answer["type"] == "error":
            raise BidiError(one_line(answer.get("message") or answer["error"]))
        result: dict[str, Any] = answer["result"]
        return result


@contextmanager
def connect_bidi(host: str, port: int) -> Iterator[BidiConnection]:
    """A connection to a browser that was started with --remote-debugging-port. Raises BrowserError."""
    try:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect
    except ModuleNotFoundError as error:
        raise BrowserError(
            "the Python package websockets is not installed, which talks to Firefox; "
            "pip install -c reon_export/environment/constraints.txt websockets (or: make setup)"
        ) from error
    try:
        # No keep-alive: Firefox may be busy computing for longer than a ping may take. No size limit: crops are large.
        socket = connect(f"ws://{host}:{port}/session", compression=None, max_size=None, ping_interval=None, proxy=None)
    except (OSError, WebSocketException) as error:
        raise BrowserError(f"cannot talk to the browser on {host}:{port}: {one_line(str(error))}") from error
    with socket:
        yield BidiConnection(socket)
