"""The whole demo as one HTML file that needs no server: double-clicked, it runs, and can reach no network."""

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from reon_export.atomic import replace_file
from reon_export.errors import SetupError, SiteError
from reon_export.manifest import MANIFEST_NAME, Artefact, Manifest, read_manifest
from reon_export.output_places import check_parent
from reon_export.paths import WEB_DEMO
from reon_export.read_file import open_file
from reon_export.site.handler import MIME_TYPES
from reon_export.site.static_site import (
    LICENCES,
    MODEL_FOLDER,
    Written,
    check_page,
    keep_usable,
    list_page_files,
    read_model_files,
)

_GENERATOR = '<meta name="generator" content="reon_export">'  # by which an earlier file is known as ours
_GENERATOR_WITHIN = 4096  # characters from the start
_BUNDLER = Path("tools") / "standalone.mjs"
_BUNDLER_TIMEOUT_S = 300
_PROGRAM = "vendor/page.js"
_HOST = "js/app/host.js"  # explains why modules cannot be loaded; the one file has none
# The program and the styles are in the page itself; threads need a server that isolates the page; no file is installed.
_NOT_FETCHED_SUFFIXES = {".css", ".html", ".ico", ".js", ".map", ".svg", ".txt", ".webmanifest"}
_NOT_FETCHED = re.compile(r"-threaded-|^vendor/(files|sources)\.json$|^icons/")

