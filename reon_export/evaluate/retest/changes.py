"""The same performance, filmed a little otherwise: harmless changes of a video, made with FFmpeg's own filters."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import av.filter
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reon_export.errors import TrackError
from reon_export.limits import max_pixels

_CRF: Final = "20"
_BASE_CRF: Final = "16"  # so good that it changes hardly anything, and one codec for both sides


@dataclass(frozen=True)
class Change:
    """A change by name: FFmpeg's filters in a chain, and x264's rate factor."""

    name: str
    filters: str = ""
    crf: str = _CRF


BASE: Final = Change("as it is", crf=_BASE_CRF)
CHANGES: Final = (
    Change("compressed", crf="34"),
    Change("smaller", "scale=trunc(iw*0.75/2)*2:trunc(ih*0.75/2)*2"),
    Change("dimmer", "lutyuv=y=(val-128)*0.9+128-0.06*255"),  # contrast 0.9, brightness -0.06
    Change("warmer", "colorbalance=rs=.12:bs=-.12"),
    Change("zoomed", "crop=trunc(iw*0.9/2)*2:trunc(ih*0.9/2)*2,scale=trunc(iw/0.9/2)*2:trunc(ih/0.9/2)*2"),
    Change("shifted", "crop=trunc(iw*0.94/2)*2:trunc(ih*0.94/2)*2:7:5"),
    Change("mirrored", "hflip"),
    Change("15 a second", "fps=15"),
)


def write_changed(source: Path, change: Change, target: Path, seconds: float) -> None:
    """Write the first `seconds` of a video, changed, as H.264 in MP4, without sound.

    Raises TrackError if the video cannot be decoded or encoded.
    """
    try:
        with (
            av.open(f"file:{source}", metadata_errors="ignore", options={"max_pixels": str(max_pixels())}) as container,
            av.open(str(target), "w") as out,
        ):
            stream = container.streams.video[0]
            written: VideoStream | None = None
            for changed in _filter(_first_frames(container, stream, seconds), stream, change.filters):
                if written is None:
                    written = out.add_stream("libx264", rate=_find_rate(stream), options={"crf": change.crf})
                    written.width, written.height, written.pix_fmt = changed.width, changed.height, "yuv420p"
                    if changed.time_base is not None:
                        written.codec_context.time_base = changed.time_base
                out.mux(written.encode(changed))
            if written is None:
                raise TrackError(f"{source} holds no frame; give a video with a face in it")
            out.mux(written.encode())
    except (av.FFmpegError, IndexError) as error:
        raise TrackError(f"{source} cannot be changed ({change.name}): {error}") from error


def _find_rate(stream: VideoStream) -> Fraction:
    return stream.average_rate or Fraction(30)


def _first_frames(container: InputContainer, stream: VideoStream, seconds: float) -> Iterator[VideoFrame]:
    start_s: float | None = None
    for frame in container.decode(stream):
        time_s = float(frame.time or 0.0)
        start_s = time_s if start_s is None else start_s
        if time_s - start_s >= seconds:
            return
        yield frame


def _filter(frames: Iterator[VideoFrame], stream: VideoStream, filters: str) -> Iterator[VideoFrame]:
    """The frames behind a chain of FFmpeg's filters, as yuv420p."""
    graph = av.filter.Graph()
    node = source = graph.add_buffer(template=stream)
    for text in filter(None, [*filters.split(","), "format=yuv420p"]):
        name, _, arguments = text.partition("=")
        following = graph.add(name, arguments)
        node.link_to(following)
        node = following
    sink = graph.add("buffersink")
    node.link_to(sink)
    graph.configure()
    for frame in itertools.chain(frames, (None,)):  # None: there are no more
        source.push(frame)
        with contextlib.suppress(av.BlockingIOError, av.EOFError):  # until the next is pushed; at the end
            while isinstance(changed := sink.pull(), VideoFrame):
                yield changed
