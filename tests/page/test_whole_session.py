"""A whole session: usable by everybody, in private, from loading to the saved result."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from reon_export.faces.image_files import read_image_rgb
from reon_export.faces.tiny_face import TinyFaceDetector
from reon_export.paths import SAMPLE_PHOTOS, WEB_DEMO
from reon_export.site.server import SiteServer
from reon_export.spec import ModelSpec
from tests.support import clips
from tests.support.face_folders import write_rgb
from tests.support.hosts import LoggedHost
from tests.support.performances import camera_arguments
from tests.support.readings import ASTRONAUT, expected_probabilities
from tests.support.visits import TIMEOUT_MS, OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

AXE = WEB_DEMO / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def chromium_arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A camera with a face in it."""
    return camera_arguments(tmp_path_factory.mktemp("camera"), (clips.Shot(clips.SMILE, 2),))


def score_the_samples(visit: Visit) -> None:
    visit.page.click("#tab-imitate")
    visit.page.click("#actor-sample")
    visit.page.wait_for_selector('#imitate[data-actor="ready"]', timeout=TIMEOUT_MS)
    visit.page.click("#user-sample")
    visit.wait_for("result")


def find_violations(page: Page) -> list[str]:
    """What axe finds, serious or worse; the script is run beside the page, whose policy would not load it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in result["violations"]
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]


def test_nothing_serious_stands_in_anybodys_way_and_no_width_scrolls_sideways(
    open_page: OpenPage, quick_site: SiteServer, tmp_path: Path
) -> None:
    visit = open_page(f"{quick_site.url}?lang=ko", reduced_motion="reduce")  # colours change at once
    expect_accessible(visit.page)  # while it loads
    visit.wait_for("ready")
    visit.read_sample()
    expect_accessible(visit.page)
    visit.page.click("button[data-language=en]")
    visit.page.click("#camera")
    visit.wait_for("live")
    expect_accessible(visit.page)
    visit.page.click("#details summary")
    visit.page.click("#engineers summary")
    expect_accessible(visit.page)
    visit.page.set_input_files("#picker", two_people(tmp_path))
    visit.page.wait_for_selector("#faces button >> nth=1", timeout=TIMEOUT_MS)
    expect_accessible(visit.page)
    visit.page.click("#tab-imitate")
    expect_accessible(visit.page)
    visit.page.click("button[data-language=ko]")
    score_the_samples(visit)
    expect_accessible(visit.page)
    visit.page.click("#record")
    visit.page.wait_for_selector("#countdown:text-is('3')", timeout=TIMEOUT_MS)
    expect_accessible(visit.page)
    visit.wait_for("result")
    for width_px in (320, 390, 768, 1280):
        visit.page.set_viewport_size({"width": width_px, "height": 800})
        fits = f"document.documentElement.scrollWidth <= {width_px}"
        assert visit.page.evaluate(f"new Promise((done) => setTimeout(() => done({fits}), 500))"), width_px
    visit.drop("notes.mp4", "video/mp4", b"this is not a video")
    visit.page.wait_for_selector('body[data-state="error"]')
    expect_accessible(visit.page)


# Every text and every name on show that is a sentence of the other language.
LEFT_BEHIND = r"""async (language) => {
    const {EN} = await import('/js/app/text_en.js');
    const {KO} = await import('/js/app/text_ko.js');
    const [own, other] = language === 'ko' ? [KO, EN] : [EN, KO];
    const patterns = Object.entries(other).flatMap(([key, text]) => {
        const words = text.replace(/\{\w+\}/g, '').replace(/[^\p{L}]/gu, '');
        if (own[key] === text || words.length < 3) return [];
        return [new RegExp(`^${text.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '.+?')}$`, 'su')];
    });
    const texts = [];
    for (const element of document.body.querySelectorAll('*:not(script, noscript *, .languages, .languages *)')) {
        if (!element.checkVisibility()) continue;
        const nodes = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
        const names = ['aria-label', 'aria-valuetext', 'title', 'alt'].map((name) => element.getAttribute(name) ?? '');
        texts.push(...nodes.map((node) => node.textContent.trim()), ...names);
    }
    return [...new Set(texts.filter((text) => text !== '' && patterns.some((pattern) => pattern.test(text))))];
}"""


def expect_one_language(page: Page) -> None:
    """After a change there and back."""
    for language in ("ko", "en"):
        page.click(f"button[data-language={language}]")
        page.wait_for_timeout(300)
        assert page.evaluate(LEFT_BEHIND, language) == [], language


def test_a_change_of_language_leaves_nothing_behind(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(f"{site.url}?precision=float32#")
    visit.wait_for("ready")
    expect_one_language(visit.page)
    visit.page.click("#example")
    visit.wait_for("result")
    expect_one_language(visit.page)
    visit.page.click("#record")
    visit.page.wait_for_selector("#record:text-is('Stop and score')", timeout=TIMEOUT_MS)
    visit.page.wait_for_timeout(2500)
    expect_one_language(visit.page)
    visit.page.click("#record")
    visit.wait_for("result", "ready")
    expect_one_language(visit.page)
    visit.page.click("#tab-read")
    visit.page.click("#camera")
    visit.wait_for("live")
    visit.page.wait_for_selector("#reading-files:visible")
    expect_one_language(visit.page)
    visit.page.click("#stop")
    expect_one_language(visit.page)
    visit.drop("notes.mp4", "video/mp4", b"this is not a video")
    visit.page.wait_for_selector('body[data-state="error"]')
    expect_one_language(visit.page)
    visit.page.evaluate("document.querySelector('#status').textContent = '준비되었습니다.'")
    assert visit.page.evaluate(LEFT_BEHIND, "en") == ["준비되었습니다."]  # it would be noticed


def two_people(folder: Path) -> Path:
    """A photograph of two faces."""
    couple = np.hstack([read_image_rgb(SAMPLE_PHOTOS / name)[:620, :620] for name in ("obama.jpg", "obama2.jpg")])
    return write_rgb(folder / "two.png", couple)


def expect_accessible(page: Page) -> None:
    """In both colour schemes."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert find_violations(page) == [], scheme


