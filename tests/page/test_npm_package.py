"""The npm package, installed away from any checkout: in an app that a bundler builds, and on a page without one."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reon_export import __version__
from reon_export.paths import PROJECT_ROOT, SAMPLE_PHOTOS, WEB_DEMO
from reon_export.site.server import HOST, SiteServer
from tests.support.hosts import PLAIN_PATH, LoggedHost
from tests.support.visits import TIMEOUT_MS, OpenPage, copy_model

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.usefixtures("model_dir"), pytest.mark.service_worker]

VITE = "vite@8.4.0"
PHOTO = "astronaut.png"
# Of two runs of one graph on one photograph: TF.js gave the same bits in the page and in the app.
SAME_PROBABILITIES = 1e-6

APP = """
import {createEmotionPipeline, type Analysis} from 'reon-export';
import {openClip} from 'reon-export/clip';
import {scoreTracks} from 'reon-export/score';
import {PageError} from 'reon-export/errors';

const photo = document.querySelector<HTMLInputElement>('#photo')!;
const answer = document.querySelector('#answer')!;
try {
  const pipeline = await createEmotionPipeline({manifestUrl: 'model/manifest.json'});
  photo.onchange = async () => {
    const {label, probabilities, box}: Analysis = await pipeline.analyze(photo.files![0]);
    const {offMainThread, runtime: {backend}} = pipeline.facts;
    const parts = [typeof openClip, typeof scoreTracks];
    const found = {label, probabilities: [...probabilities!], box, offMainThread, backend, parts};
    answer.textContent = JSON.stringify(found);
  };
  photo.disabled = false;
} catch (error) {
  answer.textContent = error instanceof PageError ? error.message : String(error);
}
"""
APP_PAGE = """<!doctype html><link rel="icon" href="data:,">
<input type="file" id="photo" disabled><pre id="answer"></pre>
<script type="module" src="/main.ts"></script>"""
TYPES_CONFIG = {
    "compilerOptions": {
        "strict": True,
        "skipLibCheck": True,  # as in Vite's own templates: TF.js' types do not pass
        "noEmit": True,
        "target": "ESNext",
        "module": "ESNext",
        "moduleResolution": "bundler",
        "lib": ["ESNext", "DOM", "DOM.Iterable"],
        "types": [],
    },
    "files": ["main.ts"],
}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm")
    # A copy, because packing writes types/ and LICENSE beside the sources, which other tests read.
    source = folder / "web_demo"
    made_here = shutil.ignore_patterns("node_modules", "model", "types", "LICENSE", "vendor")
    shutil.copytree(WEB_DEMO, source, ignore=made_here)
    shutil.copytree(WEB_DEMO / "vendor", source / "vendor")  # npm packs no links
    (source / "node_modules").symlink_to(WEB_DEMO / "node_modules")
    shutil.copy(PROJECT_ROOT / "LICENSE", folder)
    (packed,) = json.loads(run(source, "npm", "pack", "--json", "--pack-destination", str(folder)))
    return folder / str(packed["filename"])


@pytest.fixture(scope="module")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the package and a bundler in its node_modules."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "package.json").write_text(json.dumps({"name": "app", "private": True, "type": "module"}))
    command = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]
    run(folder, *command, str(tarball), VITE)
    return folder


def test_the_package_holds_the_library_its_types_and_its_licences(installed: Path) -> None:
    package = installed / "node_modules" / "reon-export"
    names = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    for name in (
        "LICENSE",
        "README.md",
        "vendor/THIRD_PARTY_LICENSES.txt",
        "js/pipeline.js",
        "vendor/worker.js",
        "types/js/pipeline.d.ts",
    ):
        assert name in names
    strangers = (
        "js/app/",
        "js/parity",
        "js/bench",
        "bench",
        "samples/",
        "model/",
        "vendor/chart",
        "vendor/page",
        "vendor/sources",
        "vendor/.",
        "index",
        "sw.js",
    )
    assert not [name for name in names if name.startswith(strangers)]
    manifest = json.loads((package / "package.json").read_text(encoding="utf-8"))
    assert manifest["version"] == __version__
    exports = manifest["exports"].values()
    listed = [list(entry.values()) if isinstance(entry, dict) else [entry] for entry in exports]
    assert {target.removeprefix("./") for targets in listed for target in targets} <= names


def classify(open_page: OpenPage, url: str) -> dict[str, object]:
    visit = open_page(url)
    visit.page.wait_for_selector("#photo:enabled, #answer:not(:empty)", timeout=TIMEOUT_MS)
    assert visit.page.inner_text("#answer") == ""
    visit.page.set_input_files("#photo", SAMPLE_PHOTOS / PHOTO)
    visit.page.wait_for_selector("#answer:not(:empty)", timeout=TIMEOUT_MS)
    visit.expect_clean()
    return dict(json.loads(visit.page.inner_text("#answer")))


@pytest.fixture
def expected(open_page: OpenPage, site: SiteServer) -> dict[str, object]:
    """What the page's own pipeline answers."""
    visit = open_page(f"{site.url}parity.html")
    answer: dict[str, object] = visit.page.evaluate(
        """async (photo) => {
            const {createEmotionPipeline} = await import('/js/pipeline.js');
            const pipeline = await createEmotionPipeline({manifestUrl: '/model/manifest.json'});
            const {label, probabilities, box} = await pipeline.analyze(await (await fetch(photo)).blob());
            return {label, probabilities: [...probabilities], box};
        }""",
        f"/samples/{PHOTO}",
    )
    return answer


