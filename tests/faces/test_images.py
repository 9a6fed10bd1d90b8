"""What the pixels of a file are, the files of the image rung, and its gates; the browser's half is in tests/browser."""

import io
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, JpegImagePlugin

from reon_export.browsers.version import BrowserVersion
from reon_export.errors import FaceError, ParityError
from reon_export.faces.crop import Box, Square
from reon_export.faces.decode import decode_image_rgb, turn_upright
from reon_export.faces.image_files import list_images
from reon_export.parity.records import ImageRung, PixelCase
from reon_export.parity.rungs.image import JPEG_MAX_ABS_PROB, NetworkInput, judge_images, measure_pixels
from reon_export.parity.rungs.image_cases import ImageCase, make_cases
from reon_export.parity.rungs.image_files import (
    exif_chunk,
    exif_segment,
    make_adobe_rgb_profile,
    profile_chunk,
    write_jpeg,
    write_lossless_webp,
    write_png,
)
from reon_export.paths import SAMPLE_PHOTOS

ORIENTATION_TAG = 0x0112
# 2 rows, 3 columns; what each EXIF orientation makes of it, drawn by hand.
STORED = [[1, 2, 3], [4, 5, 6]]
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


@pytest.fixture(scope="module")
def cases() -> dict[str, ImageCase]:
    made = make_cases(list_images(SAMPLE_PHOTOS))
    by_name = {case.name.removeprefix("astronaut.png, "): case for case in made}
    assert len(by_name) == len(made)
    return by_name


def opened(case: ImageCase) -> Image.Image:
    return Image.open(io.BytesIO(case.encoded))


def png_header(case: ImageCase) -> tuple[int, int]:
    """Bit depth and colour type."""
    depth, colour_type = struct.unpack_from(">BB", case.encoded, 24)
    return depth, colour_type


# The rule


def test_greyscale_is_three_equal_channels() -> None:
    grey = np.array([[0, 7], [128, 255]], np.uint8)
    np.testing.assert_array_equal(decode_image_rgb(write_png(grey), "grey"), np.dstack([grey] * 3))


def test_sixteen_bits_give_their_high_byte() -> None:
    # By rounding, 0x12FF would be 0x13 and 0xFF7F 0xFF; 0x0080 divided by 257 would round to 0.
    deep = np.array([[[0x12FF, 0x00FF, 0xFF7F], [0x8000, 0x7FFF, 0xFFFF]]], np.uint16)
    expected = [[[0x12, 0x00, 0xFF], [0x80, 0x7F, 0xFF]]]
    np.testing.assert_array_equal(decode_image_rgb(write_png(deep), "deep"), expected)
    np.testing.assert_array_equal(decode_image_rgb(write_png(deep[:, :, 0]), "deep")[0, :, 1], [0x12, 0x80])


def test_transparency_lies_on_white() -> None:
    # (200 * 128 + 255 * 127) / 255 = 227.4; (0 * 254 + 255 * 1) / 255 = 1; (51 * 100 + 255 * 155) / 255 = 175
    rgba = np.array([[[200, 0, 255, 128], [9, 9, 9, 0], [1, 2, 3, 255], [0, 0, 0, 254], [51, 51, 51, 100]]], np.uint8)
    expected = [[[227, 127, 255], [255, 255, 255], [1, 2, 3], [1, 1, 1], [175, 175, 175]]]
    np.testing.assert_array_equal(decode_image_rgb(write_png(rgba), "rgba"), expected)
    np.testing.assert_array_equal(decode_image_rgb(write_lossless_webp(rgba), "webp"), expected)
    deep: npt.NDArray[np.uint16] = (rgba.astype(np.uint16) * 256 + 0xFF).astype(np.uint16)
    np.testing.assert_array_equal(decode_image_rgb(write_png(deep), "deep"), expected)
    grey_alpha = rgba[:, :, [0, 3]]
    np.testing.assert_array_equal(decode_image_rgb(write_png(grey_alpha), "la")[0, :, 2], [227, 255, 1, 1, 175])


