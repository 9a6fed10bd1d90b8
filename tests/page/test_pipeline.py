"""js/pipeline.js and js/clip.js: in a worker and on the page, pictures and videos, against Python."""

import base64
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.audio.stream import AudioStream

from reon_export import load_classifier
from reon_export.faces.correction import correct_box
from reon_export.faces.crop import Box
from reon_export.faces.image_files import read_image_rgb
from reon_export.faces.preprocess import crop_face
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.score.definition import find_lag, score_tracks
from reon_export.score.tracks.track import Track, parse_track
from reon_export.site.server import SiteServer
from reon_export.spec import ModelSpec
from tests.support import clips
from tests.support.page_tracks import OPEN_ERROR, TRACK, TRACK_AND_SCORE, python_track
from tests.support.performances import QUICK_FPS
from tests.support.visits import OpenPage, ServeChanged, Visit, keep_one_crop

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

ANALYZE = """async ({worker, photos, backend}) => {
    const {createEmotionPipeline} = await import('/js/pipeline.js');
    const stages = [];
    const pipeline = await createEmotionPipeline({
        manifestUrl: 'model/manifest.json', precision: 'float32', backend, worker,
        onProgress: ({stage}) => stages.push(stage),
    });
    const answers = [];
    for (const photo of photos) {
        const blob = await (await fetch(`/samples/${photo}`)).blob();
        const {box, faces, probabilities, label, width, height} = await pipeline.analyze(blob);
        answers.push({box, faces: faces.length, probabilities: Array.from(probabilities), label, width, height});
    }
    const before = await pipeline.memory();
    const bitmap = await createImageBitmap(await (await fetch('/samples/astronaut.png')).blob());
    const {frame, box} = await pipeline.analyze(bitmap, {returnFrame: true});
    const after = await pipeline.memory();
    const empty = await pipeline.analyze(new ImageData(64, 48));
    const facts = pipeline.facts;
    pipeline.destroy();
    const afterwards = await pipeline.analyze(new ImageData(8, 8)).then(() => 'answered', (error) => error.message);
    const {offMainThread, runtime, selfTest} = facts;
    return {
        stages: [...new Set(stages)], answers, frame: [frame.width, frame.height], again: box,
        tensors: after.tensors - before.tensors, empty, offMainThread, backend: runtime.backend, selfTest, afterwards,
    };
}"""
PHOTOS = ["astronaut.png", "obama.jpg", "biden.jpg"]


@pytest.fixture
def visit(open_page: OpenPage, site: SiteServer) -> Visit:
    return open_page(f"{site.url}parity.html")


def analyze(visit: Visit, worker: str, backend: str = "wasm") -> dict[str, Any]:
    request = {"worker": worker, "photos": PHOTOS, "backend": backend}
    return dict(visit.page.evaluate(ANALYZE, request))


def test_the_worker_and_the_page_give_what_python_gives(visit: Visit, model_dir: Path, default_spec: ModelSpec) -> None:
    there, here = analyze(visit, "auto"), analyze(visit, "never")
    assert (there["offMainThread"], here["offMainThread"]) == (True, False)
    assert there["answers"] == here["answers"]  # to the last bit: the same code on the same backend
    classify = load_classifier(model_dir)
    assert default_spec.crop.correction is not None
    for name, answer in zip(PHOTOS, there["answers"], strict=True):
        box = Box(*(answer["box"][key] for key in ("x", "y", "width", "height")))
        crop = crop_face(
            read_image_rgb(SAMPLE_PHOTOS / name), correct_box(box, default_spec.crop.correction), default_spec
        )
        expected = classify(crop[None]).probabilities[0]
        # JPEG decoders differ by 1 of 255 here and there: 1e-3 is what test_page.py allows; PNG gives 1e-5.
        assert float(np.abs(np.array(answer["probabilities"]) - expected).max()) <= (
            1e-5 if name.endswith("png") else 1e-3
        )
        assert answer["label"] == default_spec.labels[int(expected.argmax())].key
    for answers in (there, here):
        assert answers["stages"] == ["runtime", "model", "warm_up", "detector"]
        assert answers["frame"] == [512, 512]
        assert answers["again"] == answers["answers"][0]["box"]
        assert answers["tensors"] == 0
        assert (answers["empty"]["box"], answers["empty"]["probabilities"], answers["empty"]["faces"]) == (
            None,
            None,
            [],
        )
        assert answers["selfTest"]["passed"] is True
        assert "destroyed" in answers["afterwards"]
    visit.expect_clean()


@pytest.mark.parametrize("backend", ["webgl", "cpu"])
def test_other_backends_run_in_the_worker(open_page: OpenPage, serve_changed: ServeChanged, backend: str) -> None:
    answers = analyze(open_page(f"{serve_changed(keep_one_crop).url}parity.html"), "auto", backend)
    assert answers["backend"] == backend
    assert answers["offMainThread"] is True
    assert answers["answers"][0]["label"] == "happiness"


