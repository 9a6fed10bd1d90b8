"""`score`, from real videos to its files, by command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from reon_export.cli import console as show
from reon_export.cli import score as command
from reon_export.errors import TrackError
from reon_export.score.files import result_to_json
from reon_export.score.job import ScoreOptions, score_videos
from reon_export.score.scale import place_on_scale
from reon_export.score.tracks.make import make_track_with_boxes
from reon_export.score.tracks.track import read_track
from reon_export.spec import ModelSpec
from tests.support import clips
from tests.support.command import run

pytestmark = pytest.mark.slow

LAG_S = 0.4
SHOTS = tuple(clips.Shot(photo, 0.7, fade_s=0.2) for photo in (clips.SMILE, clips.SPEECH, clips.SMILE, clips.SPEECH))
SWAPPED = (*SHOTS[:3], clips.Shot(clips.ASTRONAUT, 0.7, fade_s=0.2))
FPS = 15


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An actor and an imitation that is LAG_S late, at another frame rate, with another person at its end."""
    folder = tmp_path_factory.mktemp("clips")
    seconds = clips.length_of(SHOTS)
    actor = clips.write_clip(folder / "actor.webm", clips.performance(SHOTS), clips.even_times(seconds, FPS))
    late = clips.performance(SWAPPED, LAG_S)
    return actor, clips.write_clip(folder / "user.mp4", late, clips.even_times(seconds, 10), codec="libx264")


