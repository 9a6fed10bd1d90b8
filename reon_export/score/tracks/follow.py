"""One face through a video. Mirrored by `followFace` of web_demo/js/pixels/measure.js.

The rule. The face that is followed is the one whose box overlaps most with its last box, by an intersection over union
of 0.3 or more (MIN_OVERLAP), so that somebody larger in the background does not take its place. A detector loses a face
for a frame or two now and then (a blink, a turn, motion blur): it is waited for as long as it comes back within 0.25 s
(MAX_GAP_S: seven frames at 30 per second), and meanwhile its box lies on the straight line between the two, in time;
the classifier sees the pixels that are really there. If it does not come back, the largest face is followed from the
next frame on that has one; frames without any have no face.
"""

from collections.abc import Sequence
from typing import NamedTuple

from reon_export.faces.crop import Box, intersection_over_union

MAX_GAP_S = 0.25
MIN_OVERLAP = 0.3


class Followed(NamedTuple):
    """The face in a frame (pixels of the frame, None without one), and whether its box was bridged, not detected."""

    box: Box | None
    is_bridged: bool


def follow_face(times_s: Sequence[float], detections: Sequence[Sequence[Box]]) -> list[Followed]:
    """The face in every frame by the rule above, of the boxes that were found in each, the largest first."""
    followed = [Followed(None, False)] * len(times_s)
    last: int | None = None
    index = 0
    while index < len(times_s):
        if last is not None and (box := followed[last].box) is not None:
            back = _find_return(box, last, times_s, detections)
            if back is not None:
                then, end = back
                for between in range(last + 1, then):
                    share = (times_s[between] - times_s[last]) / (times_s[then] - times_s[last])
                    line = Box(*(a + (b - a) * share for a, b in zip(box, end, strict=True)))
                    followed[between] = Followed(line, True)
                followed[then] = Followed(end, False)
                last, index = then, then + 1
                continue
        last = None
        if detections[index]:
            followed[index] = Followed(detections[index][0], False)
            last = index
        index += 1
    return followed


def _find_return(
    box: Box, last: int, times_s: Sequence[float], detections: Sequence[Sequence[Box]]
) -> tuple[int, Box] | None:
    """The next frame, soon enough, with a box of the same face."""
    for index in range(last + 1, len(times_s)):
        if times_s[index] - times_s[last] > MAX_GAP_S:
            return None
        if detections[index]:
            best = max(detections[index], key=lambda found: intersection_over_union(box, found))
            if intersection_over_union(box, best) >= MIN_OVERLAP:
                return index, best
    return None
