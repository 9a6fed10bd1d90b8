"""Videos to tracks: real frames with real times, a face followed through gaps, and every bad input's line."""

import io
import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.audio.stream import AudioStream
from PIL import Image

from reon_export.errors import TrackError
from reon_export.faces.crop import Box
from reon_export.faces.haar import HaarDetector
from reon_export.score.tracks.follow import follow_face
from reon_export.score.tracks.track import Track, TrackFrame, read_track, track_to_json
from reon_export.score.tracks.video import Video, read_frames_at
from tests.support import clips

SHOTS = (clips.Shot(clips.SMILE, 0.7), clips.Shot(clips.SPEECH, 0.7))


def plain(time_s: float) -> npt.NDArray[np.uint8]:
    """Frames that cost nothing and tell their time by their grey: 0 to 2 s are 40 to 200."""
    return np.full((clips.SIZE[1], clips.SIZE[0], 3), 40 + round(80 * time_s), np.uint8)


@pytest.mark.parametrize("way", clips.STORED_AND_MATRIX)
def test_a_picture_is_turned_and_mirrored_as_its_header_says(tmp_path: Path, way: str) -> None:
    upright = clips.performance(SHOTS)
    path = clips.write_phone_clip(tmp_path / "phone.mp4", upright, [0.0, 0.1], way)
    first, _ = Video(path)
    assert first.image_rgb.shape == upright(0.0).shape
    difference = np.abs(first.image_rgb.astype(float) - upright(0.0))
    assert float(difference.mean()) < 6  # upside down or mirrored it is above 30


@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2), Fraction(12, 11)])
def test_pixels_that_are_not_square_are_shown_as_they_are_meant(tmp_path: Path, aspect: Fraction) -> None:
    whole = clips.performance(SHOTS)(0.0)
    height, width = whole.shape[:2]
    size = (round(width / aspect), height) if aspect > 1 else (width, round(height * aspect))
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    stored = np.ascontiguousarray(small[: small.shape[0] & ~1, : small.shape[1] & ~1])  # as H.264 wants it
    path = clips.write_clip(tmp_path / "wide.mp4", lambda _: stored, [0.0, 0.1], codec="libx264", pixel_aspect=aspect)
    first, _ = Video(path)
    assert first.image_rgb.shape == pytest.approx(whole.shape, abs=2)


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_frames_that_an_edit_list_hides_are_not_read(tmp_path: Path, suffix: str) -> None:
    whole = clips.write_clip(tmp_path / "whole.mp4", plain, clips.even_times(2.0), codec="libx264")
    video = Video(clips.write_trimmed_clip(tmp_path / f"cut.{suffix}", whole, 1.2))
    assert [frame.time_s for frame in video] == pytest.approx(clips.even_times(0.8), abs=0.002)
    assert video.duration_s == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(("suffix", "codec", "sound"), [("webm", "libvpx", "libopus"), ("mp4", "libx264", "aac")])
def test_a_file_whose_sound_is_longer_is_not_cut_off_but_one_without_its_end_is(
    tmp_path: Path, suffix: str, codec: str, sound: str
) -> None:
    silent = clips.write_clip(tmp_path / f"silent.{suffix}", plain, clips.even_times(1.0), codec=codec)
    path = clips.add_sound(silent, tmp_path / f"sound.{suffix}", 2.5, sound)
    video = Video(path)
    assert len(list(video)) == 30
    assert video.duration_s == pytest.approx(1.0, abs=0.005)
    if suffix == "webm":
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        with pytest.raises(TrackError, match=r"is cut off: its header states 2.5 s, what is in it ends at"):
            list(Video(path))