def test_errors_cross_the_worker_with_their_words(visit: Visit) -> None:
    failed = visit.page.evaluate("""async () => {
        const {createEmotionPipeline} = await import('/js/pipeline.js');
        const say = (error) => ({code: error.code, message: error.message, name: error.name});
        const start = (options) =>
            createEmotionPipeline({manifestUrl: 'model/manifest.json', ...options}).then(() => null, say);
        const pipeline = await createEmotionPipeline({manifestUrl: 'model/manifest.json'});
        const picture = await pipeline.analyze(new Blob(['no picture']), {name: 'notes.txt'}).then(() => null, say);
        const alive = await pipeline.analyze(new ImageData(16, 16));
        return [await start({backend: 'tpu'}), await start({manifestUrl: 'gone.json'}), picture, alive.box];
    }""")
    backend, manifest, picture, box = failed
    assert backend["code"] == "error_backend_unknown"
    assert backend["message"] == "There is no backend called tpu; choose one of kernels, wasm, webgpu, webgl, cpu."
    assert manifest["code"] == "error_model_missing"
    assert "gone.json" in manifest["message"]
    assert (picture["code"], picture["name"]) == ("error_not_an_image", "PageError")
    assert picture["message"].startswith("notes.txt is not a picture")
    assert box is None  # the pipeline goes on after an error


# A browser without workers of modules, or without canvases in them.
@pytest.mark.parametrize("missing", ["OffscreenCanvas"])
def test_without_workers_the_page_does_it_itself(open_page: OpenPage, site: SiteServer, missing: str) -> None:
    visit = open_page(f"{site.url}parity.html", init_script=f"delete window.{missing}")
    answers = analyze(visit, "auto")
    assert answers["offMainThread"] is False
    assert answers["answers"][0]["label"] == "happiness"


LAG_S = 0.4
SHOTS = tuple(clips.Shot(photo, 0.6, fade_s=0.2) for photo in (clips.SMILE, clips.SPEECH, clips.SMILE, clips.BIDEN))
SWAPPED = (*SHOTS[:3], clips.Shot(clips.ASTRONAUT, 0.6, fade_s=0.2))


# How a video is read: by WebCodecs, or by the browser's player where there is no WebCodecs; and a phone's, lying.
def at_times_of(page: Track, python: Track) -> Track:
    """Python's track with the times that the page gives the same frames."""
    pairs = zip(page.frames, python.frames, strict=True)
    frames = tuple(replace(own, time_s=theirs.time_s) for theirs, own in pairs)
    return replace(python, frames=frames, duration_s=page.duration_s)


@pytest.mark.parametrize(
    ("kind", "init_script"),
    [("webm", None), ("webm", "delete globalThis.VideoDecoder"), ("phone", None)],
    ids=["decoded", "played", "turned"],
)
def test_page_and_python_give_the_same_score_for_the_same_videos(
    open_page: OpenPage,
    site: SiteServer,
    model_dir: Path,
    tmp_path: Path,
    kind: str,
    init_script: str | None,
) -> None:
    seconds = clips.length_of(SHOTS)
    # A player that does not name a rate is asked 30 times a second.
    fps = QUICK_FPS if init_script is None else clips.FPS
    write = clips.write_phone_clip if kind == "phone" else clips.write_clip
    suffix, mime = (".mp4", "video/mp4") if kind == "phone" else (".webm", "video/webm")
    files = [
        write(tmp_path / f"{who}{suffix}", clips.performance(shots, delay_s), clips.even_times(seconds, fps))
        for who, shots, delay_s in (("actor", SHOTS, 0.0), ("user", SWAPPED, LAG_S))
    ]
    encoded = [base64.b64encode(path.read_bytes()).decode() for path in files]
    visit = open_page(f"{site.url}parity.html", init_script=init_script)
    answer = visit.page.evaluate(TRACK_AND_SCORE, {"videos": encoded, "type": mime})
    assert answer["isSame"], "the same file gave another track"
    assert answer["isDecoded"] is (init_script is None)
    assert answer["shape"] == list(clips.SIZE)
    pages = [parse_track({"format": "reon-track", "version": 1, **answer[who]}) for who in ("actor", "user")]
    pairs = zip(files, pages, strict=True)
    pythons = [python_track(path, track, model_dir) for path, track in pairs]
    for page, python in zip(pages, pythons, strict=True):
        assert [frame.time_s for frame in page.frames] == pytest.approx([f.time_s for f in python.frames], abs=1e-3)
        assert page.duration_s == pytest.approx(python.duration_s, abs=2e-3)
    # A millisecond, which a container rounds away, moves a score by 0.02: what is compared here is what was seen.
    pythons = [at_times_of(page, python) for page, python in zip(pages, pythons, strict=True)]
    expected, lag = score_tracks(pythons[0], pythons[1]), find_lag(pythons[0], pythons[1])
    print(f"{kind}: page {answer['score']:.3f}, python {expected.total:.3f}, lag {answer['lag']['lagS']:.3f}")
    assert answer["coverage"] == expected.coverage == 1
    assert expected.total is not None
    # Measured: less than 0.001, since Python converts colours exactly as Chromium does on x86-64.
    assert answer["score"] == pytest.approx(expected.total, abs=0.01)
    assert lag is not None
    assert abs(answer["lag"]["lagS"] - lag.lag_s) <= 1 / 30 + 1e-9
    assert abs(answer["lag"]["lagS"] - LAG_S) <= 1 / 30 + 1e-9
    visit.expect_clean()


