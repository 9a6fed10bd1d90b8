import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reon_export.errors import ServeError
from reon_export.site import handler
from reon_export.site.handler import SiteHTTPServer
from reon_export.site.server import SiteServer, serve_forever

VIDEO = bytes(range(256)) * 4


@pytest.fixture
def site_folder(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    (root / "js").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text("<h1>hello</h1>", encoding="utf-8")
    (root / "js" / "index.html").write_text("folder page", encoding="utf-8")
    (root / "js" / "main.mjs").write_text("export {}", encoding="utf-8")
    (root / "engine.wasm").write_bytes(b"\0asm")
    (root / "face.mp4").write_bytes(VIDEO)
    (root / "얼굴 1.txt").write_text("face", encoding="utf-8")
    (root / ".secret").write_text("hidden", encoding="utf-8")
    (tmp_path / "outside.txt").write_text("outside", encoding="utf-8")
    (root / "leak.txt").symlink_to(tmp_path / "outside.txt")
    (root / "loop").symlink_to(root / "loop")
    (root / "alias.txt").symlink_to(root / "index.html")
    return root


@pytest.fixture
def site(site_folder: Path) -> Iterator[SiteServer]:
    with SiteServer(site_folder) as server:
        yield server


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def port_of(site: SiteServer) -> int:
    return int(site.url.rsplit(":", 1)[1].rstrip("/"))


def ask(site: SiteServer, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(site), timeout=5)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        return Answer(connection.getresponse())
    finally:
        connection.close()


def test_the_root_is_index_html_with_every_header(site: SiteServer) -> None:
    answer = ask(site, "/?precision=float16")
    assert (answer.status, answer.body) == (200, b"<h1>hello</h1>")
    expected = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": "14",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert not any("'unsafe-eval'" in part or "'unsafe-inline'" in part for part in policy)


@pytest.mark.parametrize(
    ("path", "mime"),
    [
        ("/js/main.mjs", "text/javascript; charset=utf-8"),
        ("/engine.wasm", "application/wasm"),
        ("/face.mp4", "video/mp4"),
        ("/%EC%96%BC%EA%B5%B4%201.txt", "text/plain; charset=utf-8"),
        ("/alias.txt", "text/html; charset=utf-8"),
    ],
)
def test_files_have_their_type(site: SiteServer, path: str, mime: str) -> None:
    answer = ask(site, path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, mime)


def test_a_folder_is_its_index_after_a_redirect(site: SiteServer) -> None:
    answer = ask(site, "/js?x=1")
    assert (answer.status, answer.headers["Location"]) == (301, "/js/?x=1")
    assert ask(site, "/js/").body == b"folder page"


@pytest.mark.parametrize(
    "path",
    [
        "/empty/",
        "/missing.js",
        "/index.html/",
        "/../outside.txt",
        "/js/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/js%2fmain.mjs",
        "/js\\main.mjs",
        "/js//main.mjs",
        "/%00",
        "/%ff",
        "/leak.txt",
        "/loop",
        "/.secret",
        "/" + "n" * 5000,
        "http://localhost/index.html",
        "http://[localhost",
        "*",
    ],
)
def test_nothing_else_is_served(site: SiteServer, path: str) -> None:
    answer = ask(site, path, Host="localhost")
    assert answer.status == 404
    assert answer.body == b"404 Not Found\n"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_paths_that_were_asked_for_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    told: list[str] = []
    with SiteServer(tmp_path, on_request=told.append) as server:
        for path in ("/a.txt?query", "/missing"):
            ask(server, path)
    assert told == ["/a.txt", "/missing"]


def test_a_redirect_never_leads_to_another_host(site: SiteServer) -> None:
    answer = ask(site, "//js")
    assert (answer.status, answer.headers["Location"]) == (301, "/js/")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"])
def test_own_hosts_are_answered(site: SiteServer, host: str) -> None:
    assert ask(site, "/", Host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "127.0.0.1@x"])
