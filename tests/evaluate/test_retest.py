"""How much of the score is noise: the changes, the figures, the command."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reon_export.errors import DataError, SpecError, TrackError
from reon_export.evaluate.retest.changes import BASE, CHANGES, write_changed
from reon_export.evaluate.retest.job import Noise, Retest, RetestOptions, find_scale, find_videos, measure_noise
from reon_export.evaluate.retest.report import summary_rows
from reon_export.score.tracks.track import Track, TrackFrame, track_to_json
from reon_export.score.tracks.video import Video
from tests.support import clips
from tests.support.command import run

SHOTS = (clips.Shot(clips.SMILE, 0.5), clips.Shot(clips.SPEECH, 0.5))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("retest") / "one.mp4"
    return clips.write_clip(path, clips.performance(SHOTS), clips.even_times(1.0), codec="libx264")


def pictures(path: Path) -> list[npt.NDArray[np.float64]]:
    return [frame.image_rgb.astype(float) for frame in Video(path)]


def changed(
    clip: Path, tmp_path: Path, name: str
) -> tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]]:
    """The frames as they are, and as a change leaves them."""
    write_changed(clip, BASE, tmp_path / "base.mp4", 0.5)
    (change,) = (change for change in CHANGES if change.name == name)
    write_changed(tmp_path / "base.mp4", change, tmp_path / "changed.mp4", 0.5)
    return pictures(tmp_path / "base.mp4"), pictures(tmp_path / "changed.mp4")


@pytest.mark.slow
def test_the_base_is_the_beginning_hardly_changed(clip: Path, tmp_path: Path) -> None:
    write_changed(clip, BASE, tmp_path / "base.mp4", 0.5)
    base, whole = pictures(tmp_path / "base.mp4"), pictures(clip)
    assert len(base) == 15
    assert np.abs(base[7] - whole[7]).mean() < 3


@pytest.mark.slow
def test_each_change_is_what_it_is_called(clip: Path, tmp_path: Path) -> None:
    base, after = changed(clip, tmp_path, "mirrored")
    assert np.abs(base[3][:, ::-1] - after[3]).mean() < 4
    assert np.abs(base[3] - after[3]).mean() > 10
    base, after = changed(clip, tmp_path, "dimmer")
    assert base[3].mean() - after[3].mean() > 8
    base, after = changed(clip, tmp_path, "warmer")
    assert (after[3] - base[3])[..., 0].mean() > 0.3 > -0.3 > (after[3] - base[3])[..., 2].mean()
    base, after = changed(clip, tmp_path, "smaller")
    assert after[3].shape[:2] == tuple(int(side * 0.75) // 2 * 2 for side in base[3].shape[:2])
    base, after = changed(clip, tmp_path, "shifted")
    height, width = after[3].shape[:2]
    assert (height, width) == tuple(int(side * 0.94) // 2 * 2 for side in base[3].shape[:2])
    assert np.abs(base[3][4 : 4 + height, 6 : 6 + width] - after[3]).mean() < 3  # whole pixels of the halved colours
    base, after = changed(clip, tmp_path, "zoomed")
    assert np.abs(np.array(after[3].shape) - base[3].shape).max() <= 2
    base, after = changed(clip, tmp_path, "15 a second")
    assert len(after) in {len(base) // 2, len(base) // 2 + 1}
    assert [frame.time_s for frame in Video(tmp_path / "changed.mp4")] == pytest.approx(
        clips.even_times(0.5, 15), abs=2e-3
    )
    base, after = changed(clip, tmp_path, "compressed")
    assert 0.5 < np.abs(base[3] - after[3]).mean() < 12


def test_what_is_no_video_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(TrackError, match=r"noise.mp4 cannot be changed \(as it is\): "):
        write_changed(tmp_path / "noise.mp4", BASE, tmp_path / "out.mp4", 1)


def test_videos_are_found_by_name_and_in_folders(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.webm", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in find_videos([tmp_path])] == ["a.webm", "b.mp4"]
    with pytest.raises(DataError, match="two videos are called b; give each performance a name of its own"):
        find_videos([tmp_path, tmp_path / "b.mp4"])
    with pytest.raises(DataError, match="gone does not exist; give videos, or folders of videos"):
        find_videos([tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no video in .*empty; expected .m4v"):
        find_videos([tmp_path / "empty"])


def track(*probabilities: float | None) -> dict[str, object]:
    frames = tuple(TrackFrame(index / 30, None if p is None else (p, 1 - p)) for index, p in enumerate(probabilities))
    return dict(json.loads(track_to_json(Track("t", ("a", "b"), frames, len(frames) / 30))))


def test_figures_of_known_tracks() -> None:
    same = {change.name: track(0.5, 0.4, 0.5) for change in CHANGES}
    same["mirrored"] = track(None, None, None)
    records = [
        {"path": "/v/one.mp4", "tracks": {BASE.name: track(0.5, 0.5, 0.5), **same}, "failed": {}},
        {"path": "/v/two.mp4", "tracks": {BASE.name: track(0.9, 0.9, 0.9)}, "failed": {"smaller": "no face"}},
    ]
    noise = measure_noise("python", records)
    assert noise.same["dimmer"]["one"] == pytest.approx(100 - 10 / 3)
    assert noise.same["mirrored"] == {"one": None, "two": None}
    assert noise.different == {"one, two": pytest.approx(60)}
    assert noise.right_order == 1
    assert noise.worst_moment is not None
    assert noise.worst_moment.change == "compressed"
    assert noise.worst_moment.score == pytest.approx(90)
    assert noise.failed == (("two.mp4 smaller", "no face"),)
    rows = {name: figures for name, *figures in summary_rows(noise)}
    assert rows["all changes"] == pytest.approx([*[100 - 10 / 3] * 3, 7])
    assert rows["different performances"][1] is None
    assert rows["different performances"][::2] == pytest.approx([60, 60])


def test_noise_that_hides_a_performance_is_in_the_wrong_order() -> None:
    noise = Noise("python", {"dimmer": {"a": 40.0, "b": 80.0}}, {"a, b": 60.0}, None, ())
    assert noise.right_order == 0.5


def test_nothing_that_can_be_read_is_one_line() -> None:
    with pytest.raises(DataError, match=r"no video could be read: one.mp4 as it is: damaged"):
        measure_noise("python", [{"path": "/v/one.mp4", "tracks": {}, "failed": {BASE.name: "damaged"}}])


@pytest.mark.slow
@pytest.mark.browser
def test_the_command_measures_both_sides(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, clip: Path, model_dir: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("reon_export.evaluate.retest.job.CHANGES", CHANGES[:1])
    monkeypatch.setattr("reon_export.evaluate.retest.report.CHANGES", CHANGES[:1])
    arguments = ("retest", str(clip), "--model", str(model_dir), "--seconds", "0.5", "--sides", "python,haar,page")
    code, stdout, stderr = run(capsys, monkeypatch, *arguments, "--out", str(tmp_path / "out"))
    assert code == 0, stderr
    assert "python: scores of 100" in stdout
    assert "page: scores of 100" in stdout
    assert "holds the true value of the same performance in" in stdout
    result = json.loads((tmp_path / "out" / "retest.json").read_text(encoding="utf-8"))
    scores = [result["sides"][side]["same"]["compressed"]["one"] for side in ("python", "haar", "page")]
    assert all(60 < score < 100 for score in scores)
    assert abs(scores[0] - scores[2]) < 0.2  # one detector in two languages; on real videos 0.19 at most
    assert abs(scores[0] - scores[1]) > 1e-6  # two detectors
    assert (tmp_path / "out" / "retest.png").stat().st_size > 10_000
    assert not (tmp_path / "out" / ".work").exists()


def test_sides_and_margins_are_compared() -> None:
    first = Noise("python", {}, {"a, b": 40.0, "a, c": 50.0}, None, ())
    second = Noise("page", {}, {"a, b": 41.0, "a, c": 47.0}, None, ())
    (apart,) = Retest(RetestOptions(()), (first, second), (None, None)).side_differences
    assert (apart.sides, apart.median, apart.largest, apart.pair) == (("python", "page"), 2.0, 3.0, "a, c")
    assert Retest(RetestOptions(()), (first,), (None, None)).side_differences == ()


def test_a_scale_is_found_and_one_that_says_nothing_is_refused() -> None:
    names = "abc"
    same: dict[str, dict[str, float | None]] = {change.name: dict.fromkeys(names, 96.0) for change in CHANGES}
    noise = Noise("python", same, {"a, b": 40.0, "a, c": 50.0, "b, c": 60.0}, None, ())
    scale = find_scale(noise, "made up")
    assert (scale.same_tenth, scale.different_median, scale.different_ninetieth) == (96, 50, 58)
    assert scale.videos == 3
    mixed = Noise("python", same, {"a, b": 99.0, "a, c": 99.0, "b, c": 99.0}, None, ())
    with pytest.raises(SpecError, match=r"these videos give no scale: .* cannot be told from the same"):
        find_scale(mixed, "made up")
    few = Noise("python", {"dimmer": {"a": 90.0}}, {}, None, ())
    with pytest.raises(SpecError, match=r"these videos give no scale: videos: .*greater than or equal to 3"):
        find_scale(few, "made up")
    unscored: dict[str, dict[str, float | None]] = {"dimmer": dict.fromkeys(names)}
    with pytest.raises(SpecError, match=r"these videos give no scale: .* cannot be told from the same"):
        find_scale(Noise("python", unscored, {}, None, ()), "made up")
