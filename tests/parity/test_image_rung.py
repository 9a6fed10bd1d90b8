"""Rung 2: every case passes in every engine, and every reader that is known to be wrong fails."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from reon_export import load_classifier
from reon_export.errors import ParityError
from reon_export.faces.crop import Box
from reon_export.faces.crop import Image as Pixels
from reon_export.faces.image_files import list_images
from reon_export.faces.preprocess import crop_face
from reon_export.parity.records import ImageRung
from reon_export.parity.rungs.image import (
    JPEG_MAX_ABS_PROB,
    NetworkInput,
    Reader,
    compare_images,
    read_in_browser,
    read_in_python,
)
from reon_export.parity.rungs.image_cases import ImageCase, make_cases
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.runtimes.page_session import PageSession, open_page_session
from reon_export.spec import InputSpec, ModelSpec
from tests.support.engines import require_engine

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Decode = Callable[[bytes], Pixels]
CompareNamed = Callable[[Reader, str], ImageRung]


@pytest.fixture(scope="module")
def cases() -> dict[str, ImageCase]:
    return {case.name.removeprefix("astronaut.png, "): case for case in make_cases(list_images(SAMPLE_PHOTOS))}


@pytest.fixture(scope="module")
def session(model_dir: Path) -> Iterator[PageSession]:
    with open_page_session(model_dir) as opened:
        yield opened


@pytest.fixture
def compare_named(
    session: PageSession, model_dir: Path, default_spec: ModelSpec, cases: dict[str, ImageCase]
) -> CompareNamed:
    """Run one case with another reader in Python."""

    def compare(read_expected: Reader, name: str) -> ImageRung:
        classify = load_classifier(model_dir)
        return compare_images(session, default_spec, classify, [cases[name]], read_expected=read_expected)

    return compare


def expect_all_alike(rung: ImageRung, cases: dict[str, ImageCase], engine: str) -> None:
    assert (rung.verdict, rung.reasons) == ("passed", ())
    assert rung.browser is not None
    assert rung.browser.name == engine
    assert len(rung.cases) == len(cases) > 50
    # Stricter than the gates: what the comments beside them say was measured.
    different = {case.name for case in rung.cases if case.max_abs != 0 or case.mean_abs != 0}
    assert different <= {cases["lossless WebP with alpha"].name}
    assert rung.max_abs_prob_lossless == 0
    assert rung.max_abs_prob_jpeg <= 1e-3


def test_every_case_is_read_alike_in_chromium(
    session: PageSession, model_dir: Path, default_spec: ModelSpec, cases: dict[str, ImageCase]
) -> None:
    rung = compare_images(session, default_spec, load_classifier(model_dir), list(cases.values()))
    expect_all_alike(rung, cases, "chromium")


@pytest.mark.parametrize("engine", ["firefox", "webkit"])
def test_every_case_is_read_alike_elsewhere(
    model_dir: Path, default_spec: ModelSpec, cases: dict[str, ImageCase], engine: str
) -> None:
    require_engine(engine)
    with open_page_session(model_dir, engine) as elsewhere:
        rung = compare_images(elsewhere, default_spec, load_classifier(model_dir), list(cases.values()))
    expect_all_alike(rung, cases, engine)


def test_another_input_size_is_read_alike(
    session: PageSession, default_spec: ModelSpec, cases: dict[str, ImageCase]
) -> None:
    spec = default_spec.model_copy(update={"input": InputSpec(height=64, width=224)})
    for name in ("PNG, box fractional", "16-bit RGBA PNG", "JPEG with EXIF orientation 6"):
        expected = read_in_python(cases[name], spec)
        np.testing.assert_array_equal(read_in_browser(session, cases[name], spec).crop_rgb, expected.crop_rgb)


def flipped(case: ImageCase, spec: ModelSpec) -> NetworkInput:
    read = read_in_python(case, spec)
    return replace(read, crop_rgb=read.crop_rgb[:, ::-1])


def as_bgr(case: ImageCase, spec: ModelSpec) -> NetworkInput:
    read = read_in_python(case, spec)
    return replace(read, crop_rgb=read.crop_rgb[:, :, ::-1])


def shifted_by_one(case: ImageCase, spec: ModelSpec) -> NetworkInput:
    moved = case.box._replace(x=case.box.x + 1)
    return replace(read_in_python(replace(case, box=moved), spec), square=read_in_python(case, spec).square)


def decoded_by(decode: Decode) -> Reader:
    """The reference with another decoder in front of it."""

    def read(case: ImageCase, spec: ModelSpec) -> NetworkInput:
        image_rgb = decode(case.encoded)
        height, width = image_rgb.shape[:2]
        square = read_in_python(case, spec).square
        return NetworkInput(crop_face(image_rgb, case.box, spec), square, width, height)

    return read


def decode_without_exif(encoded: bytes) -> Pixels:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    assert decoded is not None
    return np.ascontiguousarray(decoded[:, :, ::-1].astype(np.uint8))


def decode_with_profile(encoded: bytes) -> Pixels:
    photo = Image.open(io.BytesIO(encoded)).convert("RGB")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.info["icc_profile"]))
    converted = ImageCms.profileToProfile(photo, profile, ImageCms.createProfile("sRGB"))
    assert converted is not None
    return np.array(converted)


def decode_over_black(encoded: bytes) -> Pixels:
    photo = Image.open(io.BytesIO(encoded)).convert("RGBA")
    return np.array(Image.alpha_composite(Image.new("RGBA", photo.size, "black"), photo).convert("RGB"))


def decode_rounding_16_bits(encoded: bytes) -> Pixels:
    deep = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    assert deep is not None
    rounded: Pixels = np.floor(deep[:, :, ::-1] / 257 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(rounded)


@pytest.mark.parametrize(
    ("read", "name", "reason"),
    [
        (flipped, "PNG, box on the face", "of 255 away, over 1"),
        (as_bgr, "PNG, box on the face", "of 255 away, over 1"),
        (shifted_by_one, "PNG, box on the face", "of 255 away, over 1"),
        (shifted_by_one, "obama.jpg, PNG", "of 255 away, over 1"),
        (decoded_by(decode_without_exif), "PNG with EXIF orientation 3", "of 255 away, over 1"),
        (decoded_by(decode_without_exif), "JPEG with EXIF orientation 3", "JPEG and the like: max |Δp| "),
        (
            decoded_by(decode_without_exif),
            "PNG with EXIF orientation 6",
            "sees an image of 511x509, Python one of 509x511",
        ),
        (
            decoded_by(decode_without_exif),
            "JPEG with EXIF orientation 8",
            "sees an image of 511x509, Python one of 509x511",
        ),
        (decoded_by(decode_with_profile), "PNG with an Adobe RGB profile", "of 255 away, over 1"),
        (decoded_by(decode_without_exif), "RGBA PNG with partial alpha", "of 255 away, over 1"),  # alpha dropped, too
        (decoded_by(decode_over_black), "interlaced RGBA PNG", "of 255 away, over 1"),
        (decoded_by(decode_rounding_16_bits), "16-bit RGB PNG", "of 255 away on average, over 1e-03"),
    ],
)
def test_a_wrong_reader_fails(compare_named: CompareNamed, read: Reader, name: str, reason: str) -> None:
    rung = compare_named(read, name)
    assert rung.verdict == "failed"
    assert len(rung.reasons) == 1
    assert reason in rung.reasons[0]


def test_a_jpeg_upside_down_is_far_over_its_gate(compare_named: CompareNamed) -> None:
    rung = compare_named(decoded_by(decode_without_exif), "JPEG with EXIF orientation 3")
    assert rung.max_abs_prob_jpeg > 5 * JPEG_MAX_ABS_PROB
    assert np.isnan(rung.max_abs_prob_lossless)


def test_a_file_that_cannot_be_opened_fails_in_words(
    session: PageSession, model_dir: Path, default_spec: ModelSpec, cases: dict[str, ImageCase]
) -> None:
    photo = cases["PNG, box on the face"]
    notes = replace(photo, name="notes.txt", encoded=b"no picture")
    classify = load_classifier(model_dir)
    rung = compare_images(
        session, default_spec, classify, [notes], read_expected=lambda _, spec: read_in_python(photo, spec)
    )
    assert rung.verdict == "failed"
    assert rung.reasons[0].startswith(
        "notes.txt: in the browser: notes.txt is not a picture that this browser can open"
    )
    assert np.isnan(rung.max_abs_prob_jpeg)
    unread = compare_images(session, default_spec, classify, [notes])
    assert unread.reasons == (
        "notes.txt: notes.txt is not an image that can be decoded, but a text file; "
        "expected a JPEG, PNG, BMP, WebP or TIFF file",
    )


def test_a_box_without_a_size_is_refused_by_the_page(
    session: PageSession, default_spec: ModelSpec, cases: dict[str, ImageCase]
) -> None:
    empty = replace(cases["PNG, box on the face"], box=Box(1, 1, 0, 5))
    with pytest.raises(ParityError, match="a positive size, got 1, 1, 0, 5"):
        read_in_browser(session, empty, default_spec)
