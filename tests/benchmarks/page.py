"""What the page costs, and how close it is: bytes, first paint and reading, long tasks, frame rate, score and Python.

Run by hand: `python tests/benchmarks/page.py`; needs `make build`; writes page.json beside itself. Headless Chromium
with a camera that plays real faces.
"""

import base64
import json
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, get_args

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser  # noqa: E402
from reon_export.paths import DEFAULT_MODEL_DIR, WEB_DEMO  # noqa: E402
from reon_export.score.choices import DetectorName  # noqa: E402
from reon_export.score.definition import find_lag, score_tracks  # noqa: E402
from reon_export.score.job import ScoreOptions, load_track_model  # noqa: E402
from reon_export.score.tracks.make import make_track  # noqa: E402
from tests.support import clips  # noqa: E402
from tests.support.hosts import LoggedHost  # noqa: E402
from tests.support.page_tracks import TRACK_AND_SCORE  # noqa: E402

RESULT = Path(__file__).with_suffix(".json")
ROUNDS = 5
TIMEOUT_MS = 120_000
LIVE_S = 10
LONG_TASK_MS = 50
LAG_S = 0.4
WATCH = """window.longTasks = [];
new PerformanceObserver((list) => {
    for (const {startTime, duration} of list.getEntries()) longTasks.push([startTime, duration]);
}).observe({type: 'longtask', buffered: true});"""
# A task that must be noticed, or none of them is.
BLOCK = """() => new Promise((resolve) => setTimeout(() => {
    const end = performance.now() + 80;
    while (performance.now() < end);
    setTimeout(() => resolve(longTasks.length), 500);
}))"""
PAINT = """() => performance.getEntriesByType('paint').find(({name}) => name === 'first-contentful-paint').startTime"""
# Resolves at the moment at which the page says so, on its own clock.
MOMENT = """(state) => new Promise((resolve) => {
    const look = () => document.body.dataset.state === state && resolve(performance.now());
    new MutationObserver(look).observe(document.body, {attributes: true});
    look();
})"""
SWAPS: dict[str, tuple[clips.Shot, ...]] = {
    "the same, late": clips.ACTOR,
    "one shot swapped, late": (*clips.ACTOR[:3], clips.Shot(clips.ASTRONAUT, 1.5), clips.ACTOR[4]),
    "two shots swapped, late": (clips.Shot(clips.BIDEN, 1.5), *clips.ACTOR[1:3], *clips.ACTOR[1:2], clips.ACTOR[4]),
    "another order": clips.ACTOR[::-1],
}


def visit(context: BrowserContext, url: str) -> tuple[Page, dict[str, float]]:
    """Open the page; when it painted, and when it was ready."""
    page = context.new_page()
    page.goto(f"{url}#read", wait_until="commit")
    page.wait_for_selector("body[data-state]")
    ready_ms = page.evaluate(MOMENT, "ready")
    return page, {"paint": page.evaluate(PAINT), "ready": ready_ms}


def measure_visits(browser: Browser) -> dict[str, Any]:
    """Two visits in a new profile, ROUNDS times: milliseconds since navigation, requests, bytes on the wire."""
    rounds: dict[str, list[dict[str, float]]] = {"first": [], "second": []}
    for _ in range(ROUNDS):
        with LoggedHost(WEB_DEMO) as host:
            context = browser.new_context()
            for rows in rounds.values():
                host.log.requests.clear()
                page, times = visit(context, host.url)
                page.click("#sample")
                before = page.evaluate("performance.now()")
                times["sample"] = page.evaluate(MOMENT, "result") - before
                page.wait_for_selector('body[data-offline="kept"]', timeout=TIMEOUT_MS)
                rows.append({**times, "requests": len(host.log.requests), "bytes": host.log.sent_bytes})
                page.close()
            context.close()
    return {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in rounds.items()
    }