def test_axe_would_notice(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.page.evaluate("document.querySelector('#choose').textContent = ''")
    assert any(found.startswith("button-name") for found in find_violations(visit.page))


def test_everything_is_reached_by_keyboard(open_page: OpenPage, quick_site: SiteServer) -> None:
    visit = open_page(f"{quick_site.url}#")
    visit.wait_for("ready")
    focused = (
        "() => document.activeElement.id || document.activeElement.dataset.language || document.activeElement.className"
    )
    order = []
    for _ in range(8):
        visit.page.keyboard.press("Tab")
        order.append(visit.page.evaluate(focused))
    first = ["skip", "ko", "en", "tab-imitate", "example", "actor-choose", "actor-record", "actor-sample"]
    assert order == first
    visit.page.focus("#tab-imitate")
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.evaluate(focused) == "tab-read"
    assert visit.page.is_visible("#read")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate(focused) == "camera"
    visit.page.focus("#tab-read")
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.evaluate(focused) == "tab-imitate"
    assert visit.page.is_visible("#imitate")
    assert visit.page.is_hidden("#read")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate(focused) == "example"
    visit.page.focus("#actor-sample")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector('#imitate[data-actor="ready"]', timeout=TIMEOUT_MS)
    visit.page.focus("#user-sample")
    visit.page.keyboard.press("Space")
    visit.wait_for("result")
    assert visit.page.evaluate(focused) == "score"
    visit.page.focus("#playhead")
    visit.page.keyboard.press("End")
    assert visit.page.inner_text("#playhead-text").startswith(f"{clips.length_of(clips.SHORT):.1f} s")
    assert visit.page.get_attribute("#playhead", "aria-valuetext") == visit.page.inner_text("#playhead-text")


def test_readers_hear_what_bars_show(
    open_page: OpenPage, site: SiteServer, model_dir: Path, default_spec: ModelSpec
) -> None:
    (face, *_) = TinyFaceDetector(default_spec.crop.correction).detect(read_image_rgb(ASTRONAUT))
    shares = expected_probabilities(ASTRONAUT, face, model_dir, default_spec)
    share = float(shares[[label.key for label in default_spec.labels].index("happiness")])
    visit = open_page(f"{site.url}?precision=float32")
    visit.wait_for("ready")
    visit.read_sample()
    meter = visit.page.get_by_role("meter", name="Happiness")
    assert meter.get_attribute("aria-valuenow") == f"{share * 100:.0f}"
    assert meter.get_attribute("aria-valuetext") == f"Happiness: {share:.1%}"
    assert visit.page.get_attribute("#photo", "aria-label") == "Picture, one face outlined"


class _Door(socketserver.StreamRequestHandler):
    """A proxy that lets nothing through and writes down who knocked."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Guard)
        server.knocks.append(self.rfile.readline().decode("latin-1").strip())
        self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class _Guard(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.knocks: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def guard() -> Iterator[_Guard]:
    with _Guard() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.service_worker
def test_no_request_leaves_the_origin_in_a_whole_session(
    open_page: OpenPage, quick_site: SiteServer, tmp_path: Path
) -> None:
    # All that is not for this machine goes to the guard: page, workers and service worker alike.
    with guard() as outside:
        visit = open_page(quick_site.url, proxy={"server": outside.address, "bypass": "127.0.0.1"})
        visit.wait_for("ready")
        visit.read_sample()
        visit.page.click("#camera")
        visit.wait_for("live")
        visit.page.wait_for_timeout(1000)
        score_the_samples(visit)
        for button in ("#save-json", "#save-csv", "#save-picture"):
            with visit.page.expect_download() as download:
                visit.page.click(button)
            download.value.save_as(tmp_path / download.value.suggested_filename)
        visit.page.click("#record")
        visit.page.wait_for_selector("#countdown:text-is('1')", timeout=TIMEOUT_MS)
        visit.wait_for("result")
        visit.page.wait_for_selector('body[data-offline="kept"]', timeout=TIMEOUT_MS)
        visit.expect_clean()
        assert outside.knocks == []


@pytest.mark.service_worker
def test_the_guard_would_notice(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>a page without a policy</title>", encoding="utf-8")
    with guard() as outside, LoggedHost(tmp_path, plain=True) as host:
        visit = open_page(host.url, proxy={"server": outside.address, "bypass": "127.0.0.1"})
        visit.page.evaluate("fetch('http://elsewhere.example/frame', {mode: 'no-cors'}).catch(() => null)")
        assert outside.knocks == ["GET http://elsewhere.example/frame HTTP/1.1"]
