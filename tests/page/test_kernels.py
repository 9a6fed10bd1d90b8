"""Where the kernels cannot run, or not this model: the page says why, and TF.js takes over."""

import json
import shutil
from pathlib import Path

import pytest

from reon_export.paths import WEB_DEMO
from reon_export.site.server import SiteServer
from tests.support import damage
from tests.support.visits import OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

# On the page's own thread: what a test takes away from the page is still there in a worker.
ADDRESS = "?worker=never&precision=float32"


def expect_reading(visit: Visit) -> None:
    visit.wait_for("ready")
    visit.read_sample()
    assert sum(visit.probabilities) == pytest.approx(1, abs=1e-3)
    assert visit.page.inner_text("#headline").startswith("Happiness, ")


def expect_refused(visit: Visit, reason: str) -> None:
    expect_reading(visit)
    assert visit.data("#facts", "backend") == "wasm"
    assert f"because kernels does not run ({reason}" in visit.facts


def test_without_simd_tfjs_takes_over(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(f"{site.url}{ADDRESS}", init_script="WebAssembly.validate = () => false;")
    expect_refused(visit, "this browser has no WebAssembly SIMD)")


def test_without_relaxed_simd_the_other_variant_runs(open_page: OpenPage, site: SiteServer) -> None:
    only_simd = """
        const validate = WebAssembly.validate;
        WebAssembly.validate = (bytes) => !String(new Uint8Array(bytes)).includes('253,133,2') && validate(bytes);"""
    visit = open_page(f"{site.url}{ADDRESS}", init_script=only_simd)
    expect_reading(visit)
    assert "kernels:simd" in visit.facts
    assert any(url.endswith("kernels-simd.wasm") for url in visit.requests)
    asked = open_page(f"{site.url}{ADDRESS}&backend=kernels:relaxed", init_script=only_simd)
    asked.wait_for("error")
    assert "does not run here: this browser has no WebAssembly relaxed SIMD." in asked.error


# The relaxed module is compiled first. Each convolution of the SLOW one is held up.
HOLD_UP = """
    const {compile, Instance} = WebAssembly;
    const compiled = [];
    WebAssembly.compile = async (bytes) => {
        const module = await compile(bytes);
        compiled.push(module);
        return module;
    };
    WebAssembly.Instance = function (module, imports) {
        const {exports} = new Instance(module, imports);
        if (module !== compiled[SLOW]) return {exports};
        return {exports: {...exports, convolve(...values) {
            const end = performance.now() + 0.5;
            while (performance.now() < end);
            exports.convolve(...values);
        }}};
    };"""


KEPT = "localStorage.getItem('reon-kernels')"


@pytest.mark.parametrize(("slow", "faster"), [(1, "relaxed"), (0, "simd")])
def test_the_faster_variant_is_measured_and_remembered(
    open_page: OpenPage, site: SiteServer, slow: int, faster: str
) -> None:
    visit = open_page(f"{site.url}{ADDRESS}", init_script=f"const SLOW = {slow};" + HOLD_UP)
    expect_reading(visit)
    measured = visit.facts
    assert f"kernels:{faster}, 1 thread, the fastest on this device (relaxed " in measured
    kept = visit.page.evaluate(KEPT)
    visit.requests.clear()
    visit.page.reload()
    expect_reading(visit)
    assert measured.split("the fastest")[1][:40] in visit.facts  # those of the first visit
    assert visit.page.evaluate(KEPT) == kept
    kernels = [url.rpartition("/")[2] for url in visit.requests if url.endswith(".wasm")]
    assert kernels == [f"kernels-{faster}.wasm"]
    visit.page.goto(f"{site.url}{ADDRESS}&backend=kernels:relaxed#read")
    expect_reading(visit)
    assert "kernels:relaxed, 1 thread, as asked in the address" in visit.facts
    visit.page.goto(f"{site.url}?worker=never&precision=float16#read")  # another file of weights: measured again
    expect_reading(visit)
    # Not the times on show: of what is held up they may be the same to a tenth of a millisecond.
    assert visit.page.evaluate(KEPT) != kept


def test_what_was_remembered_may_be_anything(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(f"{site.url}{ADDRESS}", init_script="localStorage.setItem('reon-kernels', '{\"variant\": 7');")
    expect_reading(visit)
    assert "the fastest on this device (" in visit.facts


@pytest.mark.parametrize("network", ["createClassifierNetwork", "createTinyFaceNetwork"])
def test_memory_that_cannot_grow(open_page: OpenPage, site: SiteServer, network: str) -> None:
    full = f"""
        const {{grow}} = WebAssembly.Memory.prototype;
        WebAssembly.Memory.prototype.grow = function (pages) {{
            if (new Error().stack.includes('{network}')) throw new RangeError('there is no memory left');
            return grow.call(this, pages);
        }};"""
    visit = open_page("about:blank", init_script=full)
    visit.page.route("**/vendor/page.js", lambda route: route.abort())  # the bundle's functions have other names
    visit.page.goto(f"{site.url}{ADDRESS}#read")
    expect_refused(visit, "there is no memory left)")


def test_kernels_that_are_not_on_the_host(open_page: OpenPage, site: SiteServer) -> None:
    missing = """
        const ask = fetch;
        globalThis.fetch = async (input, options) => (
            String(input).includes('kernels-') ? new Response('', {status: 404}) : ask(input, options));"""
    visit = open_page(f"{site.url}{ADDRESS}", init_script=missing)
    expect_reading(visit)
    assert visit.data("#facts", "backend") == "wasm"
    assert "kernels-relaxed.wasm: HTTP 404" in visit.facts


def test_a_graph_that_they_do_not_know(open_page: OpenPage, model_dir: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_dir, tmp_path / "model"))
    path = folder / "tfjs-float32" / "model.json"
    model = json.loads(path.read_text(encoding="utf-8"))
    nodes = model["modelTopology"]["node"]
    (reader,) = (node for node in nodes if node["name"] == "block3.expand")
    copy = {"name": "copy", "op": "Identity", "input": [reader["input"][0]], "attr": {"T": {"type": "DT_FLOAT"}}}
    nodes.insert(nodes.index(reader), copy)
    reader["input"][0] = "copy"
    path.write_text(json.dumps(model), encoding="utf-8")
    damage.hash_again(folder)
    with SiteServer(WEB_DEMO, mounts={"model": folder}) as server:
        expect_refused(open_page(f"{server.url}{ADDRESS}"), "the kernels do not know the node copy, a Identity)")
