"""The page itself, with the default checkpoint's model, in a real Chromium."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from reon_export import load_classifier
from reon_export.faces.crop import intersection_over_union
from reon_export.paths import SAMPLE_PHOTOS, WEB_DEMO
from reon_export.site.server import SiteServer
from reon_export.spec import ModelSpec
from tests.support.readings import ASTRONAUT, ASTRONAUT_FACE, box_of, expected_probabilities
from tests.support.visits import OpenPage, ServeChanged, Visit, copy_model, keep_one_crop

# model_dir is asked for by every test, so that it is built before a browser is open: building it opens one too.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

ORIENTATION_TAG = 0x0112  # of EXIF
TURN_90_CLOCKWISE_TO_VIEW = 6


def tfjs_artefacts(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [artefact for artefact in manifest["artefacts"] if artefact["runtime"] == "tfjs"]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float16", 1e-3)])
def test_the_sample_is_read_as_python_reads_it(
    open_page: OpenPage, site: SiteServer, model_dir: Path, default_spec: ModelSpec, precision: str, tolerance: float
) -> None:
    visit = open_page(f"{site.url}?precision={precision}")
    visit.wait_for("ready")
    visit.read_sample()
    assert len(visit.faces) == 1
    box = box_of(visit.faces[0])
    assert intersection_over_union(box, ASTRONAUT_FACE) >= 0.6
    expected = expected_probabilities(ASTRONAUT, box, model_dir, default_spec)
    actual = np.array(visit.probabilities)
    assert actual.shape == (len(default_spec.labels),)
    assert abs(actual.sum() - 1) <= 1e-4
    difference = float(np.abs(actual - expected).max())
    assert difference <= tolerance
    top = default_spec.labels[int(np.argmax(expected))]
    assert visit.page.inner_text("#headline").startswith(f"{top.en}, ")
    assert visit.data("#facts", "precision") == precision
    assert visit.data("#facts", "backend") == "kernels"
    assert not any("tfjs.js" in url or "tfjs-backend" in url for url in visit.requests)
    visit.expect_clean()


def test_the_smallest_model_that_passed_is_taken_and_its_figures_are_shown(
    open_page: OpenPage, site: SiteServer, model_dir: Path
) -> None:
    manifest = json.loads((model_dir / "manifest.json").read_text(encoding="utf-8"))
    passed = [artefact for artefact in tfjs_artefacts(manifest) if artefact["gate"] == "passed"]
    smallest = min(passed, key=lambda artefact: int(artefact["bytes"]))
    visit = open_page(site.url)
    visit.wait_for("ready")
    assert visit.data("#facts", "precision") == smallest["precision"]
    assert visit.data("#facts", "gate") == "passed"
    facts = visit.facts
    assert f"{smallest['precision']} weights, {smallest['bytes'] / 1e6:.1f} MB" in facts
    difference = np.format_float_positional(smallest["parity"]["max_abs_prob"], precision=2, fractional=False)
    backend = smallest["parity"]["backend"].removeprefix("tfjs:")
    assert f"from PyTorch: {difference}, over {smallest['parity']['samples']} face crops ({backend})" in facts
    loaded = {url.split("/model/")[1].split("/")[0] for url in visit.requests if "/model/tfjs" in url}
    assert loaded == {f"tfjs-{smallest['precision']}"}


@pytest.mark.parametrize("backend", ["kernels", "kernels:simd", "kernels:relaxed", "wasm", "cpu", "webgl", "webgpu"])
def test_each_backend_runs_and_agrees(
    open_page: OpenPage, site: SiteServer, model_dir: Path, face_crops_rgb: npt.NDArray[np.uint8], backend: str
) -> None:
    visit = open_page(f"{site.url}parity.html")
    crops = face_crops_rgb[:2]
    loaded = load_in_parity_page(visit, precision="float32", backend=backend)
    assert loaded["backend"] == backend.split(":", maxsplit=1)[0]
    versions = {"kernels": "relaxed", "kernels:simd": "simd", "kernels:relaxed": "relaxed"}
    assert loaded["version"] == versions.get(backend, "4.22.0")
    actual = classify_in_parity_page(visit, crops, len(loaded["labels"]))
    expected = load_classifier(model_dir)(crops).probabilities
    assert float(np.abs(actual - expected).max()) <= 1e-4
    visit.expect_clean()


def test_threads_run_under_the_security_policy(
    open_page: OpenPage, site: SiteServer, model_dir: Path, face_crops_rgb: npt.NDArray[np.uint8]
) -> None:
    # TF.js takes half the processors, so on 2 of them there would be 1 thread and nothing to test.
    cores = "Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', {get: () => 4})"
    visit = open_page(f"{site.url}parity.html", init_script=cores)
    assert visit.page.evaluate("crossOriginIsolated") is True
    loaded = load_in_parity_page(visit, precision="float32", backend="wasm")
    assert loaded["threads"] == 2
    crops = face_crops_rgb[:2]
    actual = classify_in_parity_page(visit, crops, len(loaded["labels"]))
    expected = load_classifier(model_dir)(crops).probabilities
    assert float(np.abs(actual - expected).max()) <= 1e-4
    assert any(url.endswith("threaded-simd.worker.js") for url in visit.requests)
    visit.expect_clean()


def test_a_wrong_backend_is_reported_and_none_other_is_taken(open_page: OpenPage, site: SiteServer) -> None:
    unknown = open_page(f"{site.url}?backend=tpu")
    unknown.wait_for("error")
    assert unknown.error == "There is no backend called tpu; choose one of kernels, wasm, webgpu, webgl, cpu."
    no_webgl = "HTMLCanvasElement.prototype.getContext = () => null"
    failing = open_page(f"{site.url}parity.html", init_script=no_webgl)
    answer = load_in_parity_page(failing, precision="float32", backend="webgl")
    assert set(answer) == {"unavailable"}  # not running is not the same as being wrong
    assert answer["unavailable"].startswith("The webgl backend was asked for, but does not run here: ")
    assert "no WebGL 2" in answer["unavailable"]


def test_without_webassembly_another_backend_is_taken_and_the_page_says_why(
    open_page: OpenPage, serve_changed: ServeChanged
) -> None:
    # On the page's own thread: what a test takes away from the page is still there in a worker.
    without = "delete globalThis.WebAssembly; delete Navigator.prototype.gpu"
    visit = open_page(f"{serve_changed(keep_one_crop).url}?worker=never", init_script=without)
    visit.wait_for("ready")
    assert visit.data("#facts", "backend") == "webgl"
    facts = visit.facts
    assert "because kernels does not run (this browser has no WebAssembly SIMD); wasm does not run (" in facts
    assert "webgpu does not run (this browser has no WebGPU)" in facts


def test_fifty_classifications_leave_no_tensor_behind(
    open_page: OpenPage, site: SiteServer, face_crops_rgb: npt.NDArray[np.uint8]
) -> None:
    visit = open_page(f"{site.url}parity.html")
    count_tensors = "async () => (await import('/vendor/tfjs.js')).memory().numTensors"
    loaded = load_in_parity_page(visit, precision="float16", backend="wasm")
    before = visit.page.evaluate(count_tensors)
    assert before > 0
    classify_in_parity_page(visit, np.resize(face_crops_rgb, (50, *face_crops_rgb.shape[1:])), len(loaded["labels"]))
    assert visit.page.evaluate(count_tensors) == before
    visit.page.evaluate("reonParity.unload()")
    assert visit.page.evaluate(count_tensors) == 0


def test_ten_photographs_leave_no_tensor_behind(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(f"{site.url}?worker=never&backend=wasm")
    visit.wait_for("ready")
    visit.read_sample()
    count_tensors = "async () => (await import('/vendor/tfjs.js')).memory().numTensors"
    before = visit.page.evaluate(count_tensors)
    for _ in range(10):
        visit.read_sample()
    assert visit.page.evaluate(count_tensors) == before


def test_a_text_file_is_refused_in_words_and_a_photograph_after_it_is_read(
    open_page: OpenPage, site: SiteServer
) -> None:
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.drop("notes.txt", "text/plain", b"this is not a picture")
    visit.wait_for("error")
    assert visit.error == "notes.txt is not a picture that this browser can open. Give a JPEG, PNG or WebP file."
    assert visit.page.is_visible("#alert")
    visit.drop("astronaut.png", "image/png", ASTRONAUT.read_bytes())
    visit.wait_for("result")
    assert not visit.page.is_visible("#alert")
    assert len(visit.faces) == 1


def test_a_file_chosen_with_the_picker_is_read(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url)
    visit.wait_for("ready")
    with visit.page.expect_file_chooser() as chooser:
        visit.page.focus("#choose")
        visit.page.keyboard.press("Enter")
    chooser.value.set_files(SAMPLE_PHOTOS / "obama.jpg")
    visit.wait_for("result")
    assert len(visit.faces) == 1


def test_a_picture_without_a_face_is_said_to_have_none(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.drop("grey.png", "image/png", grey_png())
    visit.wait_for("error")
    assert visit.error.startswith("No face was found.")
    assert visit.faces == []
    assert visit.probabilities == []


def grey_png() -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (300, 200), "grey").save(encoded, "png")
    return encoded.getvalue()


def test_a_photograph_given_before_the_model_is_there_is_read_when_it_is(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url)
    visit.page.click("#sample")
    visit.wait_for("result")
    assert len(visit.faces) == 1


def test_a_tampered_weight_file_is_refused(open_page: OpenPage, model_dir: Path, tmp_path: Path) -> None:
    folder = copy_model(model_dir, tmp_path)
    for shard in folder.glob("tfjs-*/*.bin"):
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
    with SiteServer(WEB_DEMO, mounts={"model": folder}) as server:
        visit = open_page(server.url)
        visit.wait_for("error")
        assert "is not the one that was built: its SHA-256 hash is" in visit.error
        assert visit.data("body", "error") == "error_file_hash"
        visit.page.click("#sample")
        visit.page.wait_for_selector("#stage[data-filled]")
        visit.wait_for("error")
        assert "SHA-256" in visit.error
        assert visit.page.locator("#bars > li").count() == 0


def test_a_shortened_weight_file_is_refused(open_page: OpenPage, model_dir: Path, tmp_path: Path) -> None:
    folder = copy_model(model_dir, tmp_path)
    for shard in folder.glob("tfjs-*/*.bin"):
        shard.write_bytes(shard.read_bytes()[:-4])
    with SiteServer(WEB_DEMO, mounts={"model": folder}) as server:
        visit = open_page(server.url)
        visit.wait_for("error")
        assert "It is damaged and was not loaded." in visit.error


def test_a_model_that_failed_its_gate_is_refused_even_when_asked_for(
    open_page: OpenPage, serve_changed: ServeChanged
) -> None:
    def fail_float16(manifest: dict[str, Any], _: Path) -> None:
        for artefact in tfjs_artefacts(manifest):
            if artefact["precision"] == "float16":
                artefact.update(gate="failed", gate_reasons=["max |Δp| 0.3 is above 0.01"])

    server = serve_changed(fail_float16)
    visit = open_page(f"{server.url}?precision=float16")
    visit.wait_for("error")
    assert visit.error.startswith(
        "The float16 model is refused: it failed its comparison with PyTorch (float16: max |Δp|"
    )
    assert not any("/model/tfjs" in url for url in visit.requests)


def test_when_every_model_failed_none_is_loaded(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    def fail_all(manifest: dict[str, Any], _: Path) -> None:
        for artefact in tfjs_artefacts(manifest):
            artefact.update(gate="failed", gate_reasons=["nothing agreed"])

    visit = open_page(serve_changed(fail_all).url)
    visit.wait_for("error")
    assert visit.error.startswith("No model is loaded: every one failed its comparison with PyTorch (")


def test_a_model_that_was_not_compared_is_said_to_be_unverified(
    open_page: OpenPage, serve_changed: ServeChanged
) -> None:
    def forget_parity(manifest: dict[str, Any], _: Path) -> None:
        for artefact in tfjs_artefacts(manifest):
            artefact.update(gate="not_run", parity=None, gate_reasons=[])

    visit = open_page(serve_changed(forget_parity).url)
    visit.wait_for("ready")
    assert visit.data("#facts", "gate") == "not_run"
    assert visit.data("#facts", "precision") == "float32"  # the most exact, where none was judged
    assert "Not verified" in visit.facts


def test_transparent_parts_of_a_photograph_lie_on_white(open_page: OpenPage, site: SiteServer) -> None:
    stored = io.BytesIO()
    with Image.open(ASTRONAUT) as photo:
        cut_out = photo.convert("RGBA")
    cut_out.paste((0, 200, 0, 0), (0, 0, 60, cut_out.height))  # a transparent stripe that hides a green
    cut_out.save(stored, "png")
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.drop("cut-out.png", "image/png", stored.getvalue())
    visit.wait_for("result")
    assert intersection_over_union(box_of(visit.faces[0]), ASTRONAUT_FACE) >= 0.6
    shown = "() => [...document.querySelector('#photo').getContext('2d').getImageData(30, 250, 1, 1).data]"
    assert visit.page.evaluate(shown) == [255, 255, 255, 255]


def test_a_turned_photograph_is_read_upright(open_page: OpenPage, site: SiteServer) -> None:
    with Image.open(ASTRONAUT) as photo:
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = TURN_90_CLOCKWISE_TO_VIEW
        stored = io.BytesIO()
        photo.transpose(Image.Transpose.ROTATE_90).save(stored, "jpeg", exif=exif, quality=95)
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.drop("turned.jpg", "image/jpeg", stored.getvalue())
    visit.wait_for("result")
    assert intersection_over_union(box_of(visit.faces[0]), ASTRONAUT_FACE) >= 0.6


def test_of_two_faces_both_are_read_the_larger_one_first(
    open_page: OpenPage, site: SiteServer, model_dir: Path, default_spec: ModelSpec, tmp_path: Path
) -> None:
    group = Image.new("RGB", (1024, 512), "grey")
    with Image.open(SAMPLE_PHOTOS / "obama.jpg") as small, Image.open(SAMPLE_PHOTOS / "obama2.jpg") as large:
        group.paste(small.resize((410, 512)), (0, 0))
        group.paste(large.crop((0, 150, 626, 776)).resize((512, 512)), (512, 0))
    group.save(tmp_path / "group.png")
    visit = open_page(f"{site.url}?precision=float32")
    visit.wait_for("ready")
    visit.drop("group.png", "image/png", (tmp_path / "group.png").read_bytes())
    visit.wait_for("result")
    assert len(visit.faces) == 2
    larger, smaller = (box_of(face) for face in visit.faces)
    assert larger.x > 512 > smaller.x
    assert visit.page.inner_text("#note").startswith("2 faces found, all of them read. This is number 2 from the left;")
    expected = expected_probabilities(tmp_path / "group.png", larger, model_dir, default_spec)
    assert float(np.abs(np.array(visit.probabilities) - expected).max()) <= 1e-5
    other = expected_probabilities(tmp_path / "group.png", smaller, model_dir, default_spec)
    top = default_spec.labels[int(np.argmax(other))].en
    button = visit.page.get_by_role("button", name=f"Face 1 of 2: {top}, {np.max(other):.1%}")
    button.focus()
    visit.page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert visit.page.inner_text("#headline") == f"{top}, {np.max(other):.1%}"
    assert visit.page.inner_text("#note").startswith("2 faces found, all of them read. This is number 1 from the left;")
    visit.page.click("#faces button >> nth=1")
    assert visit.page.inner_text("#headline").endswith(f", {np.max(expected):.1%}")


def test_missing_libraries_are_said_to_be_missing(open_page: OpenPage, model_dir: Path, tmp_path: Path) -> None:
    with SiteServer(WEB_DEMO, mounts={"model": model_dir, "vendor": tmp_path}) as server:
        visit = open_page(server.url)
        visit.wait_for("error")
        assert 'Make it with "npm ci" and "npm run vendor" in web_demo.' in visit.error


def test_a_missing_model_says_how_to_make_one(open_page: OpenPage, tmp_path: Path) -> None:
    with SiteServer(WEB_DEMO, mounts={"model": tmp_path}) as server:
        visit = open_page(server.url)
        visit.wait_for("error")
        assert '"python -m reon_export build"' in visit.error


def test_an_invalid_manifest_is_named_by_its_field(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    server = serve_changed(lambda manifest, _: manifest["spec"]["input"].update(height="112"))
    visit = open_page(server.url)
    visit.wait_for("error")
    assert 'spec.input.height is "112", expected a whole number above 0' in visit.error


def test_a_path_out_of_the_model_folder_is_refused(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    def climb(manifest: dict[str, Any], _: Path) -> None:
        tfjs_artefacts(manifest)[0]["files"][0]["path"] = "../js/app/main.js"

    visit = open_page(serve_changed(climb).url)
    visit.wait_for("error")
    assert 'is "../js/app/main.js", expected a path inside the model folder' in visit.error


def test_an_output_under_another_name_is_an_error(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    server = serve_changed(lambda manifest, _: manifest["spec"]["output"].update(logits="scores"))
    visit = open_page(server.url)
    visit.wait_for("error")
    assert 'its signature has no output "scores"' in visit.error


def test_a_wrong_number_of_labels_is_an_error(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    server = serve_changed(lambda manifest, _: manifest["spec"]["labels"].pop())
    visit = open_page(server.url)
    visit.wait_for("error")
    assert "its labels are anger, disgust," in visit.error
    assert "the manifest lists anger, disgust," in visit.error


def test_the_language_switch_translates_everything_that_is_shown(
    open_page: OpenPage, site: SiteServer, default_spec: ModelSpec
) -> None:
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.read_sample()
    names = visit.page.locator(".bar-name")
    assert names.all_inner_texts() == [label.en for label in default_spec.labels]
    visit.page.click("button[data-language=ko]")
    assert visit.page.locator("html").get_attribute("lang") == "ko"
    assert names.all_inner_texts() == [label.ko for label in default_spec.labels]
    assert visit.page.inner_text("#choose") == "파일 선택"
    assert visit.page.locator("button[data-language=ko]").get_attribute("aria-pressed") == "true"
    shown = visit.facts
    assert "모델" in shown
    assert "weights" not in shown


def test_a_korean_browser_gets_korean(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url, locale="ko-KR")
    assert visit.page.inner_text("#tab-read") == "표정 읽기"
    assert visit.page.locator("html").get_attribute("lang") == "ko"


def test_a_chosen_language_is_remembered(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url)
    visit.page.click("button[data-language=ko]")
    visit.page.reload()
    assert visit.page.inner_text("#tab-read") == "표정 읽기"
    visit.page.goto(f"{site.url}?lang=en")  # what the address says goes first
    assert visit.page.inner_text("#tab-read") == "Read a face"


def test_label_names_are_text_and_never_markup(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    name = "<img src=x onerror=alert(1)>"
    server = serve_changed(lambda manifest, _: manifest["spec"]["labels"][0].update(en=name))
    visit = open_page(server.url)
    visit.wait_for("ready")
    assert visit.page.locator(".bar-name").first.inner_text() == name
    assert visit.page.locator("#bars img").count() == 0


def test_the_page_never_scrolls_sideways(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(site.url, locale="ko-KR", viewport={"width": 320, "height": 800})
    visit.wait_for("ready")
    for width_px in (320, 390, 1280):
        visit.page.set_viewport_size({"width": width_px, "height": 800})
        visit.read_sample()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width_px


def load_in_parity_page(visit: Visit, *, precision: str, backend: str) -> dict[str, Any]:
    visit.page.wait_for_load_state()
    assert visit.page.evaluate("window.reonParityReady") is True
    request = {"manifestUrl": "model/manifest.json", "precision": precision, "backend": backend}
    return dict(visit.page.evaluate("request => reonParity.load(request)", request))


def classify_in_parity_page(visit: Visit, crops_rgb: npt.NDArray[np.uint8], classes: int) -> npt.NDArray[np.float32]:
    encoded = base64.b64encode(np.ascontiguousarray(crops_rgb).tobytes()).decode()
    answer = visit.page.evaluate("([crops, count]) => reonParity.classify(crops, count)", [encoded, len(crops_rgb)])
    return np.frombuffer(base64.b64decode(answer["probabilities"]), "<f4").reshape(-1, classes)