@pytest.mark.parametrize("suffix", ["webm", "mkv"])
def test_a_last_picture_that_is_held_is_not_cut_off_but_a_file_without_its_end_is(tmp_path: Path, suffix: str) -> None:
    short = clips.write_clip(tmp_path / "short.webm", clips.performance(SHOTS), clips.even_times(0.5))
    path = clips.hold_last_picture(short, tmp_path / f"held.{suffix}", 2.0)
    assert len(list(Video(path))) == 15
    content = path.read_bytes()
    for damaged in (content[:-2000], content[:-2000] + bytes(2000)):
        path.write_bytes(damaged)
        with pytest.raises(TrackError, match=r"held.* is cut off: its header states 2.5 s"):
            list(Video(path))


@pytest.mark.parametrize("name", ["raw.h264", "camera.mjpeg"])
def test_a_stream_without_times_takes_the_rate_that_is_given_and_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "raw.h264":
        clips.write_clip(path, plain, clips.even_times(1.0), codec="libx264")
    else:
        clips.write_camera_file(path, plain, 1.0)
    for fps in (30.0, 25.0):
        video = Video(path, fps)
        assert [frame.time_s for frame in video] == pytest.approx([index / fps for index in range(30)], abs=1e-5)
        assert video.notes == (f"its frames have no times: {fps:g} frames a second were assumed, --fps changes it",)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (1, None)])
def test_high_dynamic_range_is_noted(tmp_path: Path, transfer: int, name: str | None) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", plain, [0.0, 0.1], codec="libx264", transfer=transfer)
    video = Video(path)
    assert len(list(video)) == 2
    assert [note.partition(" and were")[0] for note in video.notes] == (
        [f"its colours are HDR ({name})"] if name else []
    )


def test_notes_are_kept_in_the_track_file(tmp_path: Path) -> None:
    track = Track("a", ("x", "y"), (TrackFrame(0.0, (0.5, 0.5)),), 1.0, {}, ("it may be off",))
    path = tmp_path / "t.json"
    path.write_text(track_to_json(track), encoding="utf-8")
    assert read_track(path) == track
    assert "notes" not in json.loads(track_to_json(replace(track, notes=())))


@pytest.mark.parametrize(("suffix", "codec"), [("webm", "libvpx"), ("mp4", "libx264"), ("mkv", "libvpx-vp9")])
def test_uneven_frame_times_are_read_from_the_container(tmp_path: Path, suffix: str, codec: str) -> None:
    times = [0.0, 0.02, 0.1, 0.133, 0.5, 0.52, 0.9, 1.4, 1.45, 1.5]
    video = Video(clips.write_clip(tmp_path / f"uneven.{suffix}", plain, times, codec=codec))
    frames = list(video)
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=0.001)
    # The picture belongs to the time: its grey says when it was shown (a codec is off by a few of 255).
    for frame, time_s in zip(frames, times, strict=True):
        assert float(frame.image_rgb.mean()) == pytest.approx(40 + 80 * time_s, abs=4)


def test_a_video_and_its_frames_as_images_are_the_same_length(tmp_path: Path) -> None:
    times = clips.even_times(1.0, 25)
    video = Video(clips.write_clip(tmp_path / "even.webm", plain, times))
    assert len(list(video)) == 25
    assert video.duration_s == pytest.approx(1.0, abs=0.005)
    folder = Video(clips.write_frames(tmp_path / "frames", plain, times[:5]), fps=25)
    assert [frame.time_s for frame in folder] == pytest.approx(times[:5])
    assert folder.duration_s == pytest.approx(0.2)


def test_the_frames_of_a_moment_are_those_on_show(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "even.webm", plain, clips.even_times(1.0, 10))
    before, shown, last = read_frames_at(path, (-0.1, 0.55, 5.0))
    assert before is None
    assert shown is not None
    assert float(shown.mean()) == pytest.approx(40 + 80 * 0.5, abs=4)
    assert last is not None
    assert float(last.mean()) == pytest.approx(40 + 80 * 0.9, abs=4)