def test_a_palette_is_looked_up_and_its_transparency_lies_on_white() -> None:
    palette_rgba = np.array([[10, 20, 30, 255], [200, 0, 255, 128]], np.uint8)
    encoded = write_png(np.array([[1, 0]], np.uint8), palette_rgba=palette_rgba)
    np.testing.assert_array_equal(decode_image_rgb(encoded, "palette"), [[[227, 127, 255], [10, 20, 30]]])


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_turns_png_and_jpeg_upright(orientation: int) -> None:
    values: npt.NDArray[np.uint8] = (np.array(STORED) * 40).astype(np.uint8)
    expected = np.array(UPRIGHT[orientation]) * 40
    rgb = np.dstack([values] * 3)
    opaque = np.dstack([rgb, np.full_like(values, 255)])
    np.testing.assert_array_equal(turn_upright(values, orientation), expected)
    for pixels in (rgb, opaque, values):
        actual = decode_image_rgb(write_png(pixels, exif_chunk(orientation)), "png")
        np.testing.assert_array_equal(actual[:, :, 0], expected)
    large = values.repeat(16, axis=0).repeat(16, axis=1)  # a JPEG block each: flat, hence exact but for rounding
    actual = decode_image_rgb(write_jpeg(np.dstack([large] * 3), 100, segments=exif_segment(orientation)), "jpeg")
    assert np.abs(actual[8::16, 8::16, 0].astype(int) - expected).max() <= 1


def test_a_colour_profile_changes_nothing() -> None:
    rgb = np.array([[[200, 30, 90]]], np.uint8)
    encoded = write_png(rgb, profile_chunk(make_adobe_rgb_profile()))
    np.testing.assert_array_equal(decode_image_rgb(encoded, "profile"), rgb)


def test_exif_behind_the_pixels_and_in_webp_is_ignored() -> None:
    rgb = np.dstack([np.array(STORED, np.uint8)] * 3)
    png, turned = write_png(rgb), write_png(rgb, exif_chunk(6))
    chunk = turned[turned.index(b"eXIf") - 4 : turned.index(b"IDAT") - 4]
    late = png[:-12] + chunk + png[-12:]
    assert decode_image_rgb(late, "late").shape == (2, 3, 3)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    webp = io.BytesIO()
    Image.fromarray(rgb).save(webp, "webp", lossless=True, exif=exif)
    np.testing.assert_array_equal(decode_image_rgb(webp.getvalue(), "webp"), rgb)


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"MM\0*\0\0\0\x08\0\x09", b"nothing of the kind"])
def test_a_damaged_exif_chunk_leaves_the_pixels_as_they_are(exif: bytes) -> None:
    rgba = np.dstack([np.array(STORED, np.uint8)] * 3 + [np.full((2, 3), 255, np.uint8)])
    np.testing.assert_array_equal(decode_image_rgb(write_png(rgba, (b"eXIf", exif)), "damaged"), rgba[:, :, :3])


def test_big_endian_exif_is_understood() -> None:
    exif = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION_TAG, 3, 1, 6, 0, 0)
    rgba = np.dstack([np.array(STORED, np.uint8)] * 3 + [np.full((2, 3), 255, np.uint8)])
    actual = decode_image_rgb(write_png(rgba, (b"eXIf", exif)), "big-endian")
    np.testing.assert_array_equal(actual[:, :, 0], UPRIGHT[6])


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        (b"", "is empty (0 bytes): copy or download it again"),
        (b"text", "is not an image that can be decoded, but a text file"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG image that is damaged or cut off: copy or download it again"),
        (b"\xff\xd8\xff", "is a JPEG image that is damaged or cut off: copy or download it again"),
        (b"RIFF\0\0\0\0WEBP", "is not an image that can be decoded"),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "is not an image that can be decoded, but a HEIC image, as iPhones take them (convert it to JPEG)",
        ),
        (b"\0\0\0\x18ftypavif", "is not an image that can be decoded, but an AVIF image (convert it to JPEG)"),
        (b"\0\0\0\x18ftypisom", "is not an image that can be decoded, but a video or sound file (MP4)"),
        (
            b"\n<!DOCTYPE html><title>404",
            "is not an image that can be decoded, but a web page (a download that went wrong)",
        ),
        (b"<svg xmlns=''>", "is not an image that can be decoded, but an SVG or XML file"),
    ],
)
def test_what_is_no_image_is_named(encoded: bytes, words: str) -> None:
    with pytest.raises(FaceError) as caught:
        decode_image_rgb(encoded, "notes")
    assert str(caught.value) == f"notes {words}; expected a JPEG, PNG, BMP, WebP or TIFF file"


