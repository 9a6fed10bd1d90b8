"""The whole demo as a folder for any static host: page, libraries, samples, and the models that the page may load."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from reon_export.atomic import replacing_folder
from reon_export.errors import SetupError, SiteError
from reon_export.limits import max_text_bytes
from reon_export.manifest import FileEntry, Manifest, describe_file, read_artefact_file, read_manifest, write_manifest
from reon_export.output_places import OwnFolder, check_only_own_files, check_replaceable
from reon_export.paths import WEB_DEMO
from reon_export.read_file import read_bytes
from reon_export.spec import Record

MODEL_FOLDER = "model"  # where the page looks for it
RECORD_NAME = "site.json"
SAMPLES_LIST = "samples/samples.json"
BUNDLE_SOURCES = "vendor/sources.json"  # SHA-256 of the modules that vendor/page.js and worker.js were made from
LICENCES = "vendor/THIRD_PARTY_LICENSES.txt"
# Of web_demo a host gets these; tools, packages and notes stay at home.
_TOP_SUFFIXES = {".css", ".html", ".ico", ".js", ".png", ".svg", ".webmanifest"}
_FOLDERS = ("icons", "js", "samples", "vendor")
_NOT_FOR_VISITORS = {"parity.html", "js/parity.js", "bench.html", "js/bench.js"}


@dataclass(frozen=True)
class Written:
    """What was written for visitors: a site or a file, how many files that is, and their bytes."""

    path: Path
    files: int
    bytes: int


class SiteRecord(Record):
    """The content of site.json: which files a site was made of, so that the next one replaces those and no others."""

    version: Literal[1] = 1
    model: str
    files: tuple[FileEntry, ...]


def write_site(model_dir: Path, out: Path, page: Path = WEB_DEMO) -> Written:
    """Write the page with a model folder's usable TF.js artefacts to `out`, replacing the site that was there.

    Everything goes by relative addresses, so a host may serve it under any path, and needs no headers of its own.

    Args:
        model_dir: a built model folder. Its files are verified; what failed its gate stays behind, and so does ONNX.
        out: the folder to make. It changes in one step at the end, and nothing beside it.
        page: the page's sources, with vendor/ made.

    Raises SiteError if `out` may not be replaced, cannot be written, or no artefact is usable; ManifestError if the
    model folder is damaged; SetupError if the page is not built.
    """
    check_site_target(out, model_dir, page)
    manifest = keep_usable(read_manifest(model_dir), model_dir)
    try:
        with replacing_folder(out, partial(check_only_own_files, kind=SITE_KIND)) as place:
            fresh = place.folder
            for name in list_page_files(page):
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(page / name, fresh / name)
            for name, content in read_model_files(manifest, model_dir):
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).write_bytes(content)
            write_manifest(manifest, fresh / MODEL_FOLDER)
            files = tuple(describe_file(fresh, path) for path in _list_files(fresh))
            record = SiteRecord(model=manifest.name, files=files)
            (fresh / RECORD_NAME).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SiteError(f"cannot write {out}: {error.strerror}; choose another --site") from error
    size = sum(entry.bytes for entry in files) + (out / RECORD_NAME).stat().st_size
    return Written(out, len(files) + 1, size)


def keep_usable(manifest: Manifest, model_dir: Path) -> Manifest:
    """The manifest with only what a page may load. Raises SiteError if nothing is left."""
    usable = tuple(item for item in manifest.artefacts if item.is_loadable)
    if not usable:
        held = ", ".join(f"{item.name} {item.verdict.replace('_', ' ')}" for item in manifest.artefacts) or "nothing"
        raise SiteError(f"{model_dir} has no TF.js artefact that a page may load ({held}); build it again")
    return manifest.model_copy(update={"artefacts": usable})


def read_model_files(manifest: Manifest, model_dir: Path) -> Iterator[tuple[str, bytes]]:
    """Each file that the manifest lists (not the manifest itself), verified: where the page looks for it, its bytes."""
    for entry in manifest.files:
        yield f"{MODEL_FOLDER}/{entry.path}", read_artefact_file(model_dir, entry)


def list_page_files(page: Path) -> list[str]:
    """The files of the page that visitors need, by path below `page`, sorted; the model is not among them.

    Of samples/ only its list and what that names: the others are for tests, and not everybody's to publish.
    Raises SiteError if the list cannot be read.
    """
    at_top = (path for path in page.iterdir() if path.suffix in _TOP_SUFFIXES)
    below = (path for folder in _FOLDERS for path in (page / folder).rglob("*"))
    paths = [path.relative_to(page) for path in (*at_top, *below) if path.is_file()]
    shown = [path.as_posix() for path in paths if path.suffix != ".md" and not _is_hidden(path)]
    samples = _list_samples(page)
    return sorted(
        name for name in shown if name not in _NOT_FOR_VISITORS and (not name.startswith("samples/") or name in samples)
    )


def _list_samples(page: Path) -> set[str]:
    """samples.json, which the page reads, and the files that it names."""
    path = page / SAMPLES_LIST
    try:
        names = json.loads(path.read_text(encoding="utf-8")).values()
    except (OSError, ValueError, AttributeError) as error:
        raise SiteError(f"{path} cannot be read: {error}; expected an object of file names") from error
    return {SAMPLES_LIST, *(f"samples/{name}" for name in names)}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def check_site_target(out: Path, model_dir: Path, page: Path = WEB_DEMO) -> None:
    """Raise SetupError if the page is not built as it is now, SiteError if `out` is no place for a site."""
    check_page(page)
    check_bundle(page)
    for folder in (page, model_dir):
        if _overlap(out, folder):
            raise SiteError(f"--site {out} and {folder} lie one inside the other; choose a folder apart from it")
    check_replaceable(out, SITE_KIND)


def check_page(page: Path) -> None:
    """Raise SetupError if the page's sources or its libraries are missing."""
    if not (page / "index.html").is_file():
        raise SetupError(f"{page} has no index.html: a site is made in a checkout of the project; run it from one")
    if not (page / LICENCES).is_file():
        raise SetupError(f"the page's JavaScript libraries are not built (no {page / LICENCES}); run 'make vendor'")


def check_bundle(page: Path) -> None:
    """Raise SetupError unless vendor/page.js, which index.html loads, was made from js/ as it is."""
    path = page / BUNDLE_SOURCES
    try:
        sources = TypeAdapter(dict[str, str]).validate_json(read_bytes(path, max_text_bytes()))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise SetupError(f"the page is not bundled ({path} cannot be read: {error}); run 'make vendor'") from error
    for name, sha256 in sources.items():
        if not (page / name).is_file() or describe_file(page, page / name).sha256 != sha256:
            raise SetupError(f"{page / 'vendor' / 'page.js'} was made before {name} changed; run 'make vendor'")


def read_site_record(folder: Path) -> SiteRecord:
    """Read site.json of a site. Raises SiteError."""
    path = folder / RECORD_NAME
    try:
        return SiteRecord.model_validate_json(read_bytes(path, max_text_bytes()))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise SiteError(f"{path} cannot be used: {error}; write the site again with build --site") from error


def _list_own_files(folder: Path) -> list[str]:
    return [entry.path for entry in read_site_record(folder).files]


SITE_KIND = OwnFolder("an earlier site", "--site", RECORD_NAME, _list_own_files)


def _list_files(folder: Path) -> list[Path]:
    """Everything below that is not a folder: links, too."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _overlap(first: Path, second: Path) -> bool:
    one, other = first.resolve(), second.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)
