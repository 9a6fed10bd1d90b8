"""What `npm run vendor` makes of js/, and that it makes no more than that after a change in js/."""

import shutil
import subprocess
from pathlib import Path

import pytest

from reon_export.errors import SetupError
from reon_export.paths import WEB_DEMO
from reon_export.site.static_site import check_bundle
from tests.support.site_parts import held

pytestmark = [pytest.mark.browser]  # as what needs the vendored JavaScript


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The page's sources, bundled, free to be changed."""
    made_here = shutil.ignore_patterns("node_modules", "model", "bench", "samples")
    page = Path(shutil.copytree(WEB_DEMO, tmp_path / "page", ignore=made_here))
    (page / "node_modules").symlink_to(WEB_DEMO / "node_modules")
    return page


def bundle(page: Path) -> str:
    node = shutil.which("node") or "node"
    done = subprocess.run(
        [node, page / "tools" / "vendor.mjs"], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_change_in_js_is_bundled_and_nothing_else_is_made_anew(page: Path) -> None:
    assert bundle(page) == "vendor/ is up to date\n"
    before = held(page / "vendor")
    marked = page / "js" / "app" / "tabs.js"
    marked.write_text(marked.read_text(encoding="utf-8") + "console.log('a mark');\n", encoding="utf-8")
    with pytest.raises(SetupError, match=r"page.js was made before js/app/tabs.js changed; run 'make vendor'"):
        check_bundle(page)
    bundle(page)
    check_bundle(page)
    after = held(page / "vendor")
    assert b"a mark" in after["page.js"]
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    made_of_all = {"files.json", "sources.json", ".stamp"}
    assert {name for name in changed if not name.startswith(("page", "worker"))} == made_of_all
    assert bundle(page) == "vendor/ is up to date\n"


def test_what_is_damaged_is_made_anew(page: Path) -> None:
    before = held(page / "vendor")
    (page / "vendor" / "chart.js").unlink()
    (page / "vendor" / "page.js").write_text("", encoding="utf-8")
    bundle(page)
    assert held(page / "vendor") == before
