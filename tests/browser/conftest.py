"""Visits to the page in a real Chromium; each keeps every request and every complaint of the browser."""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser
from reon_export.paths import WEB_DEMO
from reon_export.site.server import SiteServer

TIMEOUT_MS = 60_000
# Keeps what the page read last, for `Visit`.
KEEP_READING = "addEventListener('reon-reading', (event) => { globalThis.reading = event.detail; }, true);"


@dataclass
class Visit:
    """One page in a fresh profile."""

    page: Page
    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def state(self) -> str | None:
        return self.page.locator("body").get_attribute("data-state")

    @property
    def error(self) -> str:
        """The sentence that the page shows."""
        return self.page.inner_text("#alert-text")

    @property
    def faces(self) -> list[dict[str, float]]:
        """Those of the picture that was read last."""
        return list(self.page.evaluate("() => globalThis.reading?.faces ?? []"))

    @property
    def probabilities(self) -> list[float]:
        """Those of the picture that was read last, as the classifier gave them; none without a face."""
        return list(self.page.evaluate("() => Array.from(globalThis.reading?.probabilities ?? [])"))

    def data(self, selector: str, name: str) -> str:
        value = self.page.locator(selector).get_attribute(f"data-{name}")
        assert value is not None, f"{selector} has no data-{name}"
        return value

    def wait_for(self, *states: str) -> None:
        # Not wait_for_function: it evaluates text, which the content security policy forbids.
        wanted = ", ".join(f'body[data-state="{state}"]' for state in {*states, "error"})
        self.page.wait_for_selector(wanted, timeout=TIMEOUT_MS)
        assert self.state in states, f"the page is {self.state}: {self.error}"

    def read_sample(self) -> None:
        self.page.click("#sample")
        self.wait_for("result")

    def drop(self, name: str, mime: str, content: bytes) -> None:
        """Drop a file on the page, as a person does."""
        self.page.evaluate(
            """([name, type, base64]) => {
                const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], name, {type}));
                document.querySelector('#stage').dispatchEvent(
                    new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
            }""",
            [name, mime, base64.b64encode(content).decode()],
        )

    def expect_clean(self) -> None:
        """No error on the console (a breach of the security policy is one), and nothing asked from elsewhere."""
        assert self.complaints == []
        assert self.requests
        assert [url for url in self.requests if not url.startswith((self.origin, f"blob:{self.origin}"))] == []


OpenPage = Callable[..., Visit]
ChangeManifest = Callable[[dict[str, Any]], None]
ServeChanged = Callable[[ChangeManifest], SiteServer]


@pytest.fixture(scope="session", autouse=True)
def _vendored() -> None:
    assert (WEB_DEMO / "vendor" / "tfjs.js").is_file(), "run `npm ci && npm run vendor` in web_demo first"


@pytest.fixture(scope="module")
def chromium_arguments() -> list[str]:
    """What a module's Chromium is started with besides; modules override it."""
    return []


@pytest.fixture(scope="module")
def chromium(chromium_arguments: list[str]) -> Iterator[Browser]:
    # One a module, and closed after it: two synchronous playwrights cannot be open at once.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            chromium_sandbox=False,
            args=[*CHROMIUM_ARGUMENTS, "--enable-unsafe-webgpu", *chromium_arguments],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """open_page(url, locale="en-US", init_script=None, **context options) -> Visit."""
    contexts = []

    def open_url(url: str, *, locale: str = "en-US", init_script: str | None = None, **options: Any) -> Visit:
        context = chromium.new_context(locale=locale, **options)
        contexts.append(context)
        context.add_init_script(KEEP_READING)
        if init_script is not None:
            context.add_init_script(init_script)
        page = context.new_page()
        origin = "/".join(url.split("/")[:3]) + "/"
        visit = Visit(page, origin)
        context.on("request", lambda request: visit.requests.append(request.url))
        page.on("pageerror", lambda error: visit.complaints.append(f"uncaught: {error}"))
        page.on("console", lambda message: visit.complaints.append(message.text) if message.type == "error" else None)
        page.goto(url)
        return visit

    yield open_url
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def site(model_dir: Path) -> Iterator[SiteServer]:
    """The site with the default checkpoint's model."""
    with SiteServer(WEB_DEMO, mounts={"model": model_dir}) as server:
        yield server


@pytest.fixture
def serve_changed(model_dir: Path, tmp_path: Path) -> Iterator[ServeChanged]:
    """Serve a copy of the model folder whose manifest has been changed."""
    with ExitStack() as stack:

        def serve(change: ChangeManifest) -> SiteServer:
            folder = copy_model(model_dir, tmp_path)
            path = folder / "manifest.json"
            manifest = json.loads(path.read_text(encoding="utf-8"))
            change(manifest)
            path.write_text(json.dumps(manifest), encoding="utf-8")
            return stack.enter_context(SiteServer(WEB_DEMO, mounts={"model": folder}))

        yield serve


def copy_model(model_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_dir, tmp_path / "model", ignore=shutil.ignore_patterns("*.onnx")))