def test_the_writer_of_png_files_loses_nothing() -> None:
    # Against Pillow, which reads every filter and pass by itself.
    random = np.random.default_rng(3)
    for shape in ((1, 1), (3, 5), (17, 23), (17, 23, 2), (9, 4, 3), (17, 23, 4)):
        pixels = random.integers(0, 256, shape, dtype=np.uint8)
        for interlaced in (False, True):
            read = np.asarray(Image.open(io.BytesIO(write_png(pixels, interlaced=interlaced))))
            np.testing.assert_array_equal(read, pixels)
    four_bits = random.integers(0, 16, (11, 7), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(write_png(four_bits, bits=4)))), four_bits * 17)
    deep = random.integers(0, 65536, (11, 7), dtype=np.uint16)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(write_png(deep, interlaced=True)))), deep)


# The files


@pytest.mark.slow
def test_the_cases_are_the_same_each_time(cases: dict[str, ImageCase]) -> None:
    again = make_cases(list_images(SAMPLE_PHOTOS))
    assert again == list(cases.values())
    other = make_cases(list_images(SAMPLE_PHOTOS)[:1], seed=1)
    changed = {case.name for case in other} - {case.name for case in other if case in again}
    assert "astronaut.png, 16-bit RGB PNG" in changed
    assert "astronaut.png, PNG, box on the face" not in changed


def test_every_file_is_what_its_name_says(cases: dict[str, ImageCase]) -> None:
    headers = {
        "PNG, box on the face": (8, 2),
        "8-bit greyscale PNG": (8, 0),
        "16-bit greyscale PNG": (16, 0),
        "16-bit RGB PNG": (16, 2),
        "16-bit PNG with an Adobe RGB profile": (16, 2),
        "16-bit RGBA PNG": (16, 6),
        "RGBA PNG with partial alpha": (8, 6),
        "greyscale PNG with alpha": (8, 4),
        "palette PNG with transparency": (8, 3),
        "4-bit greyscale PNG with gamma 1.0": (4, 0),
    }
    assert {name: png_header(cases[name]) for name in headers} == headers
    assert b"VP8L" in cases["lossless WebP"].encoded[:64]
    assert opened(cases["lossless WebP with alpha"]).mode == "RGBA"
    assert opened(cases["PNG with gamma 1.0"]).info["gamma"] == 1.0
    assert opened(cases["greyscale JPEG"]).mode == "L"
    assert "progressive" in opened(cases["progressive JPEG 4:2:0"]).info
    samplings = {"progressive JPEG 4:2:0": 2, "JPEG q75 4:2:0": 2, "JPEG q95": 0}  # Pillow: 0 is 4:4:4, 2 is 4:2:0
    for name, sampling in samplings.items():
        assert JpegImagePlugin.get_sampling(opened(cases[name])) == sampling
    for orientation in (3, 6, 8):
        for kind in ("PNG", "JPEG"):
            photo = opened(cases[f"{kind} with EXIF orientation {orientation}"])
            assert photo.getexif()[ORIENTATION_TAG] == orientation
    assert opened(cases["interlaced RGBA PNG"]).info["interlace"] == 1
    assert len(opened(cases["16-bit PNG with one transparent colour"]).info["transparency"]) == 3
    odd = opened(cases["odd cut as PNG"])
    assert odd.width % 2 == odd.height % 2 == 1
    assert odd.width != odd.height
    assert opened(cases["a PNG of one pixel"]).size == (1, 1)
    assert cases["obama.jpg, the file itself"].encoded == (SAMPLE_PHOTOS / "obama.jpg").read_bytes()
    lossy = {name for name, case in cases.items() if case.encoded[:2] == b"\xff\xd8"}
    assert {name for name, case in cases.items() if case.kind == "jpeg"} == lossy | {"lossless WebP with alpha"}


