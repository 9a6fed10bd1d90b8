"""The demo as one HTML file: what is in it, what it may reach, and every way to refuse it."""

import base64
import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest

from reon_export.errors import FolderError, ManifestError, SetupError, SiteError
from reon_export.manifest import Artefact, Manifest, Verdict, read_manifest
from reon_export.paths import WEB_DEMO
from reon_export.site import single_file as standalone
from reon_export.site.single_file import assemble, bundle_program, choose_artefact, write_standalone
from reon_export.spec import ModelSpec
from tests.support.site_parts import INDEX, SHARD, held, make_model, make_page


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return make_page(tmp_path)


@pytest.fixture
def model(tmp_path: Path, default_spec: ModelSpec) -> Path:
    return make_model(tmp_path, default_spec)


class TestAssembly:
    def test_it_asks_for_no_other_file(self, page: Path) -> None:
        html = assemble(page, "run()", [("model/x.bin", b"\x00\xff")])
        assert re.findall(r'\b(?:src|href)="(?!data:)', html) == []
        icon = base64.b64encode(b"<svg/>").decode()
        assert f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">' in html
        assert "<style>u { color: blue }</style>" in html
        data = '<script type="text/plain" data-path="model/x.bin" data-type="application/octet-stream">AP8=</script>'
        assert data in html
        assert html.index(data) < html.index("<script>run()</script>") < html.index("</body>")
        assert "<p>한국어 &amp; more</p>" in html

    def test_no_text_ends_its_element(self, page: Path) -> None:
        html = assemble(page, 'a = "</SCRIPT><!--"; b = `<script>`', [])
        assert r'<script>a = "\x3c/SCRIPT>\x3c!--"; b = `<script>`</script>' in html
        assert "MIT \\x3c/script> \\x3c!-- as is" in html
        assert "<style>p { color: red } /* <\\/style> */</style>" in html
        assert html.count("<script") - html.count("`<script>`") == html.count("</script>") == 2

    def test_its_policy_allows_this_program_and_no_address(self, page: Path) -> None:
        html = assemble(page, 'say("한")', [])
        (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', html)
        assert html.index(policy) < html.index("<style>")
        digest = base64.b64encode(hashlib.sha256('say("한")'.encode()).digest()).decode()
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == f"'sha256-{digest}' 'wasm-unsafe-eval'"
        assert rules["style-src"].count("sha256-") == 2
        sources = {source for rule in rules.values() for source in rule.split() if "sha256" not in source}
        assert sources == {"'none'", "'wasm-unsafe-eval'", "blob:", "data:"}

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (
                'src="vendor/page.js"',
                'src="js/other.js"',
                "index.html has 2 scripts, expected two, js/app/host.js and <script",
            ),
            ("</head>", "<script>more()</script></head>", "index.html has 3 scripts, expected two"),
            (
                "<p>",
                '<img alt="" src="samples/shown.png"><p>',
                r"shows samples/shown.png in <img>, which one file canno",
            ),
            ('<meta charset="utf-8">', "", r"index.html has <meta charset=.* 0 times, expected once"),
        ],
    )
    def test_a_page_that_one_file_cannot_hold(self, page: Path, old: str, new: str, message: str) -> None:
        (page / "index.html").write_text(INDEX.replace(old, new), encoding="utf-8")
        with pytest.raises(SiteError, match=message):
            assemble(page, "", [])