def test_foreign_hosts_are_refused(site: SiteServer, host: str) -> None:
    answer = ask(site, "/", Host=host)
    assert answer.status == 421
    assert b"127.0.0.1" in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_get_and_head(site: SiteServer, method: str) -> None:
    answer = ask(site, "/", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_has_the_headers_of_get_and_no_body(site: SiteServer) -> None:
    answer = ask(site, "/face.mp4", "HEAD", Range="bytes=0-3")
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, str(len(VIDEO)), b"")
    assert ask(site, "/missing", "HEAD").body == b""


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=1020-9999", 1020, 1024),
        ("bytes=-9999", 0, 1024),
        (f"bytes=1000-{'9' * 5000}", 1000, 1024),
        (f"bytes=-{'9' * 5000}", 0, 1024),
    ],
)
def test_parts_of_a_file(site: SiteServer, asked: str, start: int, stop: int) -> None:
    answer = ask(site, "/face.mp4", Range=asked)
    assert (answer.status, answer.body) == (206, VIDEO[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1024"
    assert answer.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "bytes=0-1,4-5", "lines=1-2", "bytes=a-b"])
def test_a_range_that_makes_no_sense_gives_the_whole_file(site: SiteServer, asked: str) -> None:
    answer = ask(site, "/face.mp4", Range=asked)
    assert (answer.status, answer.body) == (200, VIDEO)


@pytest.mark.parametrize(
    "asked", ["bytes=1024-", "bytes=2000-3000", "bytes=-0", f"bytes={'9' * 5000}-", f"bytes={'1' * 30}-{'2' * 30}"]
)
def test_a_range_beyond_the_end_is_refused(site: SiteServer, asked: str) -> None:
    answer = ask(site, "/face.mp4", Range=asked)
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */1024")


def test_an_unchanged_file_is_not_sent_twice(site: SiteServer, site_folder: Path) -> None:
    etag = ask(site, "/face.mp4").headers["ETag"]
    again = ask(site, "/face.mp4", If_None_Match=etag)
    assert (again.status, again.body) == (304, b"")
    (site_folder / "face.mp4").write_bytes(b"new")
    assert ask(site, "/face.mp4", If_None_Match=etag).body == b"new"
    assert ask(site, "/face.mp4", If_Range=etag, Range="bytes=0-0").body == b"new"


@pytest.mark.parametrize(
    ("known", "status"),
    [("*", 304), ("W/{etag}", 304), ('"a", {etag} , "b"', 304), ('"a"', 200), ("{etag}x", 200), ("x*", 200), ("", 200)],
)
def test_what_a_client_has_is_compared_as_a_whole(site: SiteServer, known: str, status: int) -> None:
    etag = ask(site, "/face.mp4").headers["ETag"]
    assert ask(site, "/face.mp4", If_None_Match=known.format(etag=etag)).status == status