@pytest.fixture(scope="module")
def scored(pair: tuple[Path, Path], model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scored")
    run_ = score_videos(*pair, ScoreOptions(model_dir, align="lag", out=out))
    assert sorted(path.name for path in run_.files) == sorted(path.name for path in out.iterdir())
    assert run_.timing.frames == 42 + 28
    return out


def test_a_known_pair_gives_its_lag_and_loses_where_it_differs(scored: Path) -> None:
    result = json.loads((scored / "score.json").read_text(encoding="utf-8"))
    # Frames of the user are 0.1 s apart: the lag cannot be told more finely than that.
    assert abs(result["alignment"]["lag_s"] - LAG_S) <= 0.1
    assert result["alignment"]["score"] > result["score"] + 10  # most of the loss is bad timing
    assert result["coverage"] == 1
    assert sum(result["points_lost"].values()) == pytest.approx(100 - result["score"], abs=1e-4)
    assert {side["model"]["runtime"] for side in (result["actor"], result["user"])} == {"onnx float32"}


def test_a_video_against_itself_is_a_hundred(scored: Path, model_dir: Path, tmp_path: Path) -> None:
    track = scored / "actor.track.json"
    result = score_videos(track, track, ScoreOptions(model_dir, out=tmp_path / "out")).result
    assert (result.score.total, result.score.coverage) == (100, 1)


def test_the_same_videos_give_the_same_bytes(
    pair: tuple[Path, Path], scored: Path, model_dir: Path, tmp_path: Path
) -> None:
    score_videos(*pair, ScoreOptions(model_dir, align="lag", out=tmp_path))
    for path in scored.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_torch_gives_the_score_of_the_export(pair: tuple[Path, Path], scored: Path, tmp_path: Path) -> None:
    from reon_export.paths import DEFAULT_CHECKPOINT

    run_ = score_videos(*pair, ScoreOptions(checkpoint=DEFAULT_CHECKPOINT, out=tmp_path))
    exported = json.loads((scored / "score.json").read_text(encoding="utf-8"))
    # float32 ONNX is within 1.4e-6 in every probability (the build's own figure): 100 * 0.5 * 7 classes * 2 * 1.4e-6.
    assert result_to_json(run_.result)["score"] == pytest.approx(exported["score"], abs=1e-3)
    assert run_.result.actor.model["runtime"] == "torch float32"


def test_faces_of_different_detectors_are_not_compared(
    pair: tuple[Path, Path], scored: Path, model_dir: Path, tmp_path: Path
) -> None:
    actor = scored / "actor.track.json"
    assert read_track(actor).model["detector"] == "tiny_face_detector"
    with pytest.raises(TrackError, match=r"\(.* by tiny_face_detector, .* by haar\).* with the same --detector"):
        score_videos(actor, pair[1], ScoreOptions(model_dir, detector="haar", out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    both = score_videos(*pair, ScoreOptions(model_dir, detector="haar", out=tmp_path / "haar"))
    assert both.result.scale is None  # it was measured behind the other one
    total, other = both.result.score.total, json.loads((scored / "score.json").read_text(encoding="utf-8"))["score"]
    assert total is not None
    assert 0.01 < abs(total - other) < 15  # another detector is another score, of the same performances


def test_what_a_score_means_is_said_where_it_was_measured(
    pair: tuple[Path, Path], scored: Path, model_dir: Path, default_spec: ModelSpec, tmp_path: Path
) -> None:
    assert default_spec.scale is not None
    content = json.loads((scored / "score.json").read_text(encoding="utf-8"))
    assert content["place"] == place_on_scale(content["score"], default_spec.scale)
    single = score_videos(*pair, ScoreOptions(model_dir, measure="single", out=tmp_path / "single"))
    assert result_to_json(single.result)["place"] is None


def test_tracks_can_be_made_from_known_boxes(pair: tuple[Path, Path], scored: Path, model_dir: Path) -> None:
    from reon_export.score.job import load_track_model

    found = read_track(scored / "actor.track.json")
    boxes = {frame.time_s: frame.box for frame in found.frames}
    assert make_track_with_boxes(pair[0], boxes, load_track_model(ScoreOptions(model_dir))) == found


def test_the_command_prints_the_score_and_what_it_wrote(
    scored: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "out", Console(width=200, highlight=False))
    tracks = [str(scored / name) for name in ("actor.track.json", "user.track.json")]
    code, output, _ = run(capsys, monkeypatch, "score", *tracks, "--align", "dtw", "--out", str(tmp_path / "out"))
    assert code == 0
    result = json.loads((tmp_path / "out" / "score.json").read_text(encoding="utf-8"))
    assert (
        f"Score {result['score']:.1f} ± {result['margin']:.1f} of 100; both have a face in 100% of the time." in output
    )
    assert "Aligned (dtw): the user is" in output
    assert f"path cost {result['alignment']['cost']:.3f}" in output
    assert "Next: look at" in output
    assert (tmp_path / "out" / "score.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(show, "out", Console(width=200))
    code, output, _ = run(capsys, monkeypatch, "score", *tracks, "--json", "--out", str(tmp_path / "out"))
    assert code == 0
    assert json.loads(output)["score"] == result["score"]


def test_errors_are_one_line_and_write_nothing(
    scored: Path, model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    track = scored / "actor.track.json"
    nobody = clips.write_clip(tmp_path / "nobody.webm", lambda _: np.full((360, 480, 3), 90, np.uint8), [0.0, 0.1, 0.2])
    content = json.loads(track.read_text(encoding="utf-8"))
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**content, "model": {"name": "m2", "checkpoint_sha256": "0" * 64}}), encoding="utf-8")
    short = tmp_path / "short.json"
    short.write_text(json.dumps({**content, "frames": content["frames"][:5], "duration_s": 0.4}), encoding="utf-8")
    (tmp_path / "file").write_text("")
    out = tmp_path / "out"
    for arguments, message in (
        ([track, tmp_path / "gone.mp4"], "gone.mp4 does not exist; give a video, a folder of images or a track file"),
        ([track, nobody], "no face was found in any of the 3 frames of"),
        ([track, other], "the tracks were made by different models (actor.webm by reon-demo-b0, actor.webm by m2)"),
        ([track, short], "both have a face in 14% of the time, expected at least 50% (actor 100%, user 14%)"),
        ([track, track, "--align", "best"], "Invalid value for '--align': 'best' is not one of 'none', 'lag', 'dtw'"),
        ([track, track, "--fps", "0"], "--fps 0 cannot be used, expected more than 0 and at most 1000"),
        ([track, track, "--out", tmp_path / "file"], "is not a folder that you may write to"),
        ([track, nobody, "--model", tmp_path], "is not a model folder: it has no manifest.json"),
    ):
        given = ["--out", str(out), "--model", str(model_dir), *map(str, arguments)]
        code, _, error = run(capsys, monkeypatch, "score", *given)
        assert code == 2, message
        assert message in error.replace("\n", " "), error
        assert not out.exists(), message
