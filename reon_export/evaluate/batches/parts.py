"""The folder of a batch job: what is to do, and what is done.

    job.json        the fingerprint of the work, and how many entries and how large a batch
    entries.jsonl   one line an entry, written once: a job that goes on after a stop sees the same list, in order
    parts/N.jsonl   the records of batch N, moved into place whole; a part that is there is done

A batch's records are counted because its part is there, and a part is there once: nothing is lost or counted twice,
however often a batch was begun.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reon_export.atomic import replace_file
from reon_export.errors import DataError
from reon_export.evaluate.batches.work import Record
from reon_export.evaluate.datasets import Entry
from reon_export.faces.crop import Box

_JOB, _ENTRIES, _PARTS = "job.json", "entries.jsonl", "parts"
FORMAT, VERSION = "reon-batches", 1


@dataclass(frozen=True)
class Batch:
    """A batch: its number, and where its lines lie in entries.jsonl."""

    number: int
    offset: int
    size: int


@dataclass(frozen=True)
class JobFolder:
    """A job that has been begun."""

    folder: Path
    entries: int
    batch_size: int

    @property
    def batches(self) -> int:
        """How many there are in all."""
        return -(-self.entries // self.batch_size)

    def pending(self) -> Iterator[Batch]:
        """The batches without a part, in order."""
        with (self.folder / _ENTRIES).open("rb") as lines:
            for number in range(self.batches):
                offset = lines.tell()
                for _ in range(min(self.batch_size, self.entries - number * self.batch_size)):
                    lines.readline()
                if not self.part(number).is_file():
                    yield Batch(number, offset, lines.tell() - offset)

    def part(self, number: int) -> Path:
        """Where the records of a batch lie."""
        return self.folder / _PARTS / f"{number:06d}.jsonl"

    def read_entries(self, batch: Batch) -> list[Entry]:
        """The entries of one batch."""
        with (self.folder / _ENTRIES).open("rb") as lines:
            lines.seek(batch.offset)
            return [_parse_entry(line) for line in lines.read(batch.size).splitlines()]

    def write_part(self, number: int, records: list[Record]) -> None:
        """The records of one batch are there, or they are not."""
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        replace_file(self.part(number), text.encode("utf-8", "surrogateescape"))

    @property
    def done(self) -> int:
        """How many batches have their part."""
        return sum(1 for path in (self.folder / _PARTS).iterdir() if path.suffix == ".jsonl")


def begin_job(folder: Path, fingerprint: str, entries: Iterable[Entry], batch_size: int) -> JobFolder:
    """Begin a job, or go on with the one that lies there.

    Raises DataError if another work began the one that lies there, if the folder is somebody else's or cannot be made,
    or if there are no entries.
    """
    job = folder / _JOB
    digest = hashlib.sha256(f"{fingerprint}|{batch_size}".encode()).hexdigest()
    if job.is_file():
        return _continue(folder, digest)
    if folder.is_dir() and not (folder / _ENTRIES).is_file() and _holds_other_things(folder):
        raise DataError(f"{folder} is not empty and holds no job to go on with; choose another folder with --out")
    try:
        (folder / _PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder}: {error.strerror}; choose another with --out") from error
    count = _write_entries(folder / _ENTRIES, entries)
    if not count:
        raise DataError("the data holds no image; expected at least one")
    content = {"format": FORMAT, "version": VERSION, "fingerprint": digest, "entries": count, "batch_size": batch_size}
    replace_file(job, (json.dumps(content) + "\n").encode())
    return JobFolder(folder, count, batch_size)


def read_records(folder: Path) -> Iterator[Record]:
    """Every record of a finished job, in the order of the entries. Raises DataError if a part is missing."""
    job = _read_job(folder)
    for number in range(job.batches):
        path = job.part(number)
        if not path.is_file():
            raise DataError(f"the job in {folder} is not finished: batch {number} has no part; run the command again")
        with path.open(encoding="utf-8", errors="surrogateescape") as lines:
            yield from (json.loads(line) for line in lines)


def _write_entries(path: Path, entries: Iterable[Entry]) -> int:
    count = 0
    unfinished = _unfinished(path)
    with unfinished.open("w", encoding="utf-8", errors="surrogateescape") as stream:
        for entry in entries:
            stream.write(json.dumps([entry.path, entry.label, entry.box], ensure_ascii=False) + "\n")
            count += 1
    unfinished.replace(path)
    return count


def _holds_other_things(folder: Path) -> bool:
    """Whether anything lies there that is not the beginning of a job whose listing failed or was stopped."""
    own = {folder / _PARTS, _unfinished(folder / _ENTRIES)}
    parts = folder / _PARTS
    return any(path not in own for path in folder.iterdir()) or (parts.is_dir() and any(parts.iterdir()))


def _unfinished(path: Path) -> Path:
    return path.with_suffix(".part")


def _parse_entry(line: bytes) -> Entry:
    path, label, box = json.loads(line.decode("utf-8", "surrogateescape"))
    return Entry(path, label, None if box is None else Box(*box))


def _continue(folder: Path, digest: str) -> JobFolder:
    if json.loads((folder / _JOB).read_bytes())["fingerprint"] != digest:
        raise DataError(
            f"{folder} holds the unfinished job of another command (other data, model, crop rule or batch size); "
            "finish that one, delete the folder, or choose another with --out"
        )
    return _read_job(folder)


def _read_job(folder: Path) -> JobFolder:
    content = json.loads((folder / _JOB).read_bytes())
    return JobFolder(folder, content["entries"], content["batch_size"])