def test_two_hundred_clients_at_once_are_all_served(site: SiteServer) -> None:
    count = 200
    together = threading.Barrier(count)
    seconds: list[float] = []

    def visit() -> None:
        together.wait()
        began = time.monotonic()
        answer = ask(site, "/face.mp4")
        assert (answer.status, answer.body) == (200, VIDEO)
        seconds.append(time.monotonic() - began)

    with ThreadPoolExecutor(count) as crowd:
        for visitor in [crowd.submit(visit) for _ in range(count)]:
            visitor.result()
    print(f"{count} clients: the slowest answer took {max(seconds):.2f} s")
    assert len(seconds) == count


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"GET /face.mp4 HTTP/1.1\r\nHost: localhost\r\nX-A: "])
def test_a_client_that_never_ends_its_request_is_dropped(
    site: SiteServer, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(handler, "_REQUEST_S", 0.5)
    with socket.create_connection(("127.0.0.1", port_of(site)), timeout=5) as slow:
        slow.sendall(sent)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 5:
                time.sleep(0.1)
                if sent:
                    slow.sendall(b"a")  # a byte now and then buys no more time
                elif slow.recv(1) == b"":
                    break
    assert time.monotonic() - began < 4


def test_a_client_that_takes_nothing_is_dropped(
    site: SiteServer, site_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "_CHUNK_S", 0.3)
    (site_folder / "large.bin").write_bytes(bytes(64 * 1024 * 1024))
    with socket.create_connection(("127.0.0.1", port_of(site)), timeout=10) as slow:
        slow.sendall(b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1)
        received = 0
        with contextlib.suppress(ConnectionError):
            while chunk := slow.recv(1024 * 1024):
                received += len(chunk)
    assert received < 32 * 1024 * 1024


def test_a_mount_wins_over_the_folder_of_that_name(site_folder: Path, tmp_path: Path) -> None:
    (site_folder / "model").mkdir()
    (site_folder / "model" / "manifest.json").write_text("old", encoding="utf-8")
    other = tmp_path / "built"
    other.mkdir()
    (other / "manifest.json").write_text("new", encoding="utf-8")
    (other / "leak.txt").symlink_to(site_folder / "index.html")
    with SiteServer(site_folder, mounts={"model": other}) as site:
        assert ask(site, "/model/manifest.json").body == b"new"
        assert ask(site, "/model/leak.txt").status == 404
        assert ask(site, "/model").headers["Location"] == "/model/"
        assert ask(site, "/js/").status == 200


def test_a_connection_carries_several_requests(site: SiteServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(site), timeout=5)
    for path, status in (("/", 200), ("/missing", 404), ("/js/main.mjs", 200)):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()


def test_leaving_the_block_ends_even_idle_connections_at_once(site_folder: Path) -> None:
    with SiteServer(site_folder) as site:
        port = port_of(site)
        idle = socket.create_connection(("127.0.0.1", port), timeout=5)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(15) == b"HTTP/1.1 200 OK"
        began = time.monotonic()
    assert time.monotonic() - began < 2
    while idle.recv(4096):
        pass  # what was already on its way, then the end of the connection
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_browser_that_hangs_up_is_no_error(
    site: SiteServer, site_folder: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    (site_folder / "big.bin").write_bytes(bytes(20_000_000))
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port_of(site)), timeout=5) as impatient:
            impatient.sendall(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            impatient.recv(100)
    assert ask(site, "/").status == 200
    time.sleep(0.1)
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_named(site: SiteServer, site_folder: Path) -> None:
    port = port_of(site)
    with pytest.raises(ServeError, match=rf"^port {port} is in use by another program; .*--port 0"):
        SiteServer(site_folder, port).__enter__()


def test_a_port_that_does_not_exist_is_named(site_folder: Path) -> None:
    with pytest.raises(ServeError, match="port 70000 does not exist; give one from 1 to 65535"):
        SiteServer(site_folder, 70000).__enter__()


def test_a_missing_folder_is_named(tmp_path: Path, site_folder: Path) -> None:
    with pytest.raises(ServeError, match=r"there is no folder .*nowhere to serve"):
        SiteServer(tmp_path / "nowhere").__enter__()
    with pytest.raises(ServeError, match=r"there is no folder .*nowhere to serve"):
        SiteServer(site_folder, mounts={"model": tmp_path / "nowhere"}).__enter__()
    with pytest.raises(ServeError, match=r"cannot mount a folder as 'a/b'"):
        SiteServer(site_folder, mounts={"a/b": site_folder}).__enter__()


def test_the_address_needs_a_running_server(site_folder: Path) -> None:
    server = SiteServer(site_folder)
    with pytest.raises(ServeError, match="not running"):
        _ = server.url


def test_serve_forever_reports_its_address_and_ends_on_ctrl_c(
    site_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[bytes] = []
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def fetch(url: str) -> None:
        host = url.removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(host, timeout=5)
        connection.request("GET", "/")
        bodies.append(connection.getresponse().read())
        connection.close()

    fetcher: list[threading.Thread] = []

    def on_ready(url: str) -> None:
        fetcher.append(threading.Thread(target=fetch, args=(url,)))
        fetcher[0].start()

    def interrupt(_server: SiteHTTPServer) -> None:
        # Other tests' servers run in threads of their own; Ctrl-C reaches the main thread only.
        if bodies and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    monkeypatch.setattr(SiteHTTPServer, "service_actions", interrupt)
    serve_forever(site_folder, 0, open_browser=True, on_ready=on_ready)
    fetcher[0].join()
    assert bodies == [b"<h1>hello</h1>"]
    assert [url.startswith("http://127.0.0.1:") for url in opened] == [True]


def test_a_request_that_cannot_be_parsed_is_refused_in_plain_text(site: SiteServer) -> None:
    with socket.create_connection(("127.0.0.1", port_of(site)), timeout=5) as rude:
        rude.sendall(b"<b>BREW</b> / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while part := rude.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert answer.endswith(b"\r\n\r\n501 Not Implemented\n")
    assert b"<b>" not in answer