class TestStandalone:
    @pytest.fixture(autouse=True)
    def _bundled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(standalone, "bundle_program", lambda page: f"run({page.name!r})")

    def test_it_holds_what_the_page_fetches_and_one_model(self, page: Path, model: Path, tmp_path: Path) -> None:
        out = tmp_path / "out" / "demo.html"
        written = write_standalone(model, out, page)
        assert (written.path, written.files, written.bytes) == (out, 1, out.stat().st_size)
        assert [path.name for path in out.parent.iterdir()] == ["demo.html"]
        assert out.stat().st_mode & 0o777 == 0o644
        inlined = re.findall(r'data-path="([^"]+)" data-type="([^"]+)">([^<]*)<', out.read_text(encoding="utf-8"))
        files = {name: base64.b64decode(text) for name, _, text in inlined}
        assert set(files) == {
            "samples/samples.json",
            "samples/shown.png",
            "vendor/x-simd.wasm",
            "vendor/face-weights_manifest.json",
            "vendor/face.bin",
            "model/tfjs-float16/model.json",
            f"model/tfjs-float16/{SHARD}",
            "model/self_test.bin",
            "model/manifest.json",
        }
        assert files[f"model/tfjs-float16/{SHARD}"] == bytes(2000)
        manifest = Manifest.model_validate_json(files["model/manifest.json"])
        assert [artefact.name for artefact in manifest.artefacts] == ["tfjs float16"]
        assert {name: mime for name, mime, _ in inlined}["vendor/x-simd.wasm"] == "application/wasm"

    def test_a_later_one_takes_its_place_and_a_failed_one_does_not(
        self, page: Path, model: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out" / "demo.html"
        write_standalone(model, out, page)
        (page / "style.css").write_text("b { color: green }", encoding="utf-8")
        write_standalone(model, out, page)
        assert "b { color: green }" in out.read_text(encoding="utf-8")
        before = held(out.parent)
        (model / "self_test.bin").unlink()
        with pytest.raises(ManifestError, match=r"self_test.bin is listed in the manifest but cannot be read"):
            write_standalone(model, out, page)
        assert held(out.parent) == before

    @pytest.mark.parametrize(
        ("place", "message"),
        [
            ("demo", "demo cannot be used: give it a file whose name ends in .html"),
            ("folder.html", "folder.html cannot be used: give it a file whose name ends in .html"),
            ("page/index.html", r"index.html lies inside .*page; choose a place outside it"),
            ("model/demo.html", r"demo.html lies inside .*model; choose a place outside it"),
            ("mine.html", "mine.html is a page that no build made; it was left as it is, choose another --standalone"),
            ("mine.html/demo.html", "demo.html cannot be written: .*mine.html is not a folder that you may write to"),
        ],
    )
    def test_somebodys_work_is_left(self, page: Path, model: Path, tmp_path: Path, place: str, message: str) -> None:
        (tmp_path / "folder.html").mkdir()
        (tmp_path / "mine.html").write_text("<p>years of work", encoding="utf-8")
        before = held(tmp_path)
        with pytest.raises((SiteError, FolderError), match=message):
            write_standalone(model, tmp_path / place, page)
        assert held(tmp_path) == before

    def test_what_it_is_made_with_must_be_installed(
        self, page: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (page / "node_modules" / "esbuild" / "package.json").unlink()
        (page / "node_modules" / "esbuild").rmdir()
        with pytest.raises(
            SetupError, match=r"needs esbuild, which is not there; run 'npm ci' in .*page, or 'make ven"
        ):
            write_standalone(model, tmp_path / "demo.html", page)
        monkeypatch.setenv("PATH", os.devnull)
        with pytest.raises(SetupError, match="--standalone needs node, which is not there; install Node 20 from https"):
            write_standalone(model, tmp_path / "demo.html", page)


def test_the_smallest_that_passed_goes_along_else_the_most_exact(model: Path) -> None:
    def choose(**gates: Verdict) -> str:
        manifest = read_manifest(model)
        artefacts: list[Artefact] = [
            manifest.artefact("tfjs", precision).model_copy(update={"verdict": gate})
            for precision, gate in gates.items()
        ]
        return choose_artefact(manifest.model_copy(update={"artefacts": tuple(artefacts)})).precision

    assert choose(float32="passed", float16="passed") == "float16"
    assert choose(float32="passed", float16="not_run") == "float32"
    assert choose(uint8="not_run", float32="not_run", float16="not_run") == "float32"


@pytest.mark.browser  # as what needs the vendored JavaScript
class TestProgram:
    def test_its_program_is_one_script_for_page_and_worker(self) -> None:
        program = bundle_program(WEB_DEMO)
        assert 1_000_000 < len(program) < 3_000_000
        assert "import.meta" not in program
        assert "</script" not in program.lower()

    def test_it_is_bundled_or_says_why_not(self, tmp_path: Path) -> None:
        page = copy_page(tmp_path)
        (page / "js" / "app" / "main.js").write_text("import './gone.js';\n", encoding="utf-8")
        with pytest.raises(SiteError, match=r"(?s)the page cannot be bundled: .*Could not resolve .\./gone\.js"):
            bundle_program(page)
        (page / "js" / "app" / "main.js").write_text("fetch(new URL('x', import.meta.url));\n", encoding="utf-8")
        with pytest.raises(SiteError, match=r"(?s)the page cannot be bundled: .*import\.meta"):
            bundle_program(page)


def copy_page(tmp_path: Path) -> Path:
    """The page's program and tools, to be changed."""
    page = tmp_path / "copied"
    for name in ("js", "tools"):
        shutil.copytree(WEB_DEMO / name, page / name)
    (page / "node_modules").symlink_to((WEB_DEMO / "node_modules").resolve())
    return page
