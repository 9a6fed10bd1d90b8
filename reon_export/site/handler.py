"""How one request to the site is answered: GET and HEAD of files, nothing else."""

import http.server
import io
import logging
import re
import socket
import socketserver
import sys
import time
import urllib.parse
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from reon_export.read_file import open_file

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LOG = logging.getLogger(__name__)

# A table of our own: the system's differs from machine to machine, and a module served under a wrong type
# does not run.
MIME_TYPES = {
    ".bin": "application/octet-stream",
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}
_UNKNOWN_TYPE = "application/octet-stream"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

# Any port, so that a forwarded one (ssh -L, a container) works: rebinding needs a foreign name, not a port.
_OWN_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_LONGEST_NUMBER = 18  # digits; no file has so many bytes
_BACKLOG = 256  # clients that may wait to be accepted; with the usual 5, the others of a crowd wait for seconds
_REQUEST_S = 30  # for the whole of a request to come, from the answer before it
_CHUNK_BYTES, _CHUNK_S = 256 * 1024, 30  # a client that takes less in that time is dropped


class _DeadlineStream(io.RawIOBase):
    """What a client sends, until `deadline` (of time.monotonic)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Raises TimeoutError."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request did not come in time")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class SiteHTTPServer(http.server.ThreadingHTTPServer):
    """A thread for each connection; closing it ends the connections that browsers keep open."""

    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[socketserver.BaseRequestHandler],
        root: Path,
        mounts: Mapping[str, Path],
    ) -> None:
        self.root = root.resolve()
        self.mounts = {name: folder.resolve() for name, folder in mounts.items()}
        self.on_request: Callable[[str], None] | None = None
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the name look-up of `HTTPServer.server_bind`, which can wait for seconds on DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = self.server_address[1]

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection and remember it, so that `server_close` can end it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close one connection and forget it."""
        if isinstance(request, socket.socket):
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening and end every open connection."""
        super().server_close()
        for connection in tuple(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was quicker

    def handle_error(
        self,
        request: socket.socket | tuple[bytes, socket.socket],  # noqa: ARG002
        client_address: object,
    ) -> None:
        """Say nothing when a browser hangs up in the middle of a download: they do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            _LOG.exception("the answer to %s failed", client_address)


