"""A folder of labelled images: on this machine, in an archive, or in object storage (anything that fsspec reaches).

Layout. A class folder is one whose name is a label's key, Korean or English name (`joy`, `기쁨`, `Joy`), or holds one
as a part between signs, as AI-Hub's do (`[원천]EMOIMG_기쁨_TRAIN_01`). Case and Unicode normalisation do not matter:
macOS writes Korean names decomposed. Class folders may lie at any depth (`Training/...`), images anywhere below them.
Hidden and system folders (`@eaDir`, `__MACOSX` and so on) are left out everywhere. JSON files beside or below class
folders are annotations with face boxes and labels (see `annotations`), joined to images by file name, per class. A
folder that holds images and names no class is an error, and so is a class folder without an image.

Labels. An image's label is its folder's: what its uploader was asked to show. The annotations have the labels of up to
three annotators as well; `labels_from="annotators"` takes the one on which more than half of them agree, and gives an
image without such a majority no label.

Entries come class folder by class folder, in the order of their names. What is held at a time is the listing of one
folder and the boxes of one class, never the whole set.
"""

import errno
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from reon_export.errors import DataError
from reon_export.evaluate.choices import LabelSource
from reon_export.evaluate.datasets.annotations import AnnotationIndex, read_annotations
from reon_export.evaluate.datasets.zip_names import decode_zip_names
from reon_export.faces.crop import Box
from reon_export.faces.image_files import is_image_name, is_system_name
from reon_export.limits import RAISE_BYTES, max_bytes
from reon_export.read_file import read_bytes
from reon_export.spec import Label

_MAX_DEPTH = 12
_LEAST_JOINED = 0.1  # of a class's images; of the real set, a few in a thousand have no record
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_SIGNS = re.compile(r"[^\w]|[_\d]")


@dataclass(frozen=True)
class Entry:
    """One image: its path below the root (with /), its label's key, and its annotated face box in pixels, if any.

    The label is None where the annotators' majority was asked for and there is none.
    """

    path: str
    label: str | None
    box: Box | None = None


@dataclass(frozen=True)
class ClassFolder:
    """A folder, below the root, whose images have one label."""

    path: str
    label: str