def test_deep_files_have_low_bytes_and_transparent_ones_every_alpha(cases: dict[str, ImageCase]) -> None:
    deep = np.asarray(opened(cases["16-bit greyscale PNG"])).astype(np.int64)
    assert len(np.unique(deep & 0xFF)) == 256
    assert (deep >> 8 != np.floor(deep / 257 + 0.5)).mean() > 0.2
    for name in ("RGBA PNG with partial alpha", "lossless WebP with alpha", "greyscale PNG with alpha"):
        case = cases[name]
        x, y, width, height = (int(value) for value in case.box)
        alpha = np.asarray(opened(case))[y : y + height, x : x + width, -1]
        assert len(np.unique(alpha)) > 200
        assert (alpha == 0).any()
        assert (alpha == 255).any()
    assert len(set(opened(cases["palette PNG with transparency"]).info["transparency"])) > 100


def test_the_profile_is_a_valid_one_of_a_wide_gamut(cases: dict[str, ImageCase]) -> None:
    for kind in ("PNG", "16-bit PNG", "JPEG", "lossless WebP"):
        name = f"{kind} with an Adobe RGB profile"
        profile = ImageCms.ImageCmsProfile(io.BytesIO(opened(cases[name]).info["icc_profile"]))
        assert ImageCms.getProfileDescription(profile).strip() == "Adobe RGB (1998)"
        red = Image.new("RGB", (1, 1), (200, 100, 50))
        as_srgb = ImageCms.profileToProfile(red, profile, ImageCms.createProfile("sRGB"))
        assert as_srgb is not None
        # By the matrices and curves of both standards (D65): 200, 100, 50 in Adobe RGB is 227, 100, 42 in sRGB.
        assert np.abs(np.asarray(as_srgb)[0, 0].astype(int) - [227, 100, 42]).max() <= 1


def test_every_turned_file_is_the_same_photograph(cases: dict[str, ImageCase]) -> None:
    plain = cases["PNG, box on the face"]
    expected = decode_image_rgb(plain.encoded, plain.name)
    for orientation in (3, 6, 8):
        turned = cases[f"PNG with EXIF orientation {orientation}"]
        assert opened(turned).getpixel((0, 0)) != opened(plain).getpixel((0, 0))
        np.testing.assert_array_equal(decode_image_rgb(turned.encoded, turned.name), expected)
        jpeg = decode_image_rgb(cases[f"JPEG with EXIF orientation {orientation}"].encoded, "jpeg")
        assert jpeg.shape == expected.shape
        assert np.abs(jpeg.astype(int) - expected).mean() < 3


def test_the_boxes_leave_the_photograph_at_every_edge(cases: dict[str, ImageCase]) -> None:
    outside = {}
    for edge in ("left", "top", "right", "bottom"):
        case = cases[f"PNG, face cut by the {edge} edge"]
        width, height = opened(case).size
        box = case.box
        outside[edge] = (box.x < 0, box.y < 0, box.x + box.width > width, box.y + box.height > height)
    assert outside == {
        "left": (True, False, False, False),
        "top": (False, True, False, False),
        "right": (False, False, True, False),
        "bottom": (False, False, False, True),
    }
    assert cases["PNG, box of one pixel"].box[2:] == (1, 1)
    sides = {case.box.width for case in cases.values()}
    assert min(sides) < 1
    assert max(sides) > 2 * 500