class SiteHandler(http.server.BaseHTTPRequestHandler):
    """Answers from the folders of its SiteHTTPServer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a short file waits 40 ms for the acknowledgement of its headers
    server: SiteHTTPServer

    def setup(self) -> None:
        """Read through a stream with a deadline: a timeout would begin anew with every byte that trickles in."""
        super().setup()
        self.rfile.close()
        self._incoming = _DeadlineStream(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        """Answer one request, if it comes in time."""
        self._incoming.deadline = time.monotonic() + _REQUEST_S
        super().handle_one_request()

    def do_GET(self) -> None:
        """Answer with the file, a part of it, or a reason why not."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer like GET, without the body."""
        self._answer(with_body=False)

    def _refuse_method(self) -> None:
        self.close_connection = True  # a body may follow, and nobody is going to read it
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse_method

    def _answer(self, *, with_body: bool) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _OWN_HOST.fullmatch(hosts[0].strip()):
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, why="this server answers to 127.0.0.1 and localhost only")
            return
        path, mark, query = self.path.partition("?")
        if self.server.on_request is not None:
            self.server.on_request(path)
        file = _find(self.server.root, self.server.mounts, path)
        if file is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif file.is_dir():
            self._redirect(f"{path}/{mark}{query}")
        else:
            self._send_file(file, with_body=with_body)

    def _redirect(self, location: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_file(self, file: Path, *, with_body: bool) -> None:
        try:
            stream = open_file(file)
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with stream:
            status = file.stat()
            etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
            if _is_known(etag, self.headers.get("If-None-Match", "")):
                self.send_response(HTTPStatus.NOT_MODIFIED)
                self.send_header("ETag", etag)
                self.end_headers()
                return
            asked = self.headers.get("Range") if self.headers.get("If-Range", etag) == etag else None
            part = _byte_range(asked, status.st_size) if with_body else None
            if part is not None and len(part) == 0:
                self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{status.st_size}"})
                return
            self.send_response(HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT)
            if part is not None:
                self.send_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{status.st_size}")
            sent = part if part is not None else range(status.st_size)
            self.send_header("Content-Type", MIME_TYPES.get(file.suffix.lower(), _UNKNOWN_TYPE))
            self.send_header("Content-Length", str(len(sent)))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", etag)
            self.end_headers()
            if with_body:
                self._send_bytes(stream, sent)

    def _send_bytes(self, stream: BinaryIO, part: range) -> None:
        stream.seek(part.start)
        self.connection.settimeout(_CHUNK_S)  # for each `write` as a whole
        left = len(part)
        while left:
            chunk = stream.read(min(left, _CHUNK_BYTES))
            if not chunk:  # the file shrank meanwhile: the promised length cannot be kept
                self.close_connection = True
                return
            self.wfile.write(chunk)
            left -= len(chunk)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse in plain text what the base class cannot parse; its own HTML would quote the request."""
        self.close_connection = True
        self._refuse(HTTPStatus(code))

    def _refuse(self, status: HTTPStatus, headers: Mapping[str, str] | None = None, *, why: str = "") -> None:
        body = f"{status.value} {why or status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", MIME_TYPES[".txt"])
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if getattr(self, "command", None) != "HEAD":
            self.wfile.write(body)

    def end_headers(self) -> None:
        """Put the fixed headers on every answer, errors included."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def version_string(self) -> str:
        """Name the program, not the Python version."""
        return "reon-export"

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the base class's name
        """Log at debug level only: a page load is dozens of requests."""
        _LOG.debug(format, *values)


def _find(root: Path, mounts: Mapping[str, Path], url_path: str) -> Path | None:
    """The file (or the folder that lacks its final slash) that a path names, or None.

    Refused: hidden names and `..`, an encoded slash, backslash or NUL, and links that lead out of the folder.
    """
    if not url_path.startswith("/"):
        return None
    try:
        names = [urllib.parse.unquote(name, errors="strict") for name in url_path[1:].split("/")]
    except UnicodeDecodeError:
        return None
    is_folder = names[-1] == ""
    if is_folder:
        names[-1] = "index.html"
    if any(not name or name.startswith(".") or any(mark in name for mark in "/\\\0") for name in names):
        return None
    base = root
    if names[0] in mounts:
        base, names = mounts[names[0]], names[1:]
    try:
        found = base.joinpath(*names).resolve()
        usable = found.is_relative_to(base) and (found.is_file() or (found.is_dir() and not is_folder))
    except (OSError, RuntimeError):  # a name too long for the file system; a loop of links
        return None
    return found if usable else None


def _is_known(etag: str, header: str) -> bool:
    """Whether an If-None-Match header names what the client would get (RFC 9110, 13.1.2; compared weakly)."""
    tags = [tag.strip() for tag in header.split(",")]
    return tags == ["*"] or etag in (tag.removeprefix("W/") for tag in tags)


def _byte_range(header: str | None, size: int) -> range | None:
    """The bytes that a Range header asks for: None is the whole file, an empty range cannot be satisfied.

    Several ranges, or a header that is malformed, count as none at all, as RFC 9110 (14.2) allows.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = map(_read_number, match.groups())
    if first is None:
        return range(max(0, size - (last or 0)), size)
    if last is not None and last < first:
        return None
    return range(first, size if last is None else min(size, last + 1))


def _read_number(digits: str) -> int | None:
    """Python reads no number of thousands of digits: one with very many is the largest that counts."""
    return int(digits) if 0 < len(digits) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER if digits else None
