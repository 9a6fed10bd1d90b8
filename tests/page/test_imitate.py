"""Imitate and score, through the page as a visitor uses it, against Python on the same videos."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from reon_export.score.definition import find_lag, score_tracks
from reon_export.score.files import ScoreResult, result_to_csv, result_to_json
from reon_export.score.scale import describe_place
from reon_export.score.tracks.track import read_track
from reon_export.site.server import SiteServer
from reon_export.spec import ModelSpec
from tests.support import clips
from tests.support.page_tracks import python_track
from tests.support.performances import (
    QUICK_FPS,
    SECONDS,
    SHOTS,
    MakeClip,
    choose,
    make_in,
    perform,
    save,
    score_of,
    wait_until_read,
)
from tests.support.visits import TIMEOUT_MS, OpenPage, Visit, open_visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

LAG_S = 0.4
SWAPPED = (*SHOTS[:3], clips.Shot(clips.ASTRONAUT, 0.8, fade_s=0.2))


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    return make_in(tmp_path)


@dataclass(frozen=True)
class Scored:
    """A page that shows the score of two videos."""

    visit: Visit
    actor: Path
    user: Path


@pytest.fixture(scope="module")
def scored(chromium: Browser, site: SiteServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    """For tests that change nothing of it but the playhead."""
    make = make_in(tmp_path_factory.mktemp("scored"))
    actor, user = make("actor.webm", fps=clips.FPS), make("user.webm", SWAPPED, LAG_S, fps=clips.FPS)
    visit = open_visit(chromium, f"{site.url}?precision=float32#imitate")
    visit.wait_for("ready")
    perform(visit, actor, user)
    yield Scored(visit, actor, user)
    visit.page.context.close()


@pytest.fixture
def visit(open_page: OpenPage, site: SiteServer) -> Visit:
    visit = open_page(f"{site.url}?precision=float32#imitate")
    visit.wait_for("ready")
    return visit


def test_page_and_python_agree_on_a_performance_and_its_imitation(
    scored: Scored, model_dir: Path, tmp_path: Path
) -> None:
    visit, files = scored.visit, (scored.actor, scored.user)
    shown, lag_s = float(visit.data("#score", "score")), float(visit.data("#score", "lag"))
    assert visit.page.inner_text("#total") == f"{shown:.1f}"
    tracks = [read_track(path) for path in save(visit, "#save-tracks", tmp_path, 2)]
    assert [track.name for track in tracks] == ["actor.webm", "user.webm"]
    pairs = zip(files, tracks, strict=True)
    actor, user = (python_track(path, track, model_dir) for path, track in pairs)
    expected, lag = score_tracks(actor, user), find_lag(actor, user)
    assert expected.total is not None
    assert lag is not None
    # Measured: less than 0.001, since Python converts colours exactly as Chromium does on x86-64.
    assert shown == pytest.approx(expected.total, abs=0.01)
    assert abs(lag_s - lag.lag_s) <= 1 / 30 + 1e-9
    assert abs(lag_s - LAG_S) <= 1 / 30 + 1e-9
    assert f"{lag_s:.2f} s late" in visit.page.inner_text("#score-facts")
    best = float(visit.data('[data-moment="best"]', "time-s"))
    assert expected.best is not None
    assert expected.scores[int(best * 30)] == pytest.approx(expected.best.score, abs=0.5)
    visit.expect_clean()


def test_what_is_saved_is_what_the_command_writes(scored: Scored, default_spec: ModelSpec, tmp_path: Path) -> None:
    visit = scored.visit
    tracks = {path.name: read_track(path) for path in save(visit, "#save-tracks", tmp_path, 2)}
    actor, user = tracks["actor.track.json"], tracks["user.track.json"]
    expected = ScoreResult(actor, user, score_tracks(actor, user), "lag", find_lag(actor, user), default_spec.scale)
    (as_json,) = save(visit, "#save-json", tmp_path)
    assert json.loads(as_json.read_text(encoding="utf-8")) == result_to_json(expected)
    assert default_spec.scale is not None
    assert expected.score.total is not None
    assert visit.page.inner_text("#score-place") == describe_place(expected.score.total, default_spec.scale)
    (as_csv,) = save(visit, "#save-csv", tmp_path)
    assert as_csv.read_text(encoding="utf-8") == result_to_csv(expected)
    (picture,) = save(visit, "#save-picture", tmp_path)
    with Image.open(picture) as image:
        assert image.size == (1200, 630)
        pixels = np.asarray(image.convert("RGB"))
    # Both faces of the best moment, the big number and the line are there: nowhere is a large part of one colour.
    for part in (pixels[60:300, 600:860], pixels[60:300, 880:1140], pixels[110:280, 56:500], pixels[420:570, 56:1140]):
        assert len(np.unique(part.reshape(-1, 3), axis=0)) > 20


def test_the_picture_is_copied(scored: Scored) -> None:
    page = scored.visit.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert page.is_hidden("#share-picture")  # this browser shares no files
    page.click("#copy-picture")
    read = """async () => {
        for (let i = 0; i < 100; i += 1) {
            const [item] = await navigator.clipboard.read();
            const type = item?.types.find((name) => name === 'image/png');
            if (type) return (await createImageBitmap(await item.getType(type))).width;
            await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
        return 0;
    }"""
    assert page.evaluate(read) == 1200


def test_the_same_file_gives_the_same_track_twice(visit: Visit, make_clip: MakeClip, tmp_path: Path) -> None:
    path = make_clip("actor.webm", SHOTS[:2])
    perform(visit, path, path)
    assert visit.page.inner_text("#total") == "100.0"
    assert "in time with the actor" in visit.page.inner_text("#score-facts")
    first, second = (read_track(path) for path in save(visit, "#save-tracks", tmp_path, 2))
    assert first == second


def test_one_playhead_moves_both_videos_and_the_time(scored: Scored) -> None:
    visit = scored.visit
    times = "() => [...document.querySelectorAll('#imitate video')].map((video) => video.currentTime)"
    visit.page.eval_on_selector(
        "#playhead", "slider => { slider.value = '2'; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    assert visit.page.evaluate(times) == [2, 2]
    assert visit.page.inner_text("#playhead-text").startswith("2.0 s: ")
    beside = visit.page.eval_on_selector_all(
        "#score video", "videos => videos.map(one => one.getBoundingClientRect().y)"
    )
    assert len(beside) == 2
    assert beside[0] == beside[1]
    visit.page.click("#slow")
    visit.page.click("#play")
    assert visit.page.inner_text("#play") == "Pause"
    rates = "() => [...document.querySelectorAll('#score video')].map((video) => video.playbackRate)"
    assert visit.page.evaluate(rates) == [0.5, 0.5]
    visit.page.click("#slow")
    assert visit.page.evaluate(rates) == [1, 1]
    for _ in range(1000):  # both play; a busy machine may take its time
        visit.page.wait_for_timeout(20)
        if min(visit.page.evaluate(times)) > 2.3:
            break
    else:
        pytest.fail(f"the videos do not play: {visit.page.evaluate(times)}")
    if visit.page.inner_text("#play") == "Pause":
        visit.page.click("#play")
    stopped = float(visit.page.input_value("#playhead"))
    assert visit.page.evaluate(times) == pytest.approx([stopped, stopped], abs=1e-3)
    visit.page.click('[data-moment="worst"] button')
    worst = float(visit.data('[data-moment="worst"]', "time-s"))
    assert visit.page.evaluate(times) == pytest.approx([worst, worst], abs=1e-3)
    visit.page.locator("#score-chart .u-over").click()  # in its middle, when the page has done scrolling
    assert visit.page.evaluate(times) == pytest.approx([SECONDS / 2] * 2, abs=0.05)


def test_reading_can_be_cancelled_and_begun_anew(visit: Visit, make_clip: MakeClip) -> None:
    long = make_clip("long.webm", SHOTS * 2)
    choose(visit, "actor", long)
    visit.page.wait_for_selector("#actor progress[value]")
    visit.page.click("#actor .cancel")
    visit.page.wait_for_selector("#actor .working", state="hidden")
    assert visit.page.inner_text("#actor-status") == "Cancelled."
    assert visit.page.is_disabled("#record")
    choose(visit, "actor", make_clip("actor.webm", SHOTS[:1]))
    wait_until_read(visit, "actor")
    frames = round(SHOTS[0].seconds * QUICK_FPS)
    assert visit.page.inner_text("#actor-status") == f"actor.webm: {frames} frames, a face in 100.0% of them"
    assert visit.page.is_enabled("#record")
    visit.expect_clean()


def test_each_reason_for_no_score_is_named(visit: Visit, make_clip: MakeClip, tmp_path: Path) -> None:
    choose(visit, "actor", make_clip("actor.webm", SHOTS[:3]))
    wait_until_read(visit, "actor")

    def expect_refused(user: Path, reason: str) -> None:
        choose(visit, "user", user)
        visit.page.wait_for_selector(
            f"#alert-text:text-matches({json.dumps('^There is no score: ' + reason)})", timeout=TIMEOUT_MS
        )
        assert visit.state == "error"
        assert visit.page.is_hidden("#score")

    away = make_clip("away.webm", (clips.Shot(clips.SMILE, 0.5, 0.0), clips.Shot(clips.NOBODY, 1.9, 0.0)))
    expect_refused(away, r"both faces are visible in only 2.*\(actor 100\.0%, you 2")
    # One that ends early is not told to show its face, and one that is read too rarely is not told to turn around.
    short = make_clip("short.webm", (clips.Shot(clips.SMILE, 0.4),))
    expect_refused(short, r"the actor performs for 2\.4 s, you for 0\.4 s, and the shorter")
    rare = clips.write_clip(tmp_path / "rare.webm", clips.performance(SHOTS), [0.0, 1.1, 2.2])
    expect_refused(rare, r"your face was read only 0\.\d times a second, which covers")


def test_files_that_are_no_good_are_refused_in_words(visit: Visit, make_clip: MakeClip, tmp_path: Path) -> None:
    whole = make_clip("actor.webm", SHOTS[:1])
    (tmp_path / "notes.mp4").write_text("this is not a video")
    (tmp_path / "empty.webm").write_bytes(b"")
    nobody = make_clip("nobody.webm", (clips.Shot(clips.NOBODY, 0.5),))
    wanted = {
        tmp_path / "notes.mp4": "notes.mp4 is not a video that this browser can play (",
        tmp_path / "empty.webm": "empty.webm is not a video that this browser can play (0 bytes).",
        nobody: "No face was found in any of the 8 frames of nobody.webm.",
    }
    for path, sentence in wanted.items():
        choose(visit, "actor", path)
        visit.page.wait_for_selector('body[data-state="error"]', timeout=TIMEOUT_MS)
        assert visit.error.startswith(sentence)
        assert visit.page.is_disabled("#record")
        choose(visit, "actor", whole)
        wait_until_read(visit, "actor")
        assert visit.page.is_hidden("#alert")


def test_a_file_that_was_cut_off_is_said_to_be(visit: Visit, make_clip: MakeClip, tmp_path: Path) -> None:
    whole = make_clip("whole.webm", SHOTS).read_bytes()
    (tmp_path / "cut.webm").write_bytes(whole[: len(whole) // 2])
    choose(visit, "actor", tmp_path / "cut.webm")
    visit.page.wait_for_selector('body[data-state="error"]', timeout=TIMEOUT_MS)
    assert "cut.webm is cut off: its header states 3.2 s, its frames end at " in visit.error


def test_another_actor_may_come_while_the_user_is_read(visit: Visit, make_clip: MakeClip) -> None:
    first, second, user = (make_clip(f"{name}.webm", SHOTS[:length]) for name, length in (("a", 1), ("b", 2), ("c", 2)))
    choose(visit, "actor", first)
    wait_until_read(visit, "actor")
    choose(visit, "user", user)
    visit.page.wait_for_selector("#user progress[value]")
    choose(visit, "actor", second)
    # The first actor has a score of 98.7 if the user is read sooner than the second.
    visit.page.wait_for_selector("#total:text-is('100.0')", timeout=TIMEOUT_MS)
    assert visit.state == "result"


DROP = """([selector, files]) => {
    const data = new DataTransfer();
    for (const [name, base64] of files) {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        data.items.add(new File([bytes], name, {type: 'video/webm'}));
    }
    const target = document.querySelector(selector);
    target.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
}"""
PASTE = DROP.replace("DragEvent('drop', {dataTransfer", "ClipboardEvent('paste', {clipboardData")


def hand_over(visit: Visit, script: str, selector: str, *paths: Path) -> None:
    files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
    visit.page.evaluate(script, [selector, files])


def test_a_drop_goes_to_the_card_that_it_lands_on(visit: Visit, make_clip: MakeClip) -> None:
    hand_over(visit, DROP, "#user .screen", make_clip("mine.webm", SHOTS[:1]))
    wait_until_read(visit, "user")
    assert visit.page.inner_text("#user-status").startswith("mine.webm: ")
    assert visit.page.inner_text("#actor-status") == ""
    hand_over(visit, PASTE, "body", make_clip("actor.webm", SHOTS[:1]))  # the actor is who is missing
    visit.wait_for("result")
    assert visit.page.inner_text("#total") == "100.0"


def test_two_videos_dropped_at_once_are_the_actor_and_you(visit: Visit, make_clip: MakeClip) -> None:
    hand_over(visit, DROP, "body", make_clip("first.webm", SHOTS[:1]), make_clip("second.webm", SHOTS[:1]))
    visit.wait_for("result")
    assert visit.page.inner_text("#actor-status").startswith("first.webm: ")
    assert visit.page.inner_text("#user-status").startswith("second.webm: ")


def test_no_timing_is_claimed_for_different_performances(visit: Visit, make_clip: MakeClip) -> None:
    other = tuple(clips.Shot(photo, 0.8, fade_s=0.2) for photo in (clips.BIDEN, clips.BIDEN, clips.SPEECH, clips.BIDEN))
    perform(visit, make_clip("actor.webm"), make_clip("other.webm", other))
    assert "cannot be told: the two performances are too different" in visit.page.inner_text("#score-facts")


def read_part(visit: Visit, who: str, start_s: float, end_s: float) -> None:
    card = visit.page.locator(f"#{who}")
    if card.locator(".part").get_attribute("open") is None:
        card.locator(".part summary").click()
    card.locator(".part-to").fill(str(end_s))
    card.locator(".part-from").fill(str(start_s))
    card.locator(".part-read").click()


def test_only_a_part_of_a_video_is_read(visit: Visit, make_clip: MakeClip, tmp_path: Path) -> None:
    whole = make_clip("long.webm", fps=clips.FPS)
    choose(visit, "actor", whole)
    wait_until_read(visit, "actor")
    visit.page.click("#actor .part summary")
    visit.page.fill("#actor .part-from", "3.2")  # too late for anything to follow
    assert visit.page.inner_text("#actor .part-from-text") == "From 2.7 s"
    assert visit.page.inner_text("#actor .part-to-text") == "To 3.2 s"
    visit.page.fill("#actor .part-to", "0.1")
    assert visit.page.inner_text("#actor .part-from-text") == "From 0.0 s"
    assert visit.page.inner_text("#actor .part-to-text") == "To 0.5 s"
    read_part(visit, "actor", 0.9, 1.5)
    visit.page.wait_for_selector("#actor .working:visible")
    wait_until_read(visit, "actor")
    choose(visit, "user", make_clip("first.webm", SHOTS[:1]))
    visit.wait_for("result")
    assert visit.page.inner_text("#total") != "100.0"
    choose(visit, "user", whole)
    visit.page.wait_for_selector("#user .part:visible")
    read_part(visit, "user", 0.9, 1.5)
    visit.wait_for("result")
    assert visit.page.inner_text("#total") == "100.0"
    for path in save(visit, "#save-tracks", tmp_path, 2):
        track = read_track(path)
        assert track.duration_s == pytest.approx(0.6, abs=0.04)
        assert track.frames[0].time_s < 1 / 30
        assert "only from 0.9 s to 1.5 s of 3.2 s" in track.notes
    videos = "() => [...document.querySelectorAll('#players video')].map((video) => video.currentTime)"
    visit.page.fill("#playhead", "0.3")
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate(videos) == [pytest.approx(1.2, abs=0.02)] * 2


def test_the_chart_says_what_is_under_the_pointer_and_the_scale_where_the_score_lies(scored: Scored) -> None:
    visit = scored.visit
    chart = visit.page.locator("#score-chart .u-over")
    chart.scroll_into_view_if_needed()
    chart.hover()  # in its middle
    shown = visit.page.inner_text("#score-chart .readout")
    match = re.fullmatch(r"(\d\.\d) s: (\d+\.\d)", shown)
    assert match is not None, shown
    assert float(match[1]) == pytest.approx(SECONDS / 2, abs=0.15)
    visit.page.hover("#total")
    assert visit.page.is_hidden("#score-chart .readout")
    mark, track = (visit.page.locator(f"#scale .scale-{name}").bounding_box() for name in ("mark", "track"))
    assert mark is not None
    assert track is not None
    share = (mark["x"] + mark["width"] / 2 - track["x"]) / track["width"]
    assert 100 * share == pytest.approx(score_of(visit), abs=0.5)
