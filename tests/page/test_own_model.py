"""For engineers: another backend, other weights, and a model folder of one's own in the page."""

import base64
import json
import shutil
from pathlib import Path

import pytest

from reon_export.site.server import SiteServer
from tests.support.visits import OpenPage, Visit, copy_model

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

# What a browser gives the page when a folder is dropped on it; `files` are [path below the folder, text in base64].
DROP_FOLDER = """([name, files]) => {
    const toFile = (path, base64) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        return new File([bytes], path.split('/').at(-1));
    };
    const toEntries = (prefix) => {
        const below = files.filter(([path]) => path.startsWith(prefix));
        const names = [...new Set(below.map(([path]) => path.slice(prefix.length).split('/')[0]))];
        return names.map((name) => toEntry(`${prefix}${name}`, name));
    };
    const toEntry = (path, name) => {
        const found = files.find(([known]) => known === path);
        if (found) return {isDirectory: false, name, file: (resolve) => resolve(toFile(...found))};
        return toFolder(`${path}/`, name);
    };
    const toFolder = (prefix, name) => ({
        isDirectory: true,
        name,
        createReader() {
            const entries = toEntries(prefix);
            return {readEntries: (resolve) => resolve(entries.splice(0, 2))}; // some at a time, as browsers do
        },
    });
    const event = new DragEvent('drop', {bubbles: true, cancelable: true});
    const items = [{kind: 'file', webkitGetAsEntry: () => toFolder('', name)}];
    Object.defineProperty(event, 'dataTransfer', {value: {items, files: []}});
    document.querySelector('main').dispatchEvent(event);
}"""


@pytest.fixture
def visit(open_page: OpenPage, site: SiteServer) -> Visit:
    visit = open_page(site.url)
    visit.wait_for("ready")
    return visit


def own_folder(model_dir: Path, tmp_path: Path) -> Path:
    """The model under another name, whose happiness is called glee."""
    folder = copy_model(model_dir, tmp_path)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["name"] = "my own"
    for label in manifest["spec"]["labels"]:
        if label["key"] == "happiness":
            label["en"] = "Glee"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def expect_own_model(visit: Visit, asked: int) -> None:
    visit.page.wait_for_selector("#facts:has-text('my own')", state="attached")
    visit.wait_for("ready", "result")
    visit.read_sample()
    assert visit.page.inner_text("#headline").startswith("Glee, ")
    visit.page.click("#tab-imitate")
    assert "Glee" in visit.page.inner_text("#legend")
    assert [url for url in visit.requests[asked:] if url.endswith((".bin", "model.json")) and "vendor" not in url] == []
    visit.expect_clean()


def test_a_model_folder_of_ones_own_is_chosen(visit: Visit, model_dir: Path, tmp_path: Path) -> None:
    visit.read_sample()
    own_folder(model_dir, tmp_path)
    asked = len(visit.requests)
    visit.page.click("#engineers summary")
    with visit.page.expect_file_chooser() as chooser:
        visit.page.click("#model-choose")
    chooser.value.set_files(tmp_path)  # the folder that it lies in will do
    expect_own_model(visit, asked)


def drop_folder(visit: Visit, folder: Path) -> None:
    files = [
        [path.relative_to(folder).as_posix(), base64.b64encode(path.read_bytes()).decode()]
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    visit.page.evaluate(DROP_FOLDER, [folder.name, files])


def test_a_model_folder_is_dropped(visit: Visit, model_dir: Path, tmp_path: Path) -> None:
    folder = own_folder(model_dir, tmp_path)
    for other in folder.glob("tfjs-*"):
        if other.name != "tfjs-float16":
            shutil.rmtree(other)  # the page takes this one, and the test sends it as text
    asked = len(visit.requests)
    drop_folder(visit, folder)
    expect_own_model(visit, asked)


def test_a_folder_without_a_model_is_refused_and_the_model_before_goes_on(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "notes.txt").write_text("sun")
    drop_folder(visit, tmp_path / "holiday")
    visit.wait_for("error")
    expected = "There is no manifest.json in the folder holiday. Give a model folder that "
    assert visit.error == f'{expected}"python -m reon_export build" has made.'
    visit.read_sample()


def test_a_tampered_folder_is_refused(visit: Visit, model_dir: Path, tmp_path: Path) -> None:
    folder = own_folder(model_dir, tmp_path)
    weights = min((folder / "tfjs-float16").glob("*.bin"))
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    visit.page.set_input_files("#model-picker", folder)
    visit.page.wait_for_selector("body[data-error=error_file_hash]")


def test_backend_and_weights_are_chosen_in_the_page(visit: Visit) -> None:
    visit.page.click("#engineers summary")
    weights = visit.page.locator("#precision button").all_inner_texts()
    assert weights == ["automatic", "float32", "float16"]  # uint8 failed its comparison
    visit.page.click("#precision button:text-is('float32')")
    visit.page.wait_for_selector("#facts[data-precision=float32]", state="attached")
    visit.wait_for("ready")
    visit.page.click("#backend button:text-is('wasm')")
    visit.page.wait_for_selector("#facts[data-backend=wasm]", state="attached")
    visit.read_sample()
    assert visit.page.inner_text("#headline").startswith("Happiness, ")
    visit.page.reload()  # the address remembers
    visit.page.wait_for_selector("#facts[data-backend=wasm][data-precision=float32]", state="attached")
    assert visit.page.locator("#backend [aria-pressed=true]").all_text_contents() == ["wasm"]
    visit.page.click("#engineers summary")
    visit.page.click("#backend button:text-is('automatic')")
    visit.page.wait_for_selector("#facts[data-backend=kernels]", state="attached")
    visit.expect_clean()


def test_files_that_are_not_read_are_named(visit: Visit) -> None:
    visit.page.evaluate("""async () => {
        const blob = await (await fetch('samples/astronaut.png')).blob();
        const data = new DataTransfer();
        for (const name of ['one.png', 'two.png', 'three.png']) data.items.add(new File([blob], name));
        document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
    }""")
    assert visit.page.inner_text("#remark") == "Of 3 files only one.png is read."
    visit.page.click("button[data-language=ko]")
    assert visit.page.inner_text("#remark") == "파일 3개 중 one.png만 읽습니다."
    visit.wait_for("result")
    visit.page.wait_for_selector("#remark", state="hidden", timeout=15_000)