def test_a_turned_phone_video_is_read_upright(tmp_path: Path) -> None:
    """A sideways face would not be found."""
    upright = clips.performance(SHOTS)
    path = clips.write_phone_clip(tmp_path / "phone.mp4", upright, [0.0, 0.1])
    frame = next(iter(Video(path)))
    assert frame.image_rgb.shape[:2] == (clips.SIZE[1], clips.SIZE[0])
    assert HaarDetector().detect(frame.image_rgb)


BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)  # Kr and Kb


def colourful(lines: int) -> npt.NDArray[np.uint8]:
    """Every hue, slowly changing, so that no codec and no chroma subsampling does much to it."""
    y, x = np.mgrid[0:lines, 0:64]
    channels = (60 + 130 * x / 63, 60 + 130 * y / (lines - 1), 190 - 130 * x / 63)
    image: npt.NDArray[np.uint8] = np.stack(channels, axis=-1).round().astype(np.uint8)
    return image


def exact_rgb(
    path: Path, weights: tuple[float, float], *, full_range: bool = False, blue_weight: float | None = None
) -> npt.NDArray[np.float64]:
    """What ITU-R BT.601 and BT.709 make of the first frame's planes (4:2:0), with the nearest colour sample.

    `blue_weight` of U over that of luma, if it is not the standard's.
    """
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == ("yuvj420p" if full_range else "yuv420p")
        planes = frame.to_ndarray().astype(np.float64)
    height, width = frame.height, frame.width
    blue, red = planes[height:].reshape(2, height // 2, width // 2).repeat(2, 1).repeat(2, 2)
    low, luma_steps, chroma_steps = (0, 255, 255) if full_range else (16, 219, 224)
    luma = (planes[:height] - low) / luma_steps
    blue, red = (blue - 128) / chroma_steps, (red - 128) / chroma_steps
    kr, kb = weights
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    if blue_weight is not None:
        b = luma + blue_weight * chroma_steps / 255 * blue
    rgb: npt.NDArray[np.float64] = np.clip(255 * np.stack([r, g, b], axis=-1), 0, 255)
    return rgb


def largest_difference(image_rgb: npt.NDArray[np.uint8], expected: npt.NDArray[np.float64]) -> float:
    return float(np.abs(image_rgb - expected.round()).max())


def test_the_colours_of_a_photograph_are_exact_to_a_level(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "face.webm", clips.performance(SHOTS), [0.0])
    (frame,) = Video(path)
    assert largest_difference(frame.image_rgb, exact_rgb(path, BT601)) <= 1


@pytest.mark.parametrize(
    ("name", "codec", "lines", "matrix", "weights"),
    [
        ("a.webm", "libvpx", 360, None, BT601),
        ("a.webm", "libvpx", 718, None, BT601),
        ("a.webm", "libvpx", 720, None, BT709),  # FFmpeg's decoder says that every VP8 file is BT.601
        ("a.webm", "libvpx", 360, 1, BT709),
        ("a.webm", "libvpx", 720, 6, BT601),
        ("a.webm", "libvpx-vp9", 720, None, BT709),
        ("a.webm", "libvpx-vp9", 360, 1, BT709),
        ("a.mp4", "libx264", 360, None, BT601),
        ("a.mp4", "libx264", 720, None, BT709),
        ("a.mp4", "libx264", 360, 1, BT709),
        ("a.mp4", "libx264", 720, 5, BT601),
        ("a.mp4", "libx264", 720, 8, BT709),  # YCgCo, which FFmpeg does not convert: as if it printed nothing
    ],
)
def test_the_file_says_which_colours_it_has_or_its_lines_do(
    tmp_path: Path, name: str, codec: str, lines: int, matrix: int | None, weights: tuple[float, float]
) -> None:
    image = colourful(lines)
    path = clips.write_clip(tmp_path / name, lambda _: image, [0.0], codec=codec, matrix=matrix)
    (frame,) = Video(path)
    # Chromium's weight of U for blue is 2, where 2.02 (BT.601) and 2.11 (BT.709) would be right.
    assert largest_difference(frame.image_rgb, exact_rgb(path, weights, blue_weight=2)) <= 1
    assert largest_difference(frame.image_rgb, exact_rgb(path, weights)) <= (2 if weights is BT601 else 8)
    assert largest_difference(frame.image_rgb, exact_rgb(path, BT709 if weights is BT601 else BT601)) > 8


def test_full_range_is_seen(tmp_path: Path) -> None:
    image = colourful(360)
    camera = clips.write_camera_file(tmp_path / "camera.mjpeg", lambda _: image, 0.1)
    for path in (camera, clips.write_clip(tmp_path / "a.mkv", lambda _: image, [0.0], codec="mjpeg")):
        frame = next(iter(Video(path)))
        assert largest_difference(frame.image_rgb, exact_rgb(path, BT601, full_range=True)) <= 1
        assert largest_difference(frame.image_rgb, exact_rgb(path, BT709, full_range=True)) > 8
        assert float(np.abs(frame.image_rgb.astype(float) - image).mean()) < 3


@pytest.mark.parametrize(
    "pix_fmt", ["yuv444p", "yuv422p", "yuv420p10le", "yuv444p12le", "yuva420p", "gbrp10le", "bgr0", "gray"]
)
def test_other_pixel_formats_have_their_colours(tmp_path: Path, pix_fmt: str) -> None:
    image = np.full((64, 64, 3), (200, 120, 60), np.uint8)
    path = clips.write_clip(tmp_path / "a.mkv", lambda _: image, [0.0], codec="ffv1", pix_fmt=pix_fmt)
    (frame,) = Video(path)
    wanted = np.full(3, 137) if pix_fmt == "gray" else image[0, 0]
    assert np.abs(frame.image_rgb.astype(int) - wanted).max() <= 2


def test_only_a_length_that_is_named_can_be_missed(tmp_path: Path) -> None:
    """A browser's recording names none, and its picture may begin well after its sound."""
    whole = clips.write_clip(tmp_path / "whole.webm", plain, clips.even_times(1.0))
    assert Video(whole).expected_frames == 30
    recorded = Video(clips.remux(whole, tmp_path / "recorded.webm", options={"live": "1"}))
    assert recorded.expected_frames is None
    late = Video(clips.remux(whole, tmp_path / "late.webm", later_s=2.0))
    assert late.expected_frames == 30
    for video in (recorded, late):
        assert [frame.time_s for frame in video] == pytest.approx(clips.even_times(1.0), abs=0.001)
        assert video.duration_s == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize(("suffix", "codec"), [("webm", "libvpx"), ("mp4", "libx264"), ("mkv", "libvpx-vp9")])
def test_damage_in_the_middle_costs_frames_and_gives_the_same_every_time(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    times = clips.even_times(1.4)
    path = clips.write_clip(tmp_path / f"damaged.{suffix}", clips.performance(SHOTS), times, codec=codec)
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 4, len(content) * 3 // 4, 500):
        content[place : place + 20] = bytes(20)
    path.write_bytes(content)

    def read() -> list[tuple[float, bytes]]:
        return [(frame.time_s, frame.image_rgb.tobytes()) for frame in Video(path)]

    first = read()
    assert 1 < len(first) <= len(times)
    assert all(read() == first for _ in range(3))


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "whole.webm", plain, [0.0, 0.1])
    for name in ("http: 50%d.webm", "클립 #1?.webm", "concat:a|b.webm"):
        assert len(list(Video(path.rename(tmp_path / name)))) == 2
        path = tmp_path / name


def boxes_over_time(boxes: list[list[Box]], fps: float = 30) -> list[tuple[Box | None, bool]]:
    """What `follow_face` makes of these detections, one entry a frame."""
    return [(box, is_bridged) for box, is_bridged in follow_face([index / fps for index in range(len(boxes))], boxes)]


LARGE = Box(300, 0, 90, 90)
A, B, FAR, SMALL = Box(10, 10, 40, 40), Box(13, 10, 40, 40), Box(200, 10, 40, 40), Box(5, 5, 9, 9)


def test_a_short_gap_of_one_face_is_bridged_on_the_straight_line() -> None:
    assert boxes_over_time([[A], [], [], [B]]) == [
        (A, False), (Box(11, 10, 40, 40), True), (Box(12, 10, 40, 40), True), (B, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([[], [A]], [None, A]),  # nobody was there before
        ([[A], []], [A, None]),  # nobody comes after
        ([[A], [], [FAR]], [A, None, FAR]),  # another face
        ([[A], *[[]] * 7, [A]], [A, *[None] * 7, A]),  # 8 frames apart: 0.267 s, over 0.25 s
        ([[SMALL, A][::-1], [A, SMALL]], [A, A]),  # the largest comes first
        ([[A], [LARGE, A], [LARGE, B]], [A, A, B]),  # a larger one in the background does not take its place
        ([[A], *[[LARGE]] * 8], [A, *[LARGE] * 8]),  # one that stays away gives it up
        ([[], []], [None, None]),
    ],
)
def test_any_other_gap_has_no_face(boxes: list[list[Box]], expected: list[Box | None]) -> None:
    followed = boxes_over_time(boxes)
    assert [box for box, _ in followed] == expected
    assert not any(is_bridged for _, is_bridged in followed)


def test_the_longest_gap_that_is_bridged() -> None:
    followed = boxes_over_time([[A], *[[]] * 6, [A]])  # 7 frames apart: 0.233 s
    assert [is_bridged for _, is_bridged in followed] == [False, *[True] * 6, False]


def test_a_track_file_comes_back_as_it_went(tmp_path: Path) -> None:
    frames = (TrackFrame(0.0, (0.25, 0.75), Box(1, 2, 3, 4.5)), TrackFrame(0.1, None))
    track = Track("클립.webm", ("joy", "hurt"), frames, 0.2, {"name": "m"})
    path = tmp_path / "a.track.json"
    path.write_text(track_to_json(track), encoding="utf-8")
    assert read_track(path) == track


def track_json(**changes: Any) -> str:
    frames = [{"time_s": 0, "probabilities": [0.5, 0.5]}, {"time_s": 0.1, "probabilities": None}]
    return json.dumps({"format": "reon-track", "version": 1, "labels": ["a", "b"], "frames": frames, **changes})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "is not a track file: it is no JSON; give a video or a track file"),
        ("[]", 'is not a track file: expected "format": "reon-track"'),
        (track_json(format="reon-score"), "python -m reon_export score. writes them as actor.track.json"),
        (track_json(version=9), "is a track of version 9, expected 1; make it again"),
        (track_json(labels=["a", "a"]), "labels are .*, expected two or more, all different"),
        (track_json(frames=[]), "is damaged: it has no frames; make it again from its video"),
        (track_json(frames=[{"time_s": 0}]), "is damaged: probabilities is missing"),
        (track_json(frames=[{"time_s": -1, "probabilities": None}]), "frame 0 has time_s -1.0, expected 0 to 86400"),
        (track_json(frames=[{"time_s": 0, "probabilities": [0.5]}]), "frame 0 has 1 probabilities for 2 labels"),
        (
            track_json(frames=[{"time_s": 0, "probabilities": [0.5, 0.9]}]),
            "frame 0's probabilities are no distribution",
        ),
        (track_json(frames=[{"time_s": 0, "probabilities": [float("nan"), 1]}]), "are no distribution"),
        (
            track_json(frames=[{"time_s": 1, "probabilities": None}] * 2),
            "frame 1 is at 1.0 s, which is not after 1.0 s",
        ),
        (track_json(duration_s=0), "duration_s is 0.0, expected more than 0"),
    ],
)
def test_a_damaged_track_file_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TrackError, match=message):
        read_track(path)


