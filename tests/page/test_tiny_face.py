"""The page's face detector in Python: the same boxes, for every view."""

import base64
from typing import Any

import cv2
import numpy as np
import pytest

from reon_export.faces.crop import Box, Image
from reon_export.faces.detector_input import PLAIN_VIEW, View
from reon_export.faces.image_files import list_images, read_image_rgb
from reon_export.faces.preprocess import resize_bilinear
from reon_export.faces.tiny_face import TinyFaceDetector
from reon_export.paths import SAMPLE_PHOTOS, WEB_DEMO
from reon_export.score.tracks.measure import DETECTOR_VIEWS
from reon_export.site.server import SiteServer
from reon_export.spec import ModelSpec
from tests.support.hosts import LoggedHost
from tests.support.visits import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

# Measured 1e-5, float32 through eight layers; a browser's own way of shrinking gave up to 5e-2.
BOX_ROUNDING = 1e-4
DETECT = """async ({photos, views, correction}) => {
    const {startRuntime} = await import('/js/inference/runtimes/runtime.js');
    const {createDetector} = await import('/js/inference/detector.js');
    const {openImage} = await import('/js/pixels/frame.js');
    const runtime = await startRuntime(null);
    const detector = await createDetector({runtime, correction});
    const answers = [];
    for (const photo of photos) {
        const bytes = Uint8Array.from(atob(photo), (character) => character.charCodeAt(0));
        const frame = await openImage(new Blob([bytes]), 'photo.png');
        const found = [];
        for (const view of views) found.push((await detector.detect(frame, view)).faces);
        answers.push(found);
        frame.destroy();
    }
    return answers;
}"""


def ask_page(
    open_page: OpenPage, site: SiteServer, spec: ModelSpec, photos: list[Image], views: tuple[View, ...]
) -> list[list[list[Box]]]:
    """Boxes by photograph and view."""
    assert spec.crop.correction is not None
    visit = open_page(f"{site.url}parity.html")
    given = {"photos": encode(photos), "views": name_views(views), "correction": spec.crop.correction.model_dump()}
    answers: list[Any] = visit.page.evaluate(DETECT, given)
    visit.expect_clean()
    return [
        [[Box(*(face[key] for key in ("x", "y", "width", "height"))) for face in faces] for faces in found]
        for found in answers
    ]


FACE_API = WEB_DEMO / "node_modules" / "@vladmandic" / "face-api" / "dist"
# face-api rounds a box's corners to float32 on its way; scores are 0..1, boxes in pixels of the input.
FACE_API_BOX, FACE_API_SCORE = 0.05, 1e-4
# In a page of its own each: two copies of TF.js in one page share an engine.
FACE_API_BOXES = """async () => {
    const faceapi = await import('/face-api/face-api.esm.js');
    await faceapi.tf.setBackend('cpu');
    const network = new faceapi.TinyFaceDetector();
    await network.loadFromUri('/vendor/');
    const {showFrame} = await import('/js/pixels/detector_input.js');
    return async (frame, inputSize, view, scoreThreshold) => {
        const rgb = showFrame(frame, inputSize, view);
        const input = faceapi.tf.tensor4d(rgb, [1, inputSize, inputSize, 3]);
        const options = new faceapi.TinyFaceDetectorOptions({inputSize, scoreThreshold});
        const found = await network.locateFaces(input, options);
        return found.map(({box, score}) => [box.x, box.y, box.width, box.height, score]);
    };
}"""
OWN_BOXES = """async () => {
    const {startRuntime} = await import('/js/inference/runtimes/runtime.js');
    const {fetchDetectorWeights} = await import('/js/inference/detector_weights.js');
    const {decodeBoxes} = await import('/js/inference/tiny_face.js');
    const network = await (await startRuntime('BACKEND')).loadTinyFace(await fetchDetectorWeights(), [160, 224, 416]);
    return async (frame, size, view, threshold) => decodeBoxes(await network.run(frame, size, view), size, threshold)
        .map(({x, y, width, height, score}) => [x, y, width, height, score]);
}"""
RUN = """async ({photos, looks}) => {
    const {SCORE_THRESHOLD} = await import('/js/inference/tiny_face.js');
    const {openImage} = await import('/js/pixels/frame.js');
    const locate = await (%s)();
    const answers = [];
    for (const photo of photos) {
        const bytes = Uint8Array.from(atob(photo), (character) => character.charCodeAt(0));
        const frame = await openImage(new Blob([bytes]), 'photo.png');
        for (const {size, view} of looks) answers.push(await locate(frame, size, view, SCORE_THRESHOLD));
        frame.destroy();
    }
    return answers;
}"""


