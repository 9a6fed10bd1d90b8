"""One face through a video.

The rule. In every frame the largest face that Haar finds is taken, as RE:ON does. Haar loses a face for a frame or two
now and then (a blink, a turn, motion blur), so a gap is bridged when all of this holds:

- there is a detection before it and one after it: a face that leaves is gone at once, one that arrives was not there;
- the two are at most 0.25 s apart (MAX_GAP_S: seven frames at 30 per second);
- the two boxes overlap by an intersection over union of 0.3 or more (MIN_OVERLAP): they are of one face.

In a bridged frame the box lies on the straight line between the two, in time, and the classifier sees the pixels that
are really there. Every other frame without a detection has no face.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from reon_export.faces.crop import Box, Image, intersection_over_union
from reon_export.score.tracks.video import VideoFrame

MAX_GAP_S = 0.25
MIN_OVERLAP = 0.3
Detect = Callable[[Image], list[Box]]


class FollowedFrame(NamedTuple):
    """A frame, its face (pixels of the frame, None without one), and whether the box was bridged, not detected."""

    time_s: float
    image_rgb: Image
    box: Box | None
    is_bridged: bool


def follow_face(frames: Iterable[VideoFrame], detect: Detect) -> Iterator[FollowedFrame]:
    """Find the face in every frame by the rule above. `detect` gives boxes, the largest first.

    At most MAX_GAP_S of frames are held back at a time.
    """
    seen: tuple[float, Box] | None = None
    waiting: list[VideoFrame] = []
    for frame in frames:
        boxes = detect(frame.image_rgb)
        if boxes:
            yield from _settle(waiting, seen, (frame.time_s, boxes[0]))
            yield FollowedFrame(*frame, boxes[0], is_bridged=False)
            waiting, seen = [], (frame.time_s, boxes[0])
            continue
        waiting.append(frame)
        if seen is None or frame.time_s - seen[0] > MAX_GAP_S:
            yield from _settle(waiting, None, None)
            waiting, seen = [], None
    yield from _settle(waiting, None, None)


def _settle(
    waiting: list[VideoFrame], before: tuple[float, Box] | None, after: tuple[float, Box] | None
) -> Iterator[FollowedFrame]:
    is_gap = (
        before is not None
        and after is not None
        and after[0] - before[0] <= MAX_GAP_S
        and intersection_over_union(before[1], after[1]) >= MIN_OVERLAP
    )
    for frame in waiting:
        if is_gap and before is not None and after is not None:
            share = (frame.time_s - before[0]) / (after[0] - before[0])
            between = Box(*(a + (b - a) * share for a, b in zip(before[1], after[1], strict=True)))
            yield FollowedFrame(*frame, between, is_bridged=True)
        else:
            yield FollowedFrame(*frame, None, is_bridged=False)