def expect_same(answer: dict[str, object], expected: dict[str, object]) -> None:
    assert answer["label"] == expected["label"] == "happiness"
    assert answer["offMainThread"] is True
    assert answer["probabilities"] == pytest.approx(expected["probabilities"], abs=SAME_PROBABILITIES)
    assert answer["box"] == pytest.approx(expected["box"], rel=SAME_PROBABILITIES)


@pytest.fixture(scope="module")
def app(installed: Path) -> Path:
    """An app in TypeScript, with the configuration that the package's README gives."""
    (installed / "main.ts").write_text(APP, encoding="utf-8")
    (installed / "index.html").write_text(APP_PAGE, encoding="utf-8")
    (installed / "vite.config.js").write_text(read_example(installed, "vite"), encoding="utf-8")
    (installed / "tsconfig.json").write_text(json.dumps(TYPES_CONFIG), encoding="utf-8")
    return installed


def read_example(installed: Path, name: str) -> str:
    readme = (installed / "node_modules" / "reon-export" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(rf"<!-- {name} -->\n```js\n(.*?)```", readme, flags=re.DOTALL)
    return str(example)


def test_an_app_built_by_vite_and_served_under_a_sub_path(
    app: Path, open_page: OpenPage, model_dir: Path, tmp_path: Path, expected: dict[str, object]
) -> None:
    run(app, "node", str(WEB_DEMO / "node_modules" / "typescript" / "bin" / "tsc"), "--project", "tsconfig.json")
    run(app, "npx", "vite", "build")
    site = tmp_path / PLAIN_PATH
    shutil.copytree(app / "dist", site)
    copy_model(model_dir, site)
    with LoggedHost(tmp_path, plain=True) as host:
        expect_same(classify(open_page, f"{host.url}{PLAIN_PATH}"), expected)


def test_the_readmes_example_in_vites_development_server(app: Path, open_page: OpenPage, model_dir: Path) -> None:
    (app / "main.ts").write_text(f"// @ts-nocheck\n{read_example(app, 'npm example')}", encoding="utf-8")
    copy_model(model_dir, app / "public")
    command = ["node", "node_modules/vite/bin/vite.js", "--port", "0", "--host", HOST]
    with subprocess.Popen(command, cwd=app, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            lines = iter(server.stdout.readline, "")
            url = next(found[0] for line in lines if (found := re.search(r"http://[\w.:/]+", remove_colours(line))))
            visit = open_page(url)
            visit.page.wait_for_function("document.querySelector('#photo').onchange !== null", timeout=TIMEOUT_MS)
            visit.page.evaluate("document.querySelector('#photo').disabled = false")
            visit.page.set_input_files("#photo", SAMPLE_PHOTOS / PHOTO)
            visit.page.wait_for_selector("#answer:text('happiness 0.93')", timeout=TIMEOUT_MS)
            assert visit.complaints == []
        finally:
            server.terminate()


def remove_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_page_without_a_bundler(
    installed: Path, open_page: OpenPage, model_dir: Path, tmp_path: Path, expected: dict[str, object]
) -> None:
    site = tmp_path / PLAIN_PATH
    shutil.copytree(installed / "node_modules" / "reon-export", site / "reon-export")
    copy_model(model_dir, site)
    names = {"": "pipeline", "/clip": "clip", "/score": "score", "/errors": "errors"}
    script = APP
    for only_typescript in (", type Analysis", ": Analysis", "<HTMLInputElement>", "!"):
        script = script.replace(only_typescript, "")
    for name, file in names.items():
        script = script.replace(f"'reon-export{name}'", f"'./reon-export/js/{file}.js'")
    page = APP_PAGE.replace(' src="/main.ts">', f">{script}")
    (site / "index.html").write_text(page, encoding="utf-8")
    with LoggedHost(tmp_path, plain=True) as host:
        expect_same(classify(open_page, f"{host.url}{PLAIN_PATH}"), expected)