def measure_first_scores(browser: Browser) -> dict[str, float]:
    """Seconds in a new profile: from the navigation to the example's score, and from there to one's own, recorded."""
    rows: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        with LoggedHost(WEB_DEMO) as host:
            context = browser.new_context()
            page = context.new_page()
            page.goto(host.url, wait_until="commit")
            page.click("#example")
            example_ms = page.evaluate(MOMENT, "result")
            page.click("#record")
            page.wait_for_selector("#record:text-is('Stop and score')", timeout=TIMEOUT_MS)
            own_ms = page.evaluate(MOMENT, "result")
            rows.append({"example_s": example_ms / 1000, "own_s": (own_ms - example_ms) / 1000})
            context.close()
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def measure_session(browser: Browser) -> dict[str, Any]:
    """A session with camera, clips, recording and replay: long tasks after loading, and live figures."""
    with LoggedHost(WEB_DEMO) as host:
        context = browser.new_context()
        context.add_init_script(WATCH)
        page, times = visit(context, host.url)
        page.wait_for_selector('body[data-offline="kept"]', timeout=TIMEOUT_MS)
        page.click("#camera")
        page.wait_for_selector('body[data-state="live"]')
        readings = []
        for _ in range(LIVE_S):
            page.wait_for_timeout(1000)
            readings.append(page.text_content("#facts") or "")
        page.click("#stop")
        page.click("#tab-imitate")
        page.click("#actor-sample")
        page.wait_for_selector('#imitate[data-actor="ready"]', timeout=TIMEOUT_MS)
        for button in ("#user-sample", "#record"):
            page.click(button)
            page.wait_for_timeout(500)
            page.wait_for_selector('body[data-state="result"]', timeout=TIMEOUT_MS)
        page.click("#play")
        page.wait_for_timeout(2000)
        page_s = (page.evaluate("performance.now()") - times["ready"]) / 1000
        tasks = [
            {"at_ms": round(start), "ms": round(duration)}
            for start, duration in page.evaluate("longTasks")
            if start > times["ready"] and duration > LONG_TASK_MS
        ]
        if page.evaluate(BLOCK) <= len(tasks):
            raise SystemExit("a task of 80 ms was not noticed: that there are no long tasks means nothing")
        context.close()
    return {"seconds": round(page_s), "long_tasks": tasks, **read_live(readings)}


def read_live(readings: list[str]) -> dict[str, float]:
    """Medians of what the page itself showed, once a second."""

    def median(pattern: str) -> float:
        found = [match for text in readings if (match := re.search(pattern, text))]
        return statistics.median(float(match[1]) for match in found)

    return {
        "fps": median(r"(\d+) frames per second"),
        "detect_ms": median(r"face (\d+) ms"),
        "classify_ms": median(r"emotion (\d+) ms"),
    }


def compare_scores(browser: Browser, folder: Path) -> list[dict[str, Any]]:
    """The page's score of pairs of videos, and Python's: behind the page's detector, and behind Haar."""
    tiny, haar = (load_track_model(ScoreOptions(DEFAULT_MODEL_DIR, detector=name)) for name in get_args(DetectorName))
    times = clips.even_times(clips.length_of(clips.ACTOR))
    actor = clips.write_clip(folder / "actor.webm", clips.performance(clips.ACTOR), times)
    rows: list[dict[str, Any]] = []
    with LoggedHost(WEB_DEMO) as host:
        page = browser.new_page()
        page.goto(f"{host.url}parity.html")
        for name, shots in SWAPS.items():
            user = clips.write_clip(folder / f"{len(rows)}.webm", clips.performance(shots, LAG_S), times)
            videos = [base64.b64encode(path.read_bytes()).decode() for path in (actor, user)]
            answer = page.evaluate(TRACK_AND_SCORE, {"videos": videos, "type": "video/webm"})
            same, own = ([make_track(path, model) for path in (actor, user)] for model in (tiny, haar))
            lag, own_lag = find_lag(same[0], same[1]), find_lag(own[0], own[1])
            rows.append(
                {
                    "pair": name,
                    "page": answer["score"],
                    "python": score_tracks(same[0], same[1]).total,
                    "python_haar": score_tracks(own[0], own[1]).total,
                    "page_lag_s": answer["lag"]["lagS"],
                    "python_lag_s": None if lag is None else lag.lag_s,
                    "haar_lag_s": None if own_lag is None else own_lag.lag_s,
                }
            )
        page.close()
    return rows


def main() -> None:
    """Measure everything and write the file."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        camera = clips.write_camera_file(folder / "camera.mjpeg", clips.performance(clips.ACTOR), 7)
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            chromium_sandbox=False,
            args=[
                *CHROMIUM_ARGUMENTS,
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        result = {
            "browser": f"chromium {browser.version}",
            "cores": os.cpu_count(),
            "rounds": ROUNDS,
            "visits": measure_visits(browser),
            "first_scores": measure_first_scores(browser),
            "session": measure_session(browser),
            "scores": compare_scores(browser, folder),
        }
        browser.close()
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
