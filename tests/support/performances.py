"""Performances of real faces for the page to score, and what a visitor does with them."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Download

from reon_export.paths import SAMPLE_PHOTOS
from tests.support import clips
from tests.support.visits import TIMEOUT_MS, Visit

SHOTS = tuple(clips.Shot(photo, 0.8, fade_s=0.2) for photo in (clips.SMILE, clips.SPEECH, clips.SMILE, clips.BIDEN))
SECONDS = clips.length_of(SHOTS)
QUICK_FPS = 15
MakeClip = Callable[..., Path]
Shots = tuple[clips.Shot, ...]


def camera_arguments(folder: Path, shots: Shots = SHOTS) -> list[str]:
    """Chromium's, with a camera that is a real video of real faces, over and over.

    Like a camera in poor light it gives 15 frames a second: the page reads every one, which takes a core at 30.
    """
    path = folder / "camera.y4m"
    clips.write_slow_camera_file(path, clips.performance(shots), clips.length_of(shots), QUICK_FPS)
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={path}",
    ]


def make_in(folder: Path) -> MakeClip:
    """make(name, shots, delay_s, fps) -> a video. 15 frames a second are read in half the time of 30."""

    def make(name: str, shots: Shots = SHOTS, delay_s: float = 0.0, fps: float = QUICK_FPS) -> Path:
        times = clips.even_times(clips.length_of(shots), fps)
        return clips.write_clip(folder / name, clips.performance(shots, delay_s), times)

    return make


def write_samples(folder: Path, actor: Shots, imitation: Shots, fps: float) -> Path:
    """What lies in samples/, with other clips and without the tracks of those that are shipped."""
    names = json.loads((SAMPLE_PHOTOS / "samples.json").read_text(encoding="utf-8"))
    shipped = {role: name for role, name in names.items() if not role.endswith("_track")}
    (folder / "samples.json").write_text(json.dumps(shipped), encoding="utf-8")
    (folder / "astronaut.png").write_bytes((SAMPLE_PHOTOS / "astronaut.png").read_bytes())
    times = clips.even_times(clips.length_of(actor), fps)
    for name, shots, delay_s in (("actor", actor, 0.0), ("imitation", imitation, clips.SHORT_LAG_S)):
        clips.write_clip(folder / f"{name}.webm", clips.performance(shots, delay_s), times, codec="libvpx-vp9")
    return folder


def choose(visit: Visit, who: str, path: Path) -> None:
    with visit.page.expect_file_chooser() as chooser:
        visit.page.click(f"#{who}-choose")
    chooser.value.set_files(path)


def wait_until_read(visit: Visit, who: str) -> None:
    wanted = f'#imitate[data-{who}="ready"], body[data-state="error"]'
    visit.page.wait_for_selector(wanted, timeout=TIMEOUT_MS)
    assert visit.state != "error", visit.error


def perform(visit: Visit, actor: Path, user: Path) -> None:
    choose(visit, "actor", actor)
    wait_until_read(visit, "actor")
    choose(visit, "user", user)
    visit.wait_for("result")


def score_of(visit: Visit) -> float:
    """The score on show, with all its digits."""
    return float(visit.data("#score", "score"))


def save(visit: Visit, button: str, tmp_path: Path, count: int = 1) -> list[Path]:
    downloads: list[Download] = []

    def keep(download: Download) -> None:
        downloads.append(download)

    visit.page.on("download", keep)
    visit.page.click(button)
    while len(downloads) < count:
        visit.page.wait_for_timeout(50)
    visit.page.remove_listener("download", keep)
    paths = []
    for download in downloads:
        path = tmp_path / download.suggested_filename
        download.save_as(path)
        paths.append(path)
    return paths
