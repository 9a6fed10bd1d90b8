"""Where the page cannot start, it says so in one sentence; what is wrong with a photograph is said for its cause."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser

from reon_export.faces.image_files import read_image_rgb
from reon_export.paths import SAMPLE_PHOTOS, WEB_DEMO
from reon_export.site.server import SiteServer
from tests.support import clips
from tests.support.hosts import LoggedHost
from tests.support.visits import OpenPage, copy_model

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.service_worker]

SANDBOX = 'document.body.innerHTML = \'<iframe sandbox="allow-scripts" src="/"></iframe>\''


PLAIN_NAME = "plain.test"  # to a browser not this machine, and so no secure place


@pytest.fixture(scope="module")
def chromium_arguments() -> list[str]:
    return [f"--host-resolver-rules=MAP {PLAIN_NAME} 127.0.0.1"]


def page_without(folder: Path, missing: str | None = None) -> Path:
    shutil.copytree(WEB_DEMO, folder, ignore=shutil.ignore_patterns("node_modules", "model", "vendor", missing or ""))
    return folder


def test_a_page_that_is_opened_as_a_file(chromium: Browser, tmp_path: Path) -> None:
    page = chromium.new_page()
    page.goto((page_without(tmp_path / "site") / "index.html").as_uri())
    page.wait_for_selector("#alert:visible")
    assert 'Run "python -m reon_export serve", or open the file that "build --standalone" makes.' in page.inner_text(
        "#alert-text"
    )
    page.close()


def test_a_page_in_a_sandboxed_frame(chromium: Browser, tmp_path: Path) -> None:
    # A host of plain files: our own server forbids frames.
    with LoggedHost(page_without(tmp_path / "site"), plain=True) as host:
        page = chromium.new_page()
        page.goto(f"{host.url}js/errors.js")
        page.evaluate(SANDBOX)
        frame = page.frame_locator("iframe")
        frame.locator("#alert").wait_for(state="visible")
        expected = "Add allow-same-origin to its sandbox attribute, or open the page in a tab of its own."
        assert expected in frame.locator("#alert-text").inner_text()
        page.close()


def test_a_page_from_a_folder_with_a_file_missing(chromium: Browser, tmp_path: Path) -> None:
    with LoggedHost(page_without(tmp_path / "site", "errors.js"), plain=True) as host:
        page = chromium.new_page()
        page.goto(host.url)
        page.wait_for_selector("#alert:visible")
        assert "check that no file is missing from its folder" in page.inner_text("#alert-text")
        page.close()


def test_a_page_that_is_not_bundled_starts_from_modules(open_page: OpenPage, host: LoggedHost, folder: Path) -> None:
    (folder / "vendor" / "page.js").unlink()
    visit = open_page(host.url)
    visit.wait_for("ready")
    assert "/js/app/main.js" in host.log.paths


def test_a_page_without_javascript(chromium: Browser, site: SiteServer) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url)
    assert "This page needs JavaScript." in page.locator("noscript").inner_text()
    context.close()


def test_a_page_over_plain_http(open_page: OpenPage, model_dir: Path, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("node_modules", "model")
    folder = Path(shutil.copytree(WEB_DEMO, tmp_path / "site", ignore=ignored))
    copy_model(model_dir, folder)
    with LoggedHost(folder, plain=True) as host:
        visit = open_page(host.url.replace("127.0.0.1", PLAIN_NAME).replace("localhost", PLAIN_NAME))
        visit.wait_for("error")
        assert visit.error.startswith("This page was opened over plain http")
        assert visit.error.endswith("Open it over https, or on its own machine as http://localhost.")


def test_a_codec_that_the_browser_lacks_is_named_where_a_face_is_read(
    open_page: OpenPage, site: SiteServer, tmp_path: Path
) -> None:
    at = clips.performance(clips.SHORT)
    visit = open_page(site.url)
    visit.wait_for("ready")
    path = clips.write_clip(tmp_path / "phone.mp4", at, clips.even_times(0.3), codec="libx265")
    for content in (path.read_bytes(), clips.add_sound(path, tmp_path / "sound.mp4", 0.5, "aac").read_bytes()):
        visit.drop("phone.mp4", "video/mp4", content)
        visit.wait_for("error")
        assert visit.error.startswith("phone.mp4 is encoded as HEVC (H.265), which this browser does not decode. Open")
        assert visit.error.endswith('"Most Compatible" (iPhone: Camera, Formats), or convert the file to H.264.')
        visit.read_sample()


def test_a_damaged_file_does_not_blame_a_codec_that_the_browser_has(
    open_page: OpenPage, site: SiteServer, tmp_path: Path
) -> None:
    at = clips.performance(clips.SHORT)
    content = bytearray(
        clips.write_clip(tmp_path / "hurt.mp4", at, clips.even_times(0.3), codec="libx264").read_bytes()
    )
    start = content.index(b"mdat") + 4
    end = content.index(b"moov", start) - 4
    content[start:end] = bytes(end - start)
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.drop("hurt.mp4", "video/mp4", bytes(content))
    visit.wait_for("error")
    assert visit.error.startswith("hurt.mp4 is not a video that this browser can play (")


def encode(image_rgb: npt.NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def shrink(image_rgb: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    return cv2.resize(image_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def test_notes_on_a_photograph_fit_the_cause(open_page: OpenPage, site: SiteServer) -> None:
    whole = read_image_rgb(SAMPLE_PHOTOS / "obama2.jpg")
    photo = shrink(whole, 700 / max(whole.shape))
    height, width = photo.shape[:2]
    visit = open_page(site.url)
    visit.wait_for("ready")
    for name, image, note in (
        ("whole", photo, ""),
        ("leaving", photo[:, width * 3 // 10 :], "The face is partly outside the picture"),
        ("small", shrink(photo, 0.13), "pixels wide: come closer"),
        ("dark", (photo * 0.12).astype(np.uint8), "The face is dark: add light"),
    ):
        visit.drop(f"{name}.png", "image/png", encode(np.ascontiguousarray(image)))
        visit.wait_for("result", "error")
        assert visit.state == "result", f"{name}: {visit.error}"
        shown = visit.page.inner_text("#face-note") if visit.page.is_visible("#face-note") else ""
        assert note in shown if note else shown == "", name
    visit.drop("night.png", "image/png", encode((photo[: height // 5] * 0.1).astype(np.uint8)))
    visit.wait_for("error")
    assert visit.error == "No face was found: the picture is too dark. Use one with more light."