def test_photographs_without_a_face_make_no_cases(tmp_path: Path) -> None:
    with pytest.raises(FaceError, match="no photograph was given"):
        make_cases([])
    grey = tmp_path / "grey.png"
    grey.write_bytes(write_png(np.full((99, 99, 3), 90, np.uint8)))
    with pytest.raises(FaceError, match=r"no face found in .*grey.png; expected photographs with a frontal face"):
        make_cases([grey])


def test_a_format_that_opencv_cannot_write_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv2.imencode", lambda *_: (False, np.empty(0, np.uint8)))
    with pytest.raises(ParityError, match=r"this OpenCV \(.*\) does not write \.webp"):
        write_lossless_webp(np.zeros((2, 2, 3), np.uint8))


# The measure and the gates

CASE = ImageCase("face.png", "lossless", b"", Box(0, 0, 4, 4))


def network_input(**changes: object) -> NetworkInput:
    values: npt.NDArray[np.uint8] = np.full((4, 4, 3), 100, np.uint8)
    parts: dict[str, object] = {"crop_rgb": values, "square": Square(0, 0, 4), "width": 8, "height": 9} | changes
    return NetworkInput(**parts)  # type: ignore[arg-type]


def test_the_measure_does_not_wrap_around() -> None:
    changed = np.full((4, 4, 3), 100, np.uint8)
    changed[0, 0, 0] = 103
    changed[3, 3, 2] = 0
    case = measure_pixels(CASE, network_input(), network_input(crop_rgb=changed))
    assert (case.max_abs, case.mean_abs, case.problem) == (100, 103 / 48, "")
    assert measure_pixels(CASE, network_input(crop_rgb=changed), network_input()).max_abs == 100


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"width": 9, "height": 8}, "the browser sees an image of 9x8, Python one of 8x9"),
        ({"square": Square(1, 0, 4)}, "the browser cuts (1, 0, 4), Python (0, 0, 4) (left, top, side)"),
        ({"crop_rgb": np.zeros((5, 4, 3), np.uint8)}, "the browser's input has shape (5, 4, 3), Python's (4, 4, 3)"),
    ],
)
def test_another_image_window_or_shape_is_a_problem(changes: dict[str, object], problem: str) -> None:
    case = measure_pixels(CASE, network_input(), network_input(**changes))
    # As text: what was not measured is NaN, which equals nothing.
    assert str(case) == str(PixelCase("face.png", "lossless", problem=problem))


def rung(*cases: PixelCase, jpeg: float = float("nan")) -> ImageRung:
    return ImageRung(
        BrowserVersion("chromium", "1"), "not_run", (), cases, max_abs_prob_lossless=0.0, max_abs_prob_jpeg=jpeg
    )


def test_within_the_gates_it_passes() -> None:
    within = rung(
        PixelCase("a", "lossless", 1, 1e-3),
        PixelCase("b", "lossless", 0, 0.0),
        PixelCase("c", "jpeg", 200, 50.0),
        jpeg=JPEG_MAX_ABS_PROB,
    )
    assert judge_images(within) == ("passed", ())


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (rung(), "nothing was compared: there are no image cases"),
        (rung(PixelCase("a", "lossless", 2, 1e-4)), "a: a pixel is 2 of 255 away, over 1"),
        (
            rung(PixelCase("a", "lossless", 1, 2e-3)),
            "a: pixels are 2.0e-03 of 255 away on average, over 1e-03",
        ),
        (rung(PixelCase("a", "lossless", 0)), "a: pixels are nan of 255 away on average, over 1e-03"),
        (rung(PixelCase("a", "jpeg", 0, 0.0), jpeg=0.051), "JPEG and the like: max |Δp| 5.10e-02 is over 5e-02"),
        (rung(PixelCase("a", "jpeg", 0, 0.0)), "JPEG and the like: max |Δp| nan is over 5e-02"),
        (rung(PixelCase("a", "jpeg", problem="not a picture")), "a: not a picture"),
    ],
)
def test_beyond_a_gate_it_fails_with_the_reason(found: ImageRung, reason: str) -> None:
    assert judge_images(found) == ("failed", (reason,))
