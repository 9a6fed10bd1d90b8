"""The demo as a folder: what goes in, what stays out, every way to refuse it; and how a build ends with it."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reon_export.cli.build import print_result, result_as_json
from reon_export.errors import FolderError, ManifestError, ReonExportError, SetupError, SiteError
from reon_export.export.build import BuildResult, _Clock, _publish
from reon_export.export.plan import BuildOptions, make_plan
from reon_export.manifest import read_artefact_file, read_manifest
from reon_export.paths import WEB_DEMO
from reon_export.site import static_site as site
from reon_export.site.static_site import SiteRecord, check_bundle, list_page_files, write_site
from reon_export.spec import ModelSpec
from tests.support.command import run
from tests.support.site_parts import INDEX, PAGE, SHARD, held, make_model, make_page, record_sources, rejudge


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return make_page(tmp_path)


@pytest.fixture
def model(tmp_path: Path, default_spec: ModelSpec) -> Path:
    return make_model(tmp_path, default_spec)


class TestSite:
    def test_it_holds_the_page_and_the_models_that_it_may_load(self, page: Path, model: Path, tmp_path: Path) -> None:
        before = {name: content for name, content in held(tmp_path).items() if not name.startswith("out/")}
        written = write_site(model, tmp_path / "out" / "site", page)
        files = held(tmp_path / "out" / "site")
        models = {f"model/tfjs-{kind}/{name}" for kind in ("float32", "float16") for name in ("model.json", SHARD)}
        assert set(files) == set(PAGE) | models | {"model/manifest.json", "model/self_test.bin", "site.json"}
        assert all(files[name] == (page / name).read_bytes() for name in PAGE)
        assert (written.files, written.bytes) == (len(files), sum(map(len, files.values())))
        assert held(tmp_path / "out").keys() == {f"site/{name}" for name in files}
        assert {name: content for name, content in held(tmp_path).items() if not name.startswith("out/")} == before

    def test_its_manifest_lists_what_is_there_and_no_more(self, page: Path, model: Path, tmp_path: Path) -> None:
        write_site(model, tmp_path / "site", page)
        manifest, full = read_manifest(tmp_path / "site" / "model"), read_manifest(model)
        assert [artefact.name for artefact in manifest.artefacts] == ["tfjs float32", "tfjs float16"]
        assert manifest.artefacts == tuple(full.artefact("tfjs", kind) for kind in ("float32", "float16"))
        assert manifest.model_copy(update={"artefacts": full.artefacts}) == full
        for artefact in manifest.artefacts:
            assert all(read_artefact_file(tmp_path / "site" / "model", entry) for entry in artefact.files)

    def test_its_record_lists_every_other_file_with_its_hash(self, page: Path, model: Path, tmp_path: Path) -> None:
        write_site(model, tmp_path / "site", page)
        record = SiteRecord.model_validate_json((tmp_path / "site" / "site.json").read_text(encoding="utf-8"))
        files = held(tmp_path / "site")
        assert {entry.path for entry in record.files} == set(files) - {"site.json"}
        assert all(hashlib.sha256(files[entry.path]).hexdigest() == entry.sha256 for entry in record.files)

    def test_a_later_one_takes_its_place(self, page: Path, model: Path, tmp_path: Path) -> None:
        write_site(model, tmp_path / "site", page)
        (page / "js" / "app" / "main.js").write_text("// shows nothing", encoding="utf-8")
        record_sources(page)
        (page / "samples" / "samples.json").write_text("{}", encoding="utf-8")
        write_site(model, tmp_path / "site", page)
        files = held(tmp_path / "site")
        assert files["js/app/main.js"] == b"// shows nothing"
        assert "samples/shown.png" not in files

    def test_what_was_not_judged_may_go(self, page: Path, model: Path, tmp_path: Path) -> None:
        rejudge(model, "not_run")
        write_site(model, tmp_path / "site", page)
        assert len(read_manifest(tmp_path / "site" / "model").artefacts) == 3

    def test_without_a_usable_model_there_is_none(self, page: Path, model: Path, tmp_path: Path) -> None:
        rejudge(model, "failed")
        with pytest.raises(
            SiteError, match=r"model has no TF.js artefact .* \(onnx float32 failed, tfjs float32 failed"
        ):
            write_site(model, tmp_path / "site", page)
        assert not (tmp_path / "site").exists()

    def test_a_damaged_model_leaves_the_old_site(self, page: Path, model: Path, tmp_path: Path) -> None:
        write_site(model, tmp_path / "out" / "site", page)
        before = held(tmp_path / "out")
        (model / "tfjs-float16" / SHARD).write_bytes(bytes(2000)[:-1] + b"x")
        with pytest.raises(ManifestError, match=r"tfjs-float16/group1-shard1of1.bin has SHA-256"):
            write_site(model, tmp_path / "out" / "site", page)
        assert held(tmp_path / "out") == before

    def test_an_interrupted_one_leaves_the_old_site(
        self, page: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_site(model, tmp_path / "out" / "site", page)
        before = held(tmp_path / "out")
        (page / "index.html").write_text(INDEX + "new", encoding="utf-8")

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(site, "write_manifest", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_site(model, tmp_path / "out" / "site", page)
        assert held(tmp_path / "out") == before

    @pytest.mark.parametrize(
        ("prepare", "message"),
        [
            (
                lambda out: (out / "thesis.tex").write_text("x"),
                r"is not empty and not an earlier site \(its site.json is not there",
            ),
            (lambda out: (out / "site.json").write_text("{}"), "is not empty and not an earlier site"),
            (lambda out: out.rmdir() or out.write_text("x"), "is not a plain folder; give --site a folder that is new"),
            (lambda out: out.rmdir() or out.symlink_to("elsewhere"), "is not a plain folder"),
        ],
        ids=["somebody's work", "no record of ours", "a file", "a link"],
    )
    def test_somebodys_work_is_left(
        self, page: Path, model: Path, tmp_path: Path, prepare: Callable[[Path], object], message: str
    ) -> None:
        out = tmp_path / "mine"
        out.mkdir()
        prepare(out)
        before = held(tmp_path)
        with pytest.raises(FolderError, match=message):
            write_site(model, out, page)
        assert held(tmp_path) == before

    def test_what_was_added_to_a_site_is_left(self, page: Path, model: Path, tmp_path: Path) -> None:
        out = tmp_path / "site"
        write_site(model, out, page)
        (out / "CNAME").write_text("demo.example", encoding="utf-8")
        with pytest.raises(FolderError, match="site holds CNAME, which no build put there; it was left as it is, move"):
            write_site(model, out, page)
        (out / ".git").mkdir()
        (out / ".git" / "HEAD").touch()
        with pytest.raises(FolderError, match=r"site holds .git/HEAD and 1 more, which no build put there"):
            write_site(model, out, page)
        assert (out / "CNAME").is_file()

    @pytest.mark.parametrize("place", ["page", "page/js", "page/new", ".", "model", "model/site"])
    def test_it_lies_apart_from_what_it_is_made_of(self, page: Path, model: Path, tmp_path: Path, place: str) -> None:
        before = held(tmp_path)
        with pytest.raises(SiteError, match=r"--site .* lie one inside the other; choose a folder apart from it"):
            write_site(model, tmp_path / place, page)
        assert held(tmp_path) == before

    def test_below_a_file_there_is_no_place(self, page: Path, model: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(FolderError, match=r"--site .*file/site cannot be written: .*file is not a folder that you"):
            write_site(model, tmp_path / "file" / "site", page)

    def test_the_page_must_be_there_and_its_libraries_made(self, page: Path, model: Path, tmp_path: Path) -> None:
        (page / site.LICENCES).unlink()
        with pytest.raises(SetupError, match=r"libraries are not built \(no .*THIRD_PARTY_LICENSES.txt\); run 'make v"):
            write_site(model, tmp_path / "site", page)
        with pytest.raises(SetupError, match=r"has no index.html: a site is made in a checkout of the project"):
            write_site(model, tmp_path / "site", tmp_path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda page: (page / "js/app/main.js").write_text("x"),
                "page.js was made before js/app/main.js changed; run",
            ),
            (
                lambda page: (page / "js/app/main.js").unlink(),
                "page.js was made before js/app/main.js changed; run 'make",
            ),
            (
                lambda page: (page / site.BUNDLE_SOURCES).unlink(),
                r"is not bundled \(.*sources.json cannot be read: .*No such",
            ),
            (
                lambda page: (page / site.BUNDLE_SOURCES).write_text("[]"),
                r"is not bundled \(.*sources.json cannot be read",
            ),
        ],
        ids=["changed", "gone", "no record", "another record"],
    )
    def test_the_page_must_be_bundled_from_its_modules_as_they_are(
        self, page: Path, model: Path, tmp_path: Path, change: Callable[[Path], object], message: str
    ) -> None:
        change(page)
        with pytest.raises(SetupError, match=message):
            write_site(model, tmp_path / "site", page)
        assert not (tmp_path / "site").exists()

    def test_an_outdated_page_is_not_served(
        self, page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (page / "js" / "app" / "main.js").write_text("// changed", encoding="utf-8")
        code, _, stderr = run(capsys, monkeypatch, "serve", str(page), "--port", "0")
        assert code == 2
        assert "page.js was made before js/app/main.js changed; run 'make vendor'" in " ".join(stderr.split())


@pytest.mark.browser  # as what needs the vendored JavaScript
class TestRealPage:
    def test_what_was_bundled_is_every_module_of_the_page_and_of_its_worker(self) -> None:
        check_bundle(WEB_DEMO)
        bundled = json.loads((WEB_DEMO / site.BUNDLE_SOURCES).read_text(encoding="utf-8"))
        names = {name for name in list_page_files(WEB_DEMO) if name.startswith("js/")}
        assert names - bundled.keys() == {"js/app/host.js"}  # a classic script, which explains why no module runs

    def test_every_address_in_index_html_goes_along(self) -> None:
        names = list_page_files(WEB_DEMO)
        html = (WEB_DEMO / "index.html").read_text(encoding="utf-8")
        addresses = re.findall(r'<(?:link|script|img|source|video)\b[^>]*\b(?:href|src)="([^"]+)"', html)
        assert len(addresses) >= 3
        assert [address for address in addresses if address not in names] == []

    def test_every_module_that_a_module_imports_goes_along(self) -> None:
        names = list_page_files(WEB_DEMO)
        assert "js/inference/worker.js" in names
        for name in (name for name in names if name.startswith("js/")):
            code = (WEB_DEMO / name).read_text(encoding="utf-8")
            for imported in re.findall(r"^(?:import|export) .*from '(\.[\w./-]+)'", code, flags=re.MULTILINE):
                found = os.path.normpath(Path(name).parent / imported)
                assert found in names, f"{name} imports {imported}"

    def test_nothing_else_does(self) -> None:
        names = list_page_files(WEB_DEMO)
        for name in names:
            assert not re.search(r"(^|/)\.|^node_modules|^tools|^model|^kernels|package|parity|bench|README", name), (
                name
            )
        for name in ("tfjs.js", "tfjs-backend-wasm-simd.wasm", "tiny_face_detector_model.bin", "files.json"):
            assert f"vendor/{name}" in names
        assert "vendor/THIRD_PARTY_LICENSES.txt" in names
        assert "samples/astronaut.png" in names
        assert "samples/obama.jpg" not in names  # for tests: see samples/README.md


@pytest.mark.browser  # as what needs the vendored JavaScript
class TestBuild:
    @pytest.mark.parametrize(
        ("site", "file", "message"),
        [
            ("work", None, "work is not empty and not an earlier site"),
            (None, "demo.txt", "demo.txt cannot be used: give it a file whose name ends in .html"),
            ("model/site", None, "lie one inside the other"),
            (".", None, "lie one inside the other"),
            (
                "site",
                "site/demo.html",
                r"--standalone .*demo.html lies inside --site .*site; choose a place outside it",
            ),
        ],
    )
    def test_a_target_is_refused_before_the_checkpoint_is_read(
        self, tmp_path: Path, site: str | None, file: str | None, message: str
    ) -> None:
        (tmp_path / "work").mkdir()
        (tmp_path / "work" / "thesis.tex").touch()
        options = BuildOptions(
            out=tmp_path / "model",
            parity=False,
            site=tmp_path / site if site else None,
            standalone=tmp_path / file if file else None,
        )
        with pytest.raises(ReonExportError, match=message):
            make_plan(tmp_path / "gone.pt", options)

    def test_what_is_written_is_said(self, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        options = BuildOptions(out=model, site=tmp_path / "site", standalone=tmp_path / "demo.html")
        clock = _Clock(lambda *_: None)
        result = _publish(BuildResult(model, read_manifest(model), (), ()), options, clock)
        assert [name for name, _ in result.steps] == ["site", "standalone"]
        print_result(result)
        text = capsys.readouterr().out
        assert re.search(r"site written: \d+ files, \d+\.\d MB, for any static host, at any path\.", text)
        assert re.search(r"demo.html written: one file, \d+\.\d MB, that runs when it is double-clicked\.", text)
        assert text.endswith(f"Next: python -m reon_export serve {tmp_path / 'site'} --open\n")
        answer = json.loads(json.dumps(result_as_json(result)))
        assert answer["site"] == {
            "path": str(tmp_path / "site"),
            "files": len(held(tmp_path / "site")),
            "bytes": sum(map(len, held(tmp_path / "site").values())),
        }
        assert answer["standalone"]["bytes"] == (tmp_path / "demo.html").stat().st_size
        assert answer["not_written"] == []

    def test_a_model_that_is_not_usable_goes_nowhere(
        self, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rejudge(model, "failed")
        options = BuildOptions(out=model, site=tmp_path / "site", standalone=tmp_path / "demo.html")
        result = _publish(BuildResult(model, read_manifest(model), (), ()), options, _Clock(lambda *_: None))
        print_result(result)
        text = capsys.readouterr().out
        assert f"{tmp_path / 'site'} was not written." in text
        assert f"{tmp_path / 'demo.html'} was not written." in text
        assert "Not fit for a browser" in text
        assert not (tmp_path / "site").exists()
        assert not (tmp_path / "demo.html").exists()
        assert result_as_json(result)["not_written"] == [str(tmp_path / "site"), str(tmp_path / "demo.html")]
