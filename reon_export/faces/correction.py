"""A box of the page's detector to the box that Haar would have drawn. Mirrored by web_demo/js/pixels/box_correction.js.

Both are held by tests/golden/box_correction.json. The rule, to the last bit (IEEE double, in the order written):

    side     = scale * height
    centre_x = (x + width / 2) + offset_x * side
    centre_y = (y + height / 2) + offset_y * side
    corrected box: x = centre_x - side / 2, y = centre_y - side / 2, width = height = side

Why the height alone: Haar's boxes are square, TinyFaceDetector's are not, and its width says nothing more about Haar's
side than its height does. A scale for each fitted no better on unseen photographs (mean |Δp| 0.0285 against 0.0287),
and because the two go together, their values ran far apart from one set of photographs to the next.
"""

from reon_export.faces.crop import Box
from reon_export.spec import BoxCorrection


def correct_box(box: Box, correction: BoxCorrection | None) -> Box:
    """The corrected, square box; without a correction, the box as it is. Boxes that Haar drew are never corrected."""
    if correction is None:
        return box
    side = correction.scale * box.height
    centre_x = (box.x + box.width / 2) + correction.offset_x * side
    centre_y = (box.y + box.height / 2) + correction.offset_y * side
    return Box(centre_x - side / 2, centre_y - side / 2, side, side)


def undo_mirror_bias(box: Box, correction: BoxCorrection | None) -> Box:
    """A box that was found in a frame's mirror image, moved to where it would have been found in the frame itself.

    The detector draws its boxes too far to one side, by `offset_x` sides of the corrected box; in the mirror image that
    is the other side of the face. `correct_box` then fits both.
    """
    if correction is None:
        return box
    return box._replace(x=box.x - 2 * correction.offset_x * (correction.scale * box.height))
