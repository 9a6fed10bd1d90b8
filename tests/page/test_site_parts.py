"""What is around the page: what a link to it shows, how it is installed, what its footer says."""

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path
from urllib.parse import urljoin

import pytest

from reon_export.paths import WEB_DEMO
from reon_export.site.server import SiteServer
from reon_export.site.single_file import write_standalone
from reon_export.site.static_site import write_site
from tests.support.hosts import PLAIN_PATH, LoggedHost
from tests.support.visits import OpenPage, Visit

# model_dir is asked for by every test, so that it is built before a browser is open: building it opens one too.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir"), pytest.mark.service_worker]

MOST_ICON_BYTES = 12_000


@pytest.fixture(scope="module")
def hosted(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the published site below a sub-path."""
    root = tmp_path_factory.mktemp("hosted")
    write_site(model_dir, root / PLAIN_PATH)
    return root


def read_manifest_in(visit: Visit) -> dict[str, object]:
    """The web manifest as Chromium reads it: it looks for one only when it is asked."""
    session = visit.page.context.new_cdp_session(visit.page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == []
    installable = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in installable if error["errorId"] != "in-incognito"] == []
    return {"url": found["url"], **json.loads(found["data"])}


def png_size(path: Path) -> str:
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) <= MOST_ICON_BYTES
    return "{}x{}".format(*struct.unpack(">II", content[16:24]))


def test_chromium_takes_the_manifest_and_asks_nobody_else(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url)
    visit.wait_for("ready")
    manifest = read_manifest_in(visit)
    assert manifest["url"] == f"{site.url}manifest.webmanifest"
    assert manifest["display"] == "standalone"
    visit.expect_clean()  # manifest-src, too


def test_every_linked_file_is_published_below_a_sub_path(open_page: OpenPage, hosted: Path) -> None:
    with LoggedHost(hosted, plain=True) as host:
        url = f"{host.url}{PLAIN_PATH}"
        visit = open_page(url)
        visit.wait_for("ready")
        manifest = read_manifest_in(visit)
        assert manifest["url"] == f"{url}manifest.webmanifest"
        assert [urljoin(str(manifest["url"]), str(manifest[key])) for key in ("start_url", "scope")] == [url, url]
        links = visit.page.evaluate("[...document.querySelectorAll('link')].map((link) => link.href)")
        picture = visit.page.get_attribute('meta[property="og:image"]', "content")
        visit.expect_clean()
    site = hosted / PLAIN_PATH
    assert f"{url}icons/apple-touch-icon.png" in links
    for linked in [*links, urljoin(url, picture)]:
        assert (site / linked.removeprefix(url)).is_file(), linked
    icons = manifest["icons"]
    assert isinstance(icons, list)
    assert [icon["sizes"] for icon in icons] == [png_size(site / icon["src"]) for icon in icons]
    assert [icon.get("purpose") for icon in icons] == [None, None, "maskable"]
    assert png_size(site / "icons/apple-touch-icon.png") == "180x180"
    assert png_size(site / "icons/preview.png") == "1200x630"


def test_a_link_to_the_page_is_described(open_page: OpenPage, site: SiteServer) -> None:
    html = (WEB_DEMO / "index.html").read_text(encoding="utf-8")
    shared = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]+)">', html))
    (title,) = re.findall(r"<title>(.*)</title>", html)
    assert title == shared["og:title"]
    assert shared["description"] == shared["og:description"]
    assert shared["og:type"] == "website"
    assert re.findall(r'name="theme-color" media="\(prefers-color-scheme: (\w+)\)"', html) == ["light", "dark"]
    visit = open_page(f"{site.url}?lang=en")
    visit.wait_for("ready")
    assert visit.page.title() == title
    visit.page.click('[data-language="ko"]')
    assert "점수" in visit.page.title()


def test_one_file_holds_no_icons_and_names_no_picture(model_dir: Path, tmp_path: Path) -> None:
    html = write_standalone(model_dir, tmp_path / "one.html").path.read_text(encoding="utf-8")
    for absent in ('data-path="icons/', "og:image", "apple-touch-icon", "manifest.webmanifest"):
        assert absent not in html
    assert 'property="og:title"' in html


def open_link(visit: Visit, text: str) -> str:
    """What a click on a link of the footer shows, in its own tab."""
    with visit.page.context.expect_page() as opened:
        visit.page.click(f"footer >> text={text}")
    opened.value.wait_for_load_state()
    return opened.value.inner_text("body")


def expect_footer(visit: Visit) -> None:
    assert "never leaves this device" in visit.page.inner_text("footer")
    assert "Permission is hereby granted" in open_link(visit, "Licences of the bundled libraries")
    assert "tfjs-float16" in open_link(visit, "Details of the model")
    visit.page.click('[data-language="ko"]')
    assert re.findall("[A-Za-z]{2,}", visit.page.inner_text("footer")) == []
    assert visit.page.locator("footer a").count() == 2


def test_the_footer_of_a_published_page(open_page: OpenPage, hosted: Path) -> None:
    with LoggedHost(hosted, plain=True) as host:
        visit = open_page(f"{host.url}{PLAIN_PATH}?lang=en")
        visit.wait_for("ready")
        expect_footer(visit)
        visit.expect_clean()


def test_the_footer_without_a_network(open_page: OpenPage, hosted: Path) -> None:
    with LoggedHost(hosted) as host:
        visit = open_page(f"{host.url}{PLAIN_PATH}?lang=en")
        visit.page.wait_for_selector('body[data-offline="kept"]')
    expect_footer(visit)  # the host is gone


def test_the_footer_of_one_file_opens_what_is_inside_it(open_page: OpenPage, model_dir: Path, tmp_path: Path) -> None:
    visit = open_page(f"{write_standalone(model_dir, tmp_path / 'one.html').path.as_uri()}?lang=en")
    visit.wait_for("ready")
    expect_footer(visit)
    assert visit.complaints == []


# What bundlers do that know nothing of files and workers; one reads `package.json`'s `browser` field.
BUNDLERS = {"package": "--platform=browser", "folder": "--platform=neutral"}
ANALYZE = """async ({pipeline, options}) => {
    const {createEmotionPipeline} = await import(pipeline);
    try {
        const made = await createEmotionPipeline({manifestUrl: 'model/manifest.json', ...options});
        const {label} = await made.analyze(await (await fetch('/samples/astronaut.png')).blob());
        const {offMainThread, runtime: {backend}} = made.facts;
        made.destroy();
        return {label, offMainThread, backend};
    } catch (error) {
        return {code: error.code, message: error.message};
    }
}"""


def bundle(source: str, target: Path, platform: str) -> None:
    esbuild = WEB_DEMO / "node_modules" / ".bin" / "esbuild"
    command = [str(esbuild), str(WEB_DEMO / source), "--bundle", "--format=esm", platform, f"--outfile={target}"]
    subprocess.run([*command, "--log-level=error"], check=True)


@pytest.mark.parametrize("kind", list(BUNDLERS))
@pytest.mark.parametrize("backend", ["kernels", "wasm"])
def test_libraries_and_worker_may_lie_elsewhere(
    open_page: OpenPage, folder: Path, host: LoggedHost, kind: str, backend: str
) -> None:
    shutil.move(folder / "vendor", folder / "static" / "libraries")
    for name in ("pipeline.js", "inference/worker.js"):
        bundle(f"js/{name}", folder / "static" / Path(name).name, BUNDLERS[kind])
    shutil.rmtree(folder / "js")
    (folder / "app").mkdir()
    (folder / "app" / "index.html").write_text('<!doctype html><link rel="icon" href="data:,">', encoding="utf-8")
    url = host.url
    visit = open_page(f"{url}app/")
    options = {
        "manifestUrl": "../model/manifest.json",
        "backend": backend,
        "vendorUrl": f"{url}static/libraries",
        "workerUrl": "../static/worker.js",
    }
    answer = visit.page.evaluate(ANALYZE, {"pipeline": f"{url}static/pipeline.js", "options": options})
    assert answer == {"label": "happiness", "offMainThread": True, "backend": backend}
    assert f"{url}static/worker.js" in visit.requests
    assert any(asked.startswith(f"{url}static/libraries/") and asked.endswith(".wasm") for asked in visit.requests)
    visit.expect_clean()
    on_the_page = {"pipeline": f"{url}static/pipeline.js", "options": {**options, "worker": "never"}}
    here = visit.page.evaluate(ANALYZE, on_the_page)
    assert here == {**answer, "offMainThread": False}
    del options["vendorUrl"]
    lost = visit.page.evaluate(ANALYZE, {"pipeline": f"{url}static/pipeline.js", "options": options})
    is_library_lost = (kind, backend) == ("folder", "wasm")  # else it is in the bundle, or not needed
    assert lost.get("code") == ("error_vendor_missing" if is_library_lost else "error_backend_failed")


@pytest.mark.parametrize("option", ["vendorUrl", "workerUrl"])
@pytest.mark.parametrize(
    "asked", ["https://example.org/reon/", "//example.org/", "data:text/javascript,0", "http://[", ""]
)
def test_an_address_elsewhere_is_refused(open_page: OpenPage, site: SiteServer, option: str, asked: str) -> None:
    visit = open_page(f"{site.url}parity.html")
    failed = visit.page.evaluate(ANALYZE, {"pipeline": "/js/pipeline.js", "options": {option: asked}})
    assert failed["code"] == "error_address"
    assert option in failed["message"]
    assert f'"{asked}"' in failed["message"]
    assert site.url.rstrip("/") in failed["message"]
    visit.expect_clean()
