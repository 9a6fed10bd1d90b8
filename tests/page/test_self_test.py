"""The page checks itself on the device that it runs on, and takes the next backend where one misses its gate."""

from pathlib import Path
from typing import Any

import pytest

from reon_export.site.server import SiteServer
from tests.support.visits import OpenPage, ServeChanged, keep_one_crop

# model_dir first: building it opens a browser of its own.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]


def forbid(*backends: str) -> Any:
    """A change of the manifest after which these backends cannot pass: no difference is small enough."""

    def change(manifest: dict[str, Any], folder: Path) -> None:
        for gates in manifest["self_test"]["max_abs_prob"].values():
            gates.update(dict.fromkeys(backends, 1e-12))
        keep_one_crop(manifest, folder)

    return change


# In software, WebGPU takes twenty seconds; tests/page/test_page.py runs it once. It works on the page, not in a worker.
NO_WEBGPU = "delete Navigator.prototype.gpu;"


def test_the_page_says_how_close_this_device_is(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(f"{site.url}?precision=float32")
    visit.wait_for("ready")
    assert 0 < float(visit.data("#facts", "self-test")) <= 1e-5
    assert "checked on 4 crops: within" in visit.facts


def test_a_backend_that_misses_its_gate_is_left_for_the_next(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    visit = open_page(f"{serve_changed(forbid('wasm')).url}?worker=never", init_script=NO_WEBGPU)
    visit.wait_for("ready")
    assert visit.data("#facts", "backend") == "webgl"
    assert "its self-test is off by" in visit.facts
    visit.read_sample()
    assert sum(visit.probabilities) == pytest.approx(1, abs=1e-3)


def test_half_float_textures_are_recognised_and_have_a_gate_of_their_own(
    open_page: OpenPage, serve_changed: ServeChanged
) -> None:
    # Without this extension TF.js renders to 16-bit textures, as it must on many phones.
    half_float = """
        const original = WebGL2RenderingContext.prototype.getExtension;
        WebGL2RenderingContext.prototype.getExtension = function (name) {
            return name === 'EXT_color_buffer_float' ? null : original.call(this, name);
        };"""
    server = serve_changed(forbid())
    visit = open_page(f"{server.url}?backend=webgl&precision=float32&worker=never", init_script=half_float)
    visit.wait_for("ready")
    assert 1e-5 < float(visit.data("#facts", "self-test")) <= 1e-2  # over the gate of float32: it really is rounded


def test_where_no_backend_passes_nothing_is_classified(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    server = serve_changed(forbid("wasm", "webgpu", "webgl", "cpu", "half-float"))
    visit = open_page(f"{server.url}?worker=never", init_script=NO_WEBGPU)
    visit.wait_for("error")
    assert visit.error.startswith("The model runs on no backend here: kernels: its self-test is off by")
    assert visit.page.locator("#bars > li").count() == 0


def test_a_wrong_answer_is_noticed(open_page: OpenPage, serve_changed: ServeChanged) -> None:
    def swap_two_classes(manifest: dict[str, Any], _: Path) -> None:
        for row in manifest["self_test"]["expected_logits"]:
            row[0], row[3] = row[3], row[0]

    visit = open_page(f"{serve_changed(swap_two_classes).url}?backend=wasm")
    visit.wait_for("error")
    assert visit.data("body", "error") == "error_backend_failed"
    assert "its self-test is off by" in visit.error


def test_damaged_self_test_crops_are_refused(open_page: OpenPage, serve_changed: ServeChanged, tmp_path: Path) -> None:
    server = serve_changed(lambda *_: None)
    crops = tmp_path / "model" / "self_test.bin"
    crops.write_bytes(bytes(len(crops.read_bytes())))
    visit = open_page(server.url)
    visit.wait_for("error")
    assert "self_test.bin is not the one that was built" in visit.error


def test_a_folder_without_a_self_test_is_said_not_to_be_checked(
    open_page: OpenPage, serve_changed: ServeChanged
) -> None:
    visit = open_page(serve_changed(lambda manifest, _: manifest.pop("self_test")).url)
    visit.wait_for("ready")
    assert "not checked: the model folder has no self-test" in visit.facts