@dataclass(frozen=True)
class Dataset:
    """A data set that `open_dataset` has looked through. Cheap to pickle: a worker opens its own connection."""

    root: str
    folders: tuple[ClassFolder, ...]
    annotations: tuple[tuple[str, str | None], ...] = field(default=())  # path, and the label it is for (None: any)
    names: tuple[tuple[str, str], ...] = field(default=())  # what annotators call a label, and its key

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, in the order of their folders."""
        return tuple(dict.fromkeys(folder.label for folder in self.folders))

    def entries(self, *, with_boxes: bool = False, labels_from: LabelSource = "folder") -> Iterator[Entry]:
        """Every image, in a fixed order; annotations are read only if boxes or the annotators' labels are asked for.

        Raises:
            DataError: A folder or an annotation file cannot be read, or what was asked for joins hardly any image.
        """
        annotated = with_boxes or labels_from == "annotators"
        if annotated and not self.annotations:
            raise DataError(f"{self.root} holds no annotation file (.json), expected AI-Hub's beside the class folders")
        ordered = sorted(self.folders, key=lambda folder: (folder.label, folder.path))
        for label, folders in groupby(ordered, key=lambda folder: folder.label):
            paths = (path for folder in folders for path in self._tree.images(folder.path))
            if annotated:
                yield from self._annotated(label, paths, labels_from)
            else:
                yield from (Entry(path, label) for path in paths)

    def read(self, path: str) -> bytes:
        """The bytes of one image. Raises OSError."""
        return self._tree.read(path)

    @cached_property
    def _tree(self) -> "_Tree":
        return _Tree(self.root)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_tree"}

    def _annotated(self, label: str, paths: Iterable[str], labels_from: LabelSource) -> Iterator[Entry]:
        index, names = self._read_annotations(label), dict(self.names)
        count = joined = 0
        for path in paths:
            annotation = index.find(PurePosixPath(path).name)
            count, joined, last = count + 1, joined + (annotation is not None), path
            majority = annotation.majority if annotation else None
            given = label if labels_from == "folder" else names.get(_normalise(majority or ""))
            yield Entry(path, given, annotation.box if annotation else None)
        if joined < _LEAST_JOINED * count:
            listed = f"such as {index.example!r}" if index.example else "of which there are none"
            raise DataError(
                f"{joined} of {count} images of {label} in {self.root} are in its annotations: the image "
                f"{PurePosixPath(last).name!r} does not join the names there, {listed}; put the annotation file that "
                "lists these images beside them, or use --crop haar and the folders' labels"
            )

    def _read_annotations(self, label: str) -> AnnotationIndex:
        index = AnnotationIndex()
        for path, belongs_to in self.annotations:
            if belongs_to in (None, label):
                for annotation in read_annotations(self._tree.read_annotation_file(path), path):
                    index.add(annotation)
        return index


def open_dataset(root: str, labels: Iterable[Label]) -> Dataset:
    """Look through the folders of a data set: a path, or an address that fsspec knows (`s3://…`, `zip://::a.zip`).

    Raises DataError if there is nothing, if a folder cannot be read, names no class, or is a class without an image.
    """
    tree = _Tree(root)
    names = _name_table(labels)
    folders: list[ClassFolder] = []
    annotations: list[tuple[str, str | None]] = []
    archives: list[str] = []
    empty: dict[str, str] = {}
    for path, label in _walk(tree, names, "", _MAX_DEPTH):
        has_image, own_annotations, own_archives = tree.look_into(path, deep=label is not None)
        archives += own_archives
        annotations += [(name, label or _match(PurePosixPath(name).stem, names)) for name in own_annotations]
        if label is not None and has_image:
            folders.append(ClassFolder(path, label))
        elif label is not None and not own_annotations:
            empty[label] = path
        elif label is None and has_image and path:
            raise DataError(
                f"the folder '{path}' of {root} names no class of the model, which knows "
                f"{', '.join(dict.fromkeys(names.values()))}; rename it, or take it out of the data"
            )
    if not folders and archives:
        raise DataError(
            f"{root} holds archives and no class folders: unpack them there, or give what is in one, as "
            f"{_address_in(f'{root}/{archives[0]}')}"
        )
    missing = [path for label, path in empty.items() if label not in {folder.label for folder in folders}]
    if missing:
        raise DataError(f"the class folder '{missing[0]}' of {root} holds no image; fill it, or take it away")
    if not folders:
        raise DataError(
            f"{root} has no class folders with images; expected one folder a class, named like "
            f"{', '.join(dict.fromkeys(names.values()))}"
        )
    # Absolute: workers of Ray start in a folder of their own.
    absolute = root if "://" in root or "::" in root else str(Path(root).resolve())
    return Dataset(absolute, tuple(folders), tuple(annotations), tuple(names.items()))


def _address_in(archive: str) -> str:
    """The address of what is in an archive, to be pasted."""
    return f"'{'zip' if archive.lower().endswith('.zip') else 'tar'}://::{archive}'"


def _walk(tree: "_Tree", names: dict[str, str], path: str, depth: int) -> Iterator[tuple[str, str | None]]:
    """Folders and the label that each names, if any; what lies inside a class folder belongs to it."""
    label = _match(PurePosixPath(path).name, names) if path else None
    yield path, label
    if label is None and depth:
        for folder in tree.listing(path)[0]:
            yield from _walk(tree, names, folder, depth - 1)


def _normalise(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _name_table(labels: Iterable[Label]) -> dict[str, str]:
    return {_normalise(name): label.key for label in labels for name in (label.key, label.ko, label.en) if name}


def _match(folder: str, names: dict[str, str]) -> str | None:
    name = _normalise(folder)
    if name in names:
        return names[name]
    found = {names[part] for part in _SIGNS.split(name) if part in names}
    return found.pop() if len(found) == 1 else None


class _Tree:
    """Listing and reading below one root, through fsspec. Paths in and out are relative to the root, with /."""

    def __init__(self, root: str) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        try:
            self._files, base = fsspec.core.url_to_fs(root)
            decode_zip_names(self._files)
            self._root, self._base = root, base.rstrip("/")
            is_file = "::" not in root and self._files.isfile(self._base)
            is_folder = self._files.isdir(self._base or "/") or self._files.isdir(self._base)
        except Exception as error:  # file systems and archives are of many libraries
            reason = f"{error}" or type(error).__name__
            raise DataError(
                f"{root} cannot be opened: {reason}; give a folder or an address that fsspec knows"
            ) from error
        self._is_local = isinstance(self._files, LocalFileSystem)
        if is_file and root.lower().endswith(_ARCHIVES):
            raise DataError(f"{root} is an archive; give what is in it, as {_address_in(root)}, or unpack it")
        if not is_folder:
            raise DataError(f"there is no folder {root}; give a folder with one folder of images a class")

    def look_into(self, path: str, *, deep: bool) -> tuple[bool, list[str], list[str]]:
        """Whether an image lies in the folder (or, `deep`, anywhere below it), its annotation files and archives."""
        _, files = self.listing(path)
        annotations = [name for name in files if name.lower().endswith(".json")]
        archives = [name for name in files if name.lower().endswith(_ARCHIVES)]
        has_image = any(_is_image(name) for name in files)
        if deep and not has_image:
            has_image = next(self.images(path), None) is not None
        return has_image, annotations, archives

    def images(self, path: str) -> Iterator[str]:
        """Every image below a folder, in order."""
        folders, files = self.listing(path)
        yield from (name for name in files if _is_image(name))
        for folder in folders:
            yield from self.images(folder)

    def read(self, path: str) -> bytes:
        """Raises OSError, and whatever else the file system or the archive finds wrong."""
        place = self._join(path)
        if self._is_local:
            return read_bytes(Path(place))
        size = self._files.info(place).get("size") or 0
        if size > max_bytes():
            raise OSError(errno.EFBIG, f"it unpacks to {size:,} bytes, at most {max_bytes():,} are read; {RAISE_BYTES}")
        return bytes(self._files.cat_file(place))

    def read_annotation_file(self, path: str) -> bytes:
        """Like `read`. Raises DataError."""
        try:
            return self.read(path)
        except Exception as error:  # as above
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"the annotation file {path} of {self._root} cannot be read: {reason}") from error

    def listing(self, path: str) -> tuple[list[str], list[str]]:
        """The folders and the files in a folder, in order; hidden ones are left out. Raises DataError."""
        try:
            found = self._files.ls(self._join(path), detail=True)
        except Exception as error:  # as above
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"the folder '{path or '.'}' of {self._root} cannot be read: {reason}") from error
        folders: list[str] = []
        files: list[str] = []
        for item in sorted(found, key=lambda item: str(item["name"])):
            name = str(item["name"]).rstrip("/").rpartition("/")[2]
            if not is_system_name(name):
                is_folder = item["type"] == "directory" or (item["type"] == "link" and self._files.isdir(item["name"]))
                (folders if is_folder else files).append(f"{path}/{name}" if path else name)
        return folders, files

    def _join(self, path: str) -> str:
        return "/".join(part for part in (self._base, path) if part) or ""


def _is_image(path: str) -> bool:
    return is_image_name(PurePosixPath(path).name)
