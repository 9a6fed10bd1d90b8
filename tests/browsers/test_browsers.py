import os
import sys
from pathlib import Path

import pytest

from reon_export.browsers import chromium, firefox, webkit
from reon_export.browsers.select import (
    CHROMIUM_ARGUMENTS,
    engine_available,
    engine_install_command,
    engine_name,
    find_browser,
    find_engine,
    install_command,
    open_page,
)
from reon_export.errors import BrowserError


def make_program(path: Path, script: str = "#!/bin/sh\nexit 3\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser; its PATH is the folder that comes back."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("REON_BROWSER", raising=False)
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    monkeypatch.setattr(chromium, "_PLACES", ())
    monkeypatch.setattr(firefox, "_PLACES", ())
    monkeypatch.setattr(webkit, "_MINI_BROWSER_PATTERNS", ("reon-export-tests/no-such-folder/MiniBrowser",))
    return folder


@pytest.mark.usefixtures("bare_machine")
def test_without_a_browser_the_message_has_the_one_command() -> None:
    with pytest.raises(BrowserError) as caught:
        find_browser()
    message = str(caught.value)
    assert "no Chrome or Chromium found (looked for chromium, google-chrome," in message
    assert install_command() in message
    assert "REON_BROWSER" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("platform", "user", "command"),
    [
        ("linux", 0, "apt-get install chromium"),
        ("linux", 1000, "sudo apt-get install chromium"),
        ("darwin", 501, "brew install --cask google-chrome"),
    ],
)
def test_the_command_suits_the_machine(platform: str, user: int, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert install_command() == command


def test_order_is_explicit_then_variable_then_path(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = make_program(bare_machine / "chromium-browser")
    assert find_browser() == last
    chrome = make_program(bare_machine / "google-chrome")
    assert find_browser() == chrome
    from_variable = make_program(bare_machine.parent / "other" / "from-variable")
    monkeypatch.setenv("REON_BROWSER", str(from_variable))
    assert find_browser() == from_variable
    assert find_browser("google-chrome") == chrome
    assert find_browser(str(last)) == last


def test_a_file_that_is_no_program_is_passed_over(bare_machine: Path) -> None:
    (bare_machine / "chromium").write_text("not executable", encoding="utf-8")
    chrome = make_program(bare_machine / "google-chrome")
    assert find_browser() == chrome


def test_playwrights_own_download_is_found(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    home = bare_machine.parent / "home"
    own = make_program(home / ".cache" / "ms-playwright" / "chromium-1200" / "chrome-linux" / "chrome")
    assert find_browser() == own


def test_an_explicit_browser_that_is_missing_is_an_error(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(bare_machine / "chromium")
    with pytest.raises(BrowserError, match=r"^--browser names /no/chrome, which is not a program here;"):
        find_browser("/no/chrome")
    monkeypatch.setenv("REON_BROWSER", "/no/chromium")
    with pytest.raises(BrowserError, match=r"^REON_BROWSER names /no/chromium, which is not a program here;"):
        find_browser()


def test_without_playwright_the_message_says_how_to_get_it(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    program = make_program(bare_machine / "chromium")
    with (
        pytest.raises(BrowserError, match=r"pip install -c reon_export/environment/constraints\.txt playwright"),
        open_page("about:blank", browser=program),
    ):
        pass


def test_a_browser_that_does_not_start_is_named(bare_machine: Path) -> None:
    program = make_program(bare_machine / "chromium")
    with (
        pytest.raises(BrowserError, match="chromium does not start: ") as caught,
        open_page("about:blank", browser=program),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert "REON_BROWSER=PATH" in str(caught.value)


@pytest.mark.parametrize(("user", "variable", "sandboxed"), [(0, "", False), (1000, "", True), (1000, "1", False)])
def test_the_sandbox_is_left_out_only_for_root_or_on_request(
    user: int, variable: str, sandboxed: bool, bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = bare_machine.parent / "arguments"
    program = make_program(
        bare_machine / "chromium", f'#!/bin/sh\nfor a in "$@"; do echo "$a"; done > {seen}\nexit 3\n'
    )
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("REON_BROWSER_NO_SANDBOX", variable)
    with (
        pytest.raises(BrowserError) as caught,
        open_page("about:blank", browser=program),
    ):
        pass
    arguments = seen.read_text(encoding="utf-8").splitlines()
    assert ("--no-sandbox" not in arguments) is sandboxed
    assert ("REON_BROWSER_NO_SANDBOX=1" in str(caught.value)) is sandboxed
    assert set(CHROMIUM_ARGUMENTS) <= set(arguments)
    assert any(argument.startswith("--headless") for argument in arguments)


@pytest.mark.parametrize(
    ("browser", "engine"),
    [
        (None, "chromium"),
        ("chromium", "chromium"),
        ("firefox", "firefox"),
        ("webkit", "webkit"),
        ("/opt/google/chrome/chrome", "chromium"),
        (Path("/opt/firefox/firefox-bin"), "firefox"),
        ("/Applications/Firefox.app/Contents/MacOS/firefox", "firefox"),
    ],
)
def test_a_browser_value_means_an_engine(browser: str | Path | None, engine: str) -> None:
    assert engine_name(browser) == engine


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize(
    ("engine", "lacks"),
    [
        ("firefox", "no Firefox found (looked for firefox-esr, firefox on PATH)"),
        ("webkit", "no WebKit found (missing: WebKitWebDriver, MiniBrowser, Xvfb)"),
    ],
)
@pytest.mark.parametrize(("user", "sudo"), [(0, ""), (1000, "sudo ")])
def test_an_engine_that_is_missing_is_named_with_the_one_command(
    engine: str, lacks: str, user: int, sudo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    packages = {"firefox": "firefox-esr", "webkit": "webkit2gtk-driver xvfb"}[engine]
    for attempt in (find_engine, lambda name: open_page("about:blank", browser=name)):
        with pytest.raises(BrowserError) as caught:
            attempt(engine)
        assert str(caught.value) == f"{lacks}; install it: {sudo}apt-get install {packages}"
    assert not engine_available(engine)


@pytest.mark.usefixtures("bare_machine")
def test_on_a_mac_firefox_comes_from_brew_and_webkit_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert engine_install_command("firefox") == "brew install --cask firefox"
    with pytest.raises(BrowserError, match="WebKitGTK exists for Linux only"):
        find_engine("webkit")


def test_an_engine_is_found_by_name_and_by_path(bare_machine: Path) -> None:
    chrome = make_program(bare_machine / "google-chrome")
    assert find_engine() == find_engine("chromium") == chrome
    found = make_program(bare_machine / "firefox")
    assert find_engine("firefox") == find_engine(found) == found
    assert engine_available("firefox")
    with pytest.raises(BrowserError, match=r"^no program /no/firefox; install it: "):
        find_engine("/no/firefox")


def test_webkit_needs_all_three_programs(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(bare_machine / "WebKitWebDriver")
    mini_browser = make_program(bare_machine / "webkit2gtk-4.1" / "MiniBrowser")
    monkeypatch.setattr(webkit, "_MINI_BROWSER_PATTERNS", (str(mini_browser.relative_to("/")),))
    with pytest.raises(BrowserError, match=r"^no WebKit found \(missing: Xvfb\); "):
        find_engine("webkit")
    make_program(bare_machine / "Xvfb")
    assert find_engine("webkit") == mini_browser


def test_a_firefox_that_does_not_start_is_named_with_its_last_words(bare_machine: Path) -> None:
    program = make_program(bare_machine / "firefox", "#!/bin/sh\necho one >&2; echo no home >&2; exit 3\n")
    with (
        pytest.raises(BrowserError, match=r"firefox does not start: it ended with code 3 \(no home\)$") as caught,
        open_page("about:blank", browser="firefox"),
    ):
        pass
    assert str(caught.value).startswith(str(program))


@pytest.mark.browser
def test_a_page_runs_its_script(tmp_path: Path) -> None:
    page_file = tmp_path / "index.html"
    page_file.write_text("<script>window.answer = 6 * 7</script>", encoding="utf-8")
    with open_page(page_file.as_uri()) as page:
        assert page.evaluate("() => window.answer") == 42


@pytest.mark.browser
def test_a_page_that_does_not_answer_is_named() -> None:
    with (
        pytest.raises(BrowserError, match=r"the browser cannot open http://127\.0\.0\.1:1/: .*ERR_"),
        open_page("http://127.0.0.1:1/"),
    ):
        pass
