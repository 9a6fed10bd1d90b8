"""A visit to the page in Chromium; it keeps every request and every complaint of the browser."""

import base64
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from reon_export.site.server import SiteServer

TIMEOUT_MS = 180_000  # WebGL in software took over 60 s on two busy cores
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

    @property
    def facts(self) -> str:
        """What runs and how it was checked: folded away, unless a visitor wants to see it."""
        return self.page.text_content("#facts") or ""

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


def open_visit(
    browser: Browser, url: str, *, locale: str = "en-US", init_script: str | None = None, **options: Any
) -> Visit:
    """A visit in a fresh profile, to the part where a face is read unless the address names one.

    `options` are those of a browser context, which is the caller's to close.
    """
    context = browser.new_context(locale=locale, **options)
    context.add_init_script(KEEP_READING)
    if init_script is not None:
        context.add_init_script(init_script)
    page = context.new_page()
    visit = Visit(page, "/".join(url.split("/")[:3]) + "/")
    context.on("request", lambda request: visit.requests.append(request.url))
    page.on("pageerror", lambda error: visit.complaints.append(f"uncaught: {error}"))
    page.on("console", lambda message: visit.complaints.append(message.text) if message.type == "error" else None)
    page.goto(url if "#" in url else f"{url}#read")
    return visit


OpenPage = Callable[..., Visit]
ChangeManifest = Callable[[dict[str, Any], Path], None]
ServeChanged = Callable[..., SiteServer]


def keep_one_crop(manifest: dict[str, Any], folder: Path) -> None:
    """Shorten the self-test of a model to one crop: software adapters of WebGPU and WebGL take seconds for each."""
    self_test = manifest["self_test"]
    path = folder / self_test["file"]["path"]
    first = path.read_bytes()[: path.stat().st_size // self_test["samples"]]
    path.write_bytes(first)
    self_test["file"].update(bytes=len(first), sha256=hashlib.sha256(first).hexdigest())
    self_test.update(samples=1, expected_logits=self_test["expected_logits"][:1])


def copy_model(model_dir: Path, tmp_path: Path) -> Path:
    """A model folder to be changed, without ONNX."""
    return Path(shutil.copytree(model_dir, tmp_path / "model", ignore=shutil.ignore_patterns("*.onnx")))
