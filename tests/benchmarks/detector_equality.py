"""face-api's TinyFaceDetector against ours on every runtime, over photographs and frames of videos, at every look.

python tests/benchmarks/detector_equality.py FOLDER [FOLDER ...]
"""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser
from reon_export.faces.crop import Image
from reon_export.faces.detector_input import PLAIN_VIEW, View
from reon_export.faces.image_files import IMAGE_SUFFIXES, read_image_rgb
from reon_export.paths import WEB_DEMO
from reon_export.score.tracks.video import Video
from reon_export.site.server import SiteServer
from tests.page.test_tiny_face import BACKENDS, FACE_API, FACE_API_BOXES, OWN_BOXES, RUN, name_views

STRIDE, LARGEST = 5, 640  # of a video every fifth frame; a picture's longer side
# Plain JavaScript would take minutes.
FASTER = (
    "await faceapi.tf.setBackend('cpu');",
    "faceapi.tf.setWasmPaths('/vendor/'); await faceapi.tf.setBackend('wasm');",
)


def read_pictures(folder: Path) -> Iterator[Image]:
    """Photographs and frames, shrunk where they are large: what is compared is the network, not the shrinking."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".mp4", ".webm", ".mov"}:
            for i, frame in enumerate(Video(path)):
                if i % STRIDE == 0:
                    yield frame.image_rgb
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            yield read_image_rgb(path)


def shrink(image: Image) -> Image:
    scale = min(1, LARGEST / max(image.shape[:2]))
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Print the largest differences of boxes (pixels of the input) and scores, by runtime."""
    pictures = [shrink(image) for folder in sys.argv[1:] for image in read_pictures(Path(folder))]
    encoded = [base64.b64encode(cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()).decode() for image in pictures]
    plain, far = name_views((PLAIN_VIEW, View(0.6, 0.5, 0.5, False)))
    looks = [{"size": 224, "view": plain}, {"size": 416, "view": plain}, {"size": 160, "view": far}]
    scripts = {"face-api": FACE_API_BOXES.replace(*FASTER)}
    scripts |= {backend: OWN_BOXES.replace("BACKEND", backend) for backend in BACKENDS}
    answers: dict[str, list[Any]] = {name: [] for name in scripts}
    with SiteServer(WEB_DEMO, mounts={"face-api": FACE_API}) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(CHROMIUM_ARGUMENTS))
        for name, boxes in scripts.items():
            page = browser.new_page()
            page.goto(f"{server.url}parity.html")
            for start in range(0, len(encoded), 16):
                given = {"photos": encoded[start : start + 16], "looks": looks}
                answers[name] += page.evaluate(RUN % boxes, given)
                print(f"\r{name} {start + 16}/{len(encoded)}", end="", file=sys.stderr)
            page.close()
        browser.close()
    reference = answers.pop("face-api")
    print(f"\n{len(pictures)} pictures, {len(reference)} looks, {sum(map(len, reference))} faces")
    for name, own in answers.items():
        box, score, other = 0.0, 0.0, 0
        for theirs, ours in zip(reference, own, strict=True):
            if len(theirs) != len(ours):
                other += 1
                continue
            for first, second in zip(theirs, ours, strict=True):
                difference = np.abs(np.array(first) - np.array(second))
                box, score = max(box, float(difference[:4].max())), max(score, float(difference[4]))
        print(f"{name}: boxes {box:.1e} pixels, scores {score:.1e}, another number of faces in {other} looks")


if __name__ == "__main__":
    main()