BACKENDS = ("kernels:relaxed", "kernels:simd", "wasm")


def test_face_api_draws_the_same_boxes(open_page: OpenPage) -> None:
    photos = read_photos()
    shrinks = [(photo, 320 / max(photo.shape[:2])) for photo in photos]
    small = [resize_bilinear(photo, *(round(side * by) for side in photo.shape[:2])) for photo, by in shrinks]
    with LoggedHost(WEB_DEMO, mounts={"face-api": FACE_API}) as host:
        views = name_views((PLAIN_VIEW, *DETECTOR_VIEWS[:2]))
        looks = [{"size": size, "view": view} for view in views for size in (160, 224)]
        given = {"photos": encode(small), "looks": looks}
        scripts = (FACE_API_BOXES, *(OWN_BOXES.replace("BACKEND", backend) for backend in BACKENDS))
        reference, *others = (
            open_page(f"{host.url}parity.html").page.evaluate(RUN % boxes, given) for boxes in scripts
        )
    assert sum(len(boxes) for boxes in reference) >= len(reference) / 2
    for answers in others:
        for theirs, own in zip(reference, answers, strict=True):
            assert len(theirs) == len(own)
            for (*their_box, their_score), (*own_box, own_score) in zip(theirs, own, strict=True):
                assert own_box == pytest.approx(their_box, abs=FACE_API_BOX)
                assert own_score == pytest.approx(their_score, abs=FACE_API_SCORE)


def encode(photos: list[Image]) -> list[str]:
    return [base64.b64encode(cv2.imencode(".png", photo[:, :, ::-1])[1].tobytes()).decode() for photo in photos]


def name_views(views: tuple[View, ...]) -> list[dict[str, float]]:
    return [{"share": v.share, "atX": v.at_x, "atY": v.at_y, "isMirrored": v.is_mirrored} for v in views]


def read_photos() -> list[Image]:
    return [read_image_rgb(path) for path in list_images(SAMPLE_PHOTOS)]


def test_the_boxes_are_the_pages(open_page: OpenPage, site: SiteServer, default_spec: ModelSpec) -> None:
    """Both shrink a frame by one rule: what is left is the rounding of float32, in sides of the box."""
    photos = read_photos()
    shrinks = [(photo, 180 / max(photo.shape[:2])) for photo in photos]  # smaller than the input, which they grow to
    small = [resize_bilinear(photo, *(round(side * by) for side in photo.shape[:2])) for photo, by in shrinks]
    views = (PLAIN_VIEW, *DETECTOR_VIEWS)
    detector = TinyFaceDetector(default_spec.crop.correction)
    worst = 0.0
    for photo, found in zip(
        photos + small, ask_page(open_page, site, default_spec, photos + small, views), strict=True
    ):
        for view, faces in zip(views, found, strict=True):
            own = detector.detect(photo, view)
            assert len(own) == len(faces) >= 1
            for box, face in zip(own, faces, strict=True):
                worst = max(worst, float(np.abs(np.array(box) - np.array(face)).max() / box.height))
    print(f"boxes differ by {worst:.1e} of their side at most")
    assert worst < BOX_ROUNDING


def test_a_detector_that_ignores_the_view_would_be_noticed(default_spec: ModelSpec) -> None:
    detector = TinyFaceDetector(default_spec.crop.correction)
    photo = read_photos()[0]
    plain = detector.detect(photo)[0]
    others = [detector.detect(photo, view)[0] for view in DETECTOR_VIEWS]
    assert all(np.abs(np.array(other) - np.array(plain)).max() > 0.05 for other in others)
