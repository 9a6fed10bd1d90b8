"""The example of web_demo/README.md, typed off as it stands, on a host of plain files."""

import re
import shutil
from pathlib import Path

import pytest

from reon_export.paths import SAMPLE_PHOTOS, WEB_DEMO
from tests.support.hosts import LoggedHost
from tests.support.visits import TIMEOUT_MS, OpenPage, copy_model

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir"), pytest.mark.service_worker]


def test_the_example_of_the_readme_runs(open_page: OpenPage, model_dir: Path, tmp_path: Path) -> None:
    text = (WEB_DEMO / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"<!-- example -->\n```html\n(.*?)```", text, flags=re.DOTALL)
    site = tmp_path / "site"
    site.mkdir()
    for part in ("js", "vendor"):
        shutil.copytree(WEB_DEMO / part, site / part)
    copy_model(model_dir, site)
    (tmp_path / "favicon.ico").touch()  # browsers ask every host for one
    (site / "index.html").write_text(example, encoding="utf-8")
    with LoggedHost(tmp_path, plain=True) as host:
        visit = open_page(f"{host.url}site/")
        answer = visit.page.locator("#answer")
        visit.page.wait_for_selector("#photo:enabled", timeout=TIMEOUT_MS)
        assert answer.inner_text() == "choose a photograph"
        visit.page.set_input_files("#photo", SAMPLE_PHOTOS / "astronaut.png")
        visit.page.wait_for_selector("#answer:text('happiness')", timeout=TIMEOUT_MS)
        assert float(answer.inner_text().split()[1]) > 0.9
        visit.page.set_input_files("#photo", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
        visit.page.wait_for_selector("#answer:text('notes.png is not a picture')", timeout=TIMEOUT_MS)
        visit.expect_clean()
    modules = {url.removeprefix(f"{host.url}site/js/") for url in visit.requests if "/js/" in url}
    assert modules == {"pipeline.js", "errors.js", "vendor.js", "inference/worker_client.js"}  # the worker has the rest
    assert f"{host.url}site/vendor/worker.js" in visit.requests
