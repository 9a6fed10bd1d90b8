"""The same performance, filmed a little otherwise: harmless changes of a video, made with FFmpeg's own filters."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import av.filter
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reon_export.errors import TrackError
from reon_export.limits import max_pixels

_CRF: Final = "20"
_BASE_CRF: Final = "16"  # so good that it changes hardly anything, and one codec for both sides


@dataclass(frozen=True)
class Change:
    """A change by name: FFmpeg's filters in a chain, x264's rate factor, and of how many frames one is kept."""

    name: str
    filters: str = ""
    crf: str = _CRF
    keep_one_of: int = 1


BASE: Final = Change("as it is", crf=_BASE_CRF)
CHANGES: Final = (
    Change("compressed", crf="34"),
    Change("smaller", "scale=trunc(iw*0.75/2)*2:trunc(ih*0.75/2)*2"),
    Change("dimmer", "lutyuv=y=(val-128)*0.9+128-0.06*255"),  # contrast 0.9, brightness -0.06
    Change("warmer", "colorbalance=rs=.12:bs=-.12"),
    Change("zoomed", "crop=trunc(iw*0.9/2)*2:trunc(ih*0.9/2)*2,scale=trunc(iw/0.9/2)*2:trunc(ih/0.9/2)*2"),
    Change("shifted", "crop=trunc(iw*0.94/2)*2:trunc(ih*0.94/2)*2:7:5"),
    Change("mirrored", "hflip"),
    Change("half the frames", keep_one_of=2),
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
            graph = _Graph(stream, change.filters)
            rate = Fraction(stream.average_rate or 30) / change.keep_one_of
            start_s: float | None = None
            for index, frame in enumerate(container.decode(stream)):
                time_s = float(frame.time or 0.0)
                start_s = time_s if start_s is None else start_s
                if time_s - start_s >= seconds:
                    break
                if index % change.keep_one_of:
                    continue
                changed = graph(frame)
                if written is None:
                    written = out.add_stream("libx264", rate=rate, options={"crf": change.crf})
                    written.width, written.height, written.pix_fmt = changed.width, changed.height, "yuv420p"
                    if stream.time_base is not None:
                        written.codec_context.time_base = stream.time_base
                out.mux(written.encode(changed))
            if written is None:
                raise TrackError(f"{source} holds no frame; give a video with a face in it")
            out.mux(written.encode())
    except (av.FFmpegError, IndexError) as error:
        raise TrackError(f"{source} cannot be changed ({change.name}): {error}") from error


class _Graph:
    """A chain of filters between one frame and the next step."""

    def __init__(self, stream: VideoStream, filters: str) -> None:
        self._graph = av.filter.Graph()
        node = source = self._graph.add_buffer(template=stream)
        for text in filter(None, [*filters.split(","), "format=yuv420p"]):
            name, _, arguments = text.partition("=")
            following = self._graph.add(name, arguments)
            node.link_to(following)
            node = following
        sink = self._graph.add("buffersink")
        node.link_to(sink)
        self._graph.configure()
        self._source, self._sink = source, sink

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        self._source.push(frame)
        changed = self._sink.pull()
        assert isinstance(changed, VideoFrame)  # noqa: S101  # a chain of video filters
        changed.pts, changed.time_base = frame.pts, frame.time_base
        return changed