_CHARSET = re.compile(r'<meta charset="utf-8">', re.IGNORECASE)
_PREVIEW = re.compile(r'[ \t]*<meta property="og:image"[^>]*>\n?')  # nobody is sent a link to a file
_LINK = re.compile(r"[ \t]*<link\b[^>]*>\n?")
_SCRIPT = re.compile(r"[ \t]*<script\b[^>]*>.*?</script>\n?", re.DOTALL)
_BODY_END = re.compile(r"</body>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_ADDRESS = re.compile(r'<(\w+)\b[^>]*\b(?:src|srcset|poster)="(?!data:)([^"]*)"')


def write_standalone(model_dir: Path, out: Path, page: Path = WEB_DEMO) -> Written:
    """Write page, libraries, samples and one model into the HTML file `out`.

    The model is the one that the page would take: the smallest TF.js artefact that passed its gate.

    Args:
        model_dir: a built model folder; the files that are taken are verified.
        out: the file to make; it is replaced in one step at the end.
        page: the page's sources, with vendor/ and node_modules/ made.

    Raises SiteError if `out` is no place for it, the page cannot be put in one file, or no artefact is usable;
    ManifestError if the model folder is damaged; SetupError if something to bundle with is missing.
    """
    check_standalone_target(out, model_dir, page)
    manifest = keep_usable(read_manifest(model_dir), model_dir)
    manifest = manifest.model_copy(update={"artefacts": (choose_artefact(manifest),)})
    files = [*_read_fetched_files(page), *read_model_files(manifest, model_dir)]
    files.append((f"{MODEL_FOLDER}/{MANIFEST_NAME}", manifest.model_dump_json().encode()))
    content = assemble(page, bundle_program(page), files).encode()
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, content)
    except OSError as error:
        raise SiteError(f"cannot write {out}: {error.strerror}; choose another --standalone") from error
    return Written(out, 1, len(content))


def choose_artefact(usable: Manifest) -> Artefact:
    """The smallest that passed, else the most exact of the unjudged. As `chooseArtefact` in web_demo/js/inference."""
    by_size = sorted(usable.artefacts, key=lambda artefact: artefact.bytes)
    return next((artefact for artefact in by_size if artefact.verdict == "passed"), by_size[-1])


def _read_fetched_files(page: Path) -> Iterator[tuple[str, bytes]]:
    for name in list_page_files(page):
        if Path(name).suffix not in _NOT_FETCHED_SUFFIXES and not _NOT_FETCHED.search(name):
            yield name, (page / name).read_bytes()


def bundle_program(page: Path) -> str:
    """The page's JavaScript as one script, made by esbuild or with the wheel. Raises SetupError, or SiteError."""
    if _prepared_program(page).is_file():
        return _prepared_program(page).read_text(encoding="utf-8")
    node = check_bundler(page)
    with tempfile.TemporaryDirectory(prefix="reon-standalone-") as folder:
        bundle = Path(folder) / "program.js"
        command = [node, str(page.resolve() / _BUNDLER), str(bundle)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, encoding="utf-8", timeout=_BUNDLER_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SiteError(f"the page cannot be bundled: {error}") from error
        if done.returncode != 0 or not bundle.is_file():
            raise SiteError(f"the page cannot be bundled: {done.stderr.strip() or f'exit code {done.returncode}'}")
        return bundle.read_text(encoding="utf-8")


def _prepared_program(page: Path) -> Path:
    """Where a wheel has it, which needs no Node."""
    return page.parent / "standalone_program.js"


def assemble(page: Path, program: str, files: Iterable[tuple[str, bytes]]) -> str:
    """index.html of `page` with everything inside it: styles, icon, `files` (what `fetch` is asked for), the program.

    Raises SiteError if index.html asks for something in a way that one file cannot answer.
    """
    html = (page / "index.html").read_text(encoding="utf-8")
    scripts = [_attributes(tag) for tag in _SCRIPT.findall(html)]
    if [script.get("src") for script in scripts] != [_HOST, _PROGRAM]:
        raise SiteError(f"index.html has {len(scripts)} scripts, expected two, {_HOST} and <script src={_PROGRAM}>")
    styles: list[str] = []
    html = _PREVIEW.sub("", _SCRIPT.sub("", html))
    html = _LINK.sub(lambda link: _inline_link(page, _attributes(link[0]), styles), html)
    for tag, address in _ADDRESS.findall(html):
        raise SiteError(f"index.html shows {address} in <{tag}>, which one file cannot; let js/ fetch it instead")
    program = _escape_script(program)
    head = f'<meta charset="utf-8">\n  {_GENERATOR}\n  {_security_policy(program, styles)}'
    html = _insert(html, _CHARSET, head)
    licences = _escape_script((page / LICENCES).read_text(encoding="utf-8"))
    parts = [f'<script type="text/plain" id="licences">\n{licences}</script>', *map(_inline_file, files)]
    return _insert(html, _BODY_END, "\n".join([*parts, f"<script>{program}</script>", "</body>"]))


def _insert(html: str, place: re.Pattern[str], content: str) -> str:
    html, count = place.subn(lambda _: content, html)
    if count != 1:
        raise SiteError(f"index.html has {place.pattern} {count} times, expected once")
    return html


def _attributes(tag: str) -> dict[str, str]:
    return dict(_ATTRIBUTE.findall(tag.partition(">")[0]))


def _inline_link(page: Path, link: dict[str, str], styles: list[str]) -> str:
    """What takes the place of a <link>; the text of a style sheet is added to `styles`. Only these two kinds stay."""
    kinds, path = link.get("rel", "").split(), page / link.get("href", "")
    if "stylesheet" in kinds:
        styles.append(path.read_text(encoding="utf-8").replace("</", "<\\/"))
        return f"  <style>{styles[-1]}</style>\n"
    if "icon" in kinds:
        return f'  <link rel="icon" href="data:{_mime(path.name)};base64,{_base64(path.read_bytes())}">\n'
    return ""


def _inline_file(file: tuple[str, bytes]) -> str:
    """One file, as web_demo/tools/standalone_files.js reads it."""
    name, content = file
    return f'<script type="text/plain" data-path="{name}" data-type="{_mime(name)}">{_base64(content)}</script>'


def _security_policy(program: str, styles: list[str]) -> str:
    """Nothing but this file: no address of any network may be reached, whatever is in it."""
    allowed_styles = " ".join(f"'{_hash(style)}'" for style in styles)
    policy = (
        "default-src 'none'",
        f"script-src '{_hash(program)}' 'wasm-unsafe-eval'",
        "worker-src blob:",
        f"style-src {allowed_styles}",
        "img-src data: blob:",
        "media-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(policy)}">'


def _escape_script(text: str) -> str:
    """Text that neither ends the <script> around it nor hides its end.

    In a program both stand within string, template and regular-expression literals only (esbuild sees to that), where
    an escape means the same.
    """
    return re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _mime(name: str) -> str:
    return MIME_TYPES.get(Path(name).suffix.lower(), "application/octet-stream")


def check_standalone_target(out: Path, model_dir: Path, page: Path = WEB_DEMO) -> None:
    """Raise SetupError if something to make it with is missing, SiteError if `out` is no place for it."""
    if out.suffix.lower() != ".html" or out.is_dir() or out.is_symlink():
        raise SiteError(f"--standalone {out} cannot be used: give it a file whose name ends in .html")
    check_page(page)
    if not _prepared_program(page).is_file():
        check_bundler(page)
    for folder in (page, model_dir):
        if out.resolve().is_relative_to(folder.resolve()):
            raise SiteError(f"--standalone {out} lies inside {folder}; choose a place outside it")
    check_parent(out, "--standalone")
    if out.exists() and not _is_ours(out):
        raise SiteError(f"{out} is a page that no build made; it was left as it is, choose another --standalone")


def _is_ours(file: Path) -> bool:
    try:
        with open_file(file) as stream:
            return _GENERATOR.encode() in stream.read(_GENERATOR_WITHIN)
    except OSError:
        return False


def check_bundler(page: Path) -> str:
    """The address of Node. Raises SetupError that says what to install."""
    node = shutil.which("node")
    if node is None:
        raise SetupError("--standalone needs node, which is not there; install Node 20 from https://nodejs.org")
    if not (page / "node_modules" / "esbuild").is_dir():
        raise SetupError(f"--standalone needs esbuild, which is not there; run 'npm ci' in {page}, or 'make vendor'")
    return node