# What a player shows of a file is what both sides read: mirrored, with wide pixels, trimmed, with longer sound.
def write_shown_files(folder: Path) -> dict[str, Path]:
    at = clips.performance(SHOTS)
    times = clips.even_times(0.7)
    whole = clips.write_clip(folder / "whole.mp4", at, clips.even_times(1.5), codec="libx264")

    def narrow(time_s: float) -> clips.Frame:
        return cv2.resize(at(time_s), (240, 360), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    silent = clips.write_clip(folder / "silent.webm", at, times)
    ways = ("mirrored", "flipped", "transposed", "turned and mirrored", "turned counterclockwise")
    return {way: clips.write_phone_clip(folder / f"{way}.mp4", at, times, way) for way in ways} | {
        "wide": clips.write_clip(folder / "wide.mp4", narrow, times, codec="libx264", pixel_aspect=Fraction(2)),
        "trimmed": clips.write_trimmed_clip(folder / "trimmed.mp4", whole, 0.8),
        "trimmed between frames": clips.write_trimmed_clip(folder / "between.mp4", whole, 0.82),
        "trimmed mov": clips.write_trimmed_clip(folder / "trimmed.mov", whole, 0.8),
        "longer sound": clips.add_sound(silent, folder / "sound.webm", 2.0),
        "held": clips.hold_last_picture(silent, folder / "held.webm", 2.0),
    }


def test_page_and_python_show_the_same_of_a_file(
    open_page: OpenPage, site: SiteServer, model_dir: Path, tmp_path: Path
) -> None:
    visit = open_page(f"{site.url}parity.html")
    for name, path in write_shown_files(tmp_path).items():
        encoded = base64.b64encode(path.read_bytes()).decode()
        answer = visit.page.evaluate(TRACK, {"video": encoded})
        page = parse_track({"format": "reon-track", "version": 1, **answer["track"]})
        assert answer["isDecoded"], name
        assert answer["shape"] == list(clips.SIZE), name
        assert page.duration_s == pytest.approx(0.7 - ("between" in name) / 30, abs=0.005), name
        python = python_track(path, page, model_dir)
        assert [frame.time_s for frame in page.frames] == pytest.approx([f.time_s for f in python.frames], abs=1e-3)
        agreement = score_tracks(page, python)
        print(f"{name}: page and Python agree to {agreement.total:.3f}")
        assert agreement.coverage == 1
        assert agreement.total is not None
        assert agreement.total > 99.98, name  # measured: 100.000 for each


def sound_file(folder: Path) -> bytes:
    path = folder / "sound.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=44100)
        assert isinstance(sound, AudioStream)
        sound.layout = "mono"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 44100, 0
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (1, None)])
def test_high_dynamic_range_is_noted_by_the_page_too(
    open_page: OpenPage, site: SiteServer, tmp_path: Path, transfer: int, name: str | None
) -> None:
    at, times = clips.performance(SHOTS), clips.even_times(0.2)
    path = clips.write_clip(tmp_path / "a.mp4", at, times, codec="libx264", matrix=1, transfer=transfer)
    visit = open_page(f"{site.url}parity.html")
    answer = visit.page.evaluate(TRACK, {"video": base64.b64encode(path.read_bytes()).decode()})
    notes = answer["track"].get("notes", [])
    assert [note.partition(",")[0] for note in notes] == ([f"its colours are HDR ({name})"] if name else [])


def test_what_is_no_video_for_the_page_is_named(open_page: OpenPage, site: SiteServer, tmp_path: Path) -> None:
    at = clips.performance(SHOTS)
    hevc = clips.write_clip(tmp_path / "phone.mp4", at, clips.even_times(0.3), codec="libx265")
    picture = cv2.imencode(".jpg", at(0.0))[1].tobytes()
    visit = open_page(f"{site.url}parity.html")
    for content, mime, code, words in (
        (hevc.read_bytes(), "video/mp4", "error_video_codec", "HEVC (H.265), which this browser does not decode"),
        (sound_file(tmp_path), "video/mp4", "error_video_sound_only", "has no picture, only sound"),
        (picture, "image/jpeg", "error_video_image", "is an image"),
    ):
        encoded = base64.b64encode(content).decode()
        answer = visit.page.evaluate(OPEN_ERROR, {"video": encoded, "type": mime})
        assert answer["code"] == code
        assert words in answer["message"]
