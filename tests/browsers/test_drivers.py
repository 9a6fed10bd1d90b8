"""The parity page in each engine. An engine that is not installed is the one reason to skip, and no reason in CI."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reon_export.browsers import webkit
from reon_export.browsers.select import ENGINES, PageDriver, ScriptError, open_page
from reon_export.errors import BrowserError, ParityError
from reon_export.paths import WEB_DEMO
from reon_export.runtimes import page_session as page
from reon_export.runtimes.onnx_runtime import load_classifier
from reon_export.runtimes.page_session import PageSession, open_page_session
from reon_export.runtimes.runtime_id import TFJS_WASM
from reon_export.runtimes.tfjs_runtime import load_tfjs
from reon_export.site.server import SiteServer
from tests.support.engines import require_engine

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CROPS = 2
# Measured in all three engines on wasm (8 crops): 2.3e-6 from ONNX Runtime.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class OpenedEngine:
    """An engine with the parity page open in it."""

    name: str
    driver: PageDriver
    session: PageSession


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return require_engine(request.param)


@pytest.fixture(scope="module", params=ENGINES)
def opened(request: pytest.FixtureRequest, model_dir: Path) -> Iterator[OpenedEngine]:
    name = require_engine(request.param)
    with (
        SiteServer(WEB_DEMO, mounts={"model": model_dir}) as server,
        open_page(f"{server.url}parity.html", browser=name) as driver,
    ):
        yield OpenedEngine(name, driver, PageSession(driver))


def test_the_version_is_the_engines_own(opened: OpenedEngine) -> None:
    assert re.fullmatch(rf"{opened.name} \d+(\.\d+)+", str(opened.session.browser_version))


def test_answers_agree_with_onnx(opened: OpenedEngine, model_dir: Path, face_crops_rgb: npt.NDArray[np.uint8]) -> None:
    crops = face_crops_rgb[:CROPS]
    with load_tfjs(opened.session, TFJS_WASM, "float32") as runtime:
        actual = runtime(crops)
        assert runtime.id == TFJS_WASM
    expected = load_classifier(model_dir)(crops)
    assert actual.labels == expected.labels
    assert float(np.abs(actual.probabilities - expected.probabilities).max()) <= TOLERANCE
    # The comparison can fail: the two crops have answers further apart than that.
    assert float(np.abs(actual.probabilities[::-1] - expected.probabilities).max()) > 100 * TOLERANCE


def test_errors_of_the_page_arrive_in_its_words(opened: OpenedEngine) -> None:
    with pytest.raises(ParityError, match=r"^in the browser: .*classify\(\) was called before load\(\)"):
        opened.session.call("classify", "", 1)
    with pytest.raises(
        ParityError, match=r"^in the browser: There is no backend called tpu; choose one of kernels, wasm, "
    ):
        opened.session.call("load", {"manifestUrl": "model/manifest.json", "precision": "float32", "backend": "tpu"})
    with pytest.raises(ParityError, match=r"^in the browser: .*not a function") as caught:
        opened.session.call("noSuchFunction")
    assert "\n" not in str(caught.value)


def test_json_travels_both_ways(opened: OpenedEngine) -> None:
    evaluate = opened.driver.evaluate
    sent = {"text": "기쁨 \u2028 'quoted'", "numbers": [1, 0.1, -2.5e-300], "nothing": None, "yes": True}
    assert evaluate("async (value) => value", sent) == sent
    assert evaluate("() => [NaN, undefined]") == [None, None]
    assert evaluate("() => undefined") is None
    assert evaluate("(text) => text.length", "x" * 3_000_000) == 3_000_000


def test_what_a_script_throws_is_told_from_what_cannot_run(opened: OpenedEngine) -> None:
    evaluate = opened.driver.evaluate
    with pytest.raises(ScriptError, match=r"^two lines$"):
        evaluate("() => { throw new Error('two\\nlines'); }")
    with pytest.raises(ScriptError, match=r"^not an Error$"):
        evaluate("() => Promise.reject('not an Error')")
    with pytest.raises(BrowserError, match=r"^the browser cannot run the script: ") as caught:
        evaluate("(((")
    assert not isinstance(caught.value, ScriptError)


def test_an_address_that_does_not_answer_is_named(engine: str, tmp_path: Path) -> None:
    with SiteServer(tmp_path) as server:
        closed = server.url
    with (
        pytest.raises(BrowserError, match=rf"^the browser cannot open {closed}: .*(?i:refused)"),
        open_page(closed, browser=engine),
    ):
        pass


def test_a_broken_page_says_why(engine: str, tmp_path: Path, model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "parity.html").write_text('<script type="module" src="broken.js"></script>', encoding="utf-8")
    (tmp_path / "broken.js").write_text("throw new Error('broken on purpose')", encoding="utf-8")
    monkeypatch.setattr(page, "WEB_DEMO", tmp_path)
    with (
        pytest.raises(
            ParityError, match=r"^the parity page did not become ready: broken on purpose; try 'make vendor'$"
        ),
        open_page_session(model_dir, engine),
    ):
        pass


def test_threads_run_where_the_engine_has_them(engine: str, model_dir: Path) -> None:
    with (
        open_page_session(model_dir, engine, threads=True) as session,
        load_tfjs(session, TFJS_WASM, "float32") as runtime,
    ):
        assert runtime.threads is not None
        assert runtime.threads == 1 if engine == "webkit" else runtime.threads >= 2


def test_a_script_before_the_pages_own(engine: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="look.js"></script>', encoding="utf-8")
    (tmp_path / "look.js").write_text("window.seen = window.early", encoding="utf-8")
    with SiteServer(tmp_path) as server:
        if engine == "webkit":
            with (
                pytest.raises(BrowserError, match=r"^webkit cannot run a script before the page's own; use chromium"),
                open_page(server.url, browser=engine, init_script="window.early = 'early';"),
            ):
                pass
            return
        with open_page(server.url, browser=engine, init_script="window.early = 'early';") as driver:
            assert driver.evaluate("() => window.seen") == "early"


def test_a_fake_camera_shows_pictures_and_nobody_is_asked(engine: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<video muted playsinline></video>", encoding="utf-8")
    with SiteServer(tmp_path) as server, open_page(server.url, browser=engine, fake_camera=True) as driver:
        size = driver.evaluate("""async () => {
            const video = document.querySelector('video');
            video.srcObject = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}}});
            await video.play();
            return [video.videoWidth, video.videoHeight];
        }""")
    assert size == [640, 480]


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception), ("false", pytest.skip.Exception)]
)
def test_a_missing_engine_fails_in_ci_and_is_not_run_elsewhere(
    ci: str, outcome: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(outcome, match=r"(not installed: webkit|CI must have every engine: no WebKit found)"):
        require_engine("webkit")


def test_answers_that_webkit_loses_are_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_engine("webkit")
    (tmp_path / "index.html").write_text("<title>One</title>", encoding="utf-8")
    send, losses = webkit._WebDriver.send, cycle([webkit.WebDriverError(webkit._GARBLED), None, webkit.NoAnswerError()])

    def lose_two_of_three(driver: webkit._WebDriver, method: str, path: str, *rest: Any, **named: Any) -> Any:
        answer = send(driver, method, path, *rest, **named)
        if path.endswith("/execute/sync") and (loss := next(losses)):
            raise loss
        return answer

    with SiteServer(tmp_path) as server, open_page(server.url, browser="webkit") as driver:
        monkeypatch.setattr(webkit._WebDriver, "send", lose_two_of_three)
        count = "async () => { await 0; globalThis.runs = (globalThis.runs ?? 0) + 1; return globalThis.runs; }"
        assert [driver.evaluate(count) for _ in range(4)] == [1, 2, 3, 4]


def test_a_page_that_goes_away_gives_no_answer_in_webkit(tmp_path: Path) -> None:
    require_engine("webkit")
    (tmp_path / "index.html").write_text("<title>One</title>", encoding="utf-8")
    with SiteServer(tmp_path) as server, open_page(server.url, browser="webkit") as driver:
        with pytest.raises(BrowserError, match="cannot run the script: the page was replaced by another before it ans"):
            driver.evaluate("() => { location.reload(); return new Promise(() => {}); }")
        assert driver.evaluate("() => document.title") == "One"