def animated_webp() -> bytes:
    picture = Image.fromarray(plain(0.0))
    content = io.BytesIO()
    picture.save(content, "WEBP", save_all=True, append_images=[picture.rotate(90)], duration=100)
    return content.getvalue()


def sound_only(path: Path, codec: str = "aac") -> bytes:
    with av.open(str(path), "w") as container:
        sound = container.add_stream(codec, rate=44100)
        assert isinstance(sound, AudioStream)
        sound.layout = "mono"
        size = sound.codec_context.frame_size or 1024
        for index in range(20):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, size), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 44100, index * size, Fraction(1, 44100)
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    return path.read_bytes()


def song_with_cover(path: Path) -> bytes:
    """An MP3 whose only picture is its cover (ID3v2.3, 4.15)."""
    cover = cv2.imencode(".jpg", plain(0.0))[1].tobytes()
    picture = b"\0image/jpeg\0\x03\0" + cover
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\0\0" + picture
    size = bytes((len(frame) >> shift) & 127 for shift in (21, 14, 7, 0))
    song = sound_only(path, "libmp3lame")
    start = 10 + int.from_bytes(song[6:10], "big") if song.startswith(b"ID3") else 0
    return b"ID3\x03\0\0" + size + frame + song[start:]


def test_a_video_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    whole = clips.write_clip(tmp_path / "whole.webm", plain, clips.even_times(2.0))
    index_last = clips.write_clip(tmp_path / "whole.mp4", plain, clips.even_times(2.0), codec="libx264")
    for name, content, message in (
        ("empty.mp4", b"", r"empty.mp4 is empty \(0 bytes\): copy or download it again"),
        ("text.mp4", "글자\n".encode(), r"text.mp4 is a text file, not a video; give a video, a folder"),
        ("noise.mp4", bytes(range(256)) * 40, r"noise.mp4 cannot be decoded as a video: it is damaged, cut off"),
        ("cut.webm", whole.read_bytes()[: whole.stat().st_size // 2], r"cut.webm is cut off: its header states 2.0 s"),
        ("cut.mp4", index_last.read_bytes()[: index_last.stat().st_size // 2], r"cut.mp4 cannot be decoded as a video"),
        ("photo.jpg", cv2.imencode(".jpg", plain(0.0))[1].tobytes(), r"photo.jpg is an image: give a video, or a fol"),
        ("photo.mp4", cv2.imencode(".png", plain(0.0))[1].tobytes(), r"photo.mp4 is an image: give a video, or a fol"),
        (
            "photo.mov",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            r"photo.mov is a HEIC image, .*, not a video",
        ),
        ("sticker.webp", animated_webp(), r"sticker.webp is an animated WebP, which FFmpeg does not read: convert it"),
        ("page.mp4", b"<!DOCTYPE html>\xff", r"page.mp4 is a web page \(a download that went wrong\), not a video"),
        (
            "sound.mp4",
            sound_only(tmp_path / "s.mp4"),
            r"sound.mp4 has no picture, only sound: give a video with",
        ),
        ("song.mp3", song_with_cover(tmp_path / "s.mp3"), r"song.mp3 has no picture, only sound: give a video with a"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(TrackError, match=message):
            list(Video(path))
    with pytest.raises(
        TrackError, match=r"nowhere.mp4 does not exist; give a video, a folder of images or a track file"
    ):
        Video(tmp_path / "nowhere.mp4")
    (tmp_path / "bare").mkdir()
    with pytest.raises(TrackError, match=r"no image in .*bare; expected at least one of"):
        Video(tmp_path / "bare")


def test_a_path_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may read everything, so the refusal is the operating system's own, raised in its place.
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    (tmp_path / "frames").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(TrackError, match=r"the folder .*frames may not be read \(Permission denied\)"):
        Video(tmp_path / "frames")
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TrackError, match=r"cannot read .*a.mp4: Permission denied"):
        Video(tmp_path / "a.mp4")
