"""From videos to the noise of the score: tracks of every video and its changes, then every score among them."""

import base64
import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from reon_export.errors import DataError, ReonExportError, SpecError, TrackError
from reon_export.evaluate.batches import BatchOptions, Record, read_records, run_batches
from reon_export.evaluate.datasets import Entry
from reon_export.evaluate.retest.changes import BASE, CHANGES, write_changed
from reon_export.faces.crop import Image
from reon_export.faces.samples import spread_evenly
from reon_export.manifest import read_manifest
from reon_export.paths import DEFAULT_MODEL_DIR
from reon_export.progress import OnProgress, ignore_progress
from reon_export.read_file import read_bytes
from reon_export.runtimes.page_session import open_page_session
from reon_export.score.definition import Score, score_tracks
from reon_export.score.job import ScoreOptions, load_track_model
from reon_export.score.tracks.make import make_track
from reon_export.score.tracks.track import Track, parse_track, track_to_json
from reon_export.score.tracks.video import read_frames_at
from reon_export.spec import ScoreScale, first_problem

Side = Literal["python", "haar", "page"]
SIDES: tuple[Side, ...] = ("python", "haar", "page")
SUFFIXES = frozenset({".mp4", ".mov", ".webm", ".mkv", ".m4v"})
WORK_FOLDER = ".work"
_MOST_CHANGED_PAIRS = 400
_MIN_COVERAGE = 0.3  # as little as that is scored here: what is lost by a change is lost faces, too


@dataclass(frozen=True)
class RetestOptions:
    """What `retest` is asked: the first `seconds` of each video, on these sides.

    page: the pipeline in a browser; python: the same detector and the same rules in Python; haar: Python with the
    detector of the training crops.
    """

    videos: tuple[Path, ...]
    model_dir: Path = DEFAULT_MODEL_DIR
    seconds: float = 4.0
    sides: tuple[Side, ...] = ("python",)
    out: Path = Path("retest")
    batches: BatchOptions = field(default_factory=lambda: BatchOptions(batch_size=1))


@dataclass(frozen=True)
class Moment:
    """Where one performance differs most from itself, `score` being that of the moment."""

    video: Path
    change: str
    time_s: float
    score: float


@dataclass(frozen=True)
class MarginCoverage:
    """How often the true value lies inside a score's margin.

    `same`: the share of performances against themselves, changed, whose margin reaches up to 100. `different`: the
    share of different performances whose clean score lies within the margin of the score with one of them changed.
    `scores` were looked at in all; `median` is the median margin in points.
    """

    same: float
    different: float | None
    scores: int
    median: float


@dataclass(frozen=True)
class Noise:
    """The figures. `same`: by change and video, None where too little of a face is left; `different`: by pair."""

    side: Side
    same: dict[str, dict[str, float | None]]
    different: dict[str, float]
    worst_moment: Moment | None
    failed: tuple[tuple[str, str], ...]
    margin: MarginCoverage | None = None

    def scores(self, change: str | None = None) -> list[float]:
        """Of one change, or of all."""
        rows = self.same.values() if change is None else [self.same[change]]
        return [score for row in rows for score in row.values() if score is not None]

    @property
    def right_order(self) -> float | None:
        """The share of pairs (a performance changed, two different ones) in which the changed one scores higher."""
        pairs = [(s > d) + 0.5 * (s == d) for s in self.scores() for d in self.different.values()]
        return float(np.mean(pairs)) if pairs else None


def find_scale(noise: Noise, measured_on: str) -> ScoreScale:
    """What scores mean, from one side's figures. Raises SpecError if they are too few or contradict each other."""
    # Where nothing was scored the figures contradict each other, and are refused below.
    same, different = noise.scores() or [0.0], list(noise.different.values()) or [100.0]
    try:
        return ScoreScale(
            same_tenth=round(float(np.percentile(same, 10)), 1),
            different_median=round(float(np.median(different)), 1),
            different_ninetieth=round(float(np.percentile(different, 90)), 1),
            videos=len(next(iter(noise.same.values()))),
            measured_on=measured_on,
        )
    except ValidationError as error:
        raise SpecError(f"these videos give no scale: {first_problem(error)}") from error


@dataclass(frozen=True)
class SideDifference:
    """How far the scores of different performances lie apart between two sides, in points, and for which pair most."""

    sides: tuple[Side, Side]
    median: float
    largest: float
    pair: str
    pairs: int


@dataclass(frozen=True)
class Retest:
    """What came out, with the frames of the worst moment (uint8 [H, W, 3] RGB): as it is, and changed."""

    options: RetestOptions
    noises: tuple[Noise, ...]
    worst_frames: tuple[Image | None, Image | None]

    @property
    def side_differences(self) -> tuple[SideDifference, ...]:
        """Between every two sides that were measured."""
        compared = (_compare_sides(*two) for two in itertools.combinations(self.noises, 2))
        return tuple(difference for difference in compared if difference is not None)


def _compare_sides(first: Noise, second: Noise) -> SideDifference | None:
    apart = {
        pair: abs(score - second.different[pair]) for pair, score in first.different.items() if pair in second.different
    }
    if not apart:
        return None
    worst = max(apart, key=lambda pair: apart[pair])
    return SideDifference(
        (first.side, second.side), float(np.median(list(apart.values()))), apart[worst], worst, len(apart)
    )


@dataclass(frozen=True)
class TrackWork:
    """Makes the tracks of a video and of its changes; a record a video, with what failed instead of a track."""

    model_dir: Path
    seconds: float
    side: Side

    @property
    def fingerprint(self) -> str:
        """What decides the tracks."""
        digest = hashlib.sha256(read_bytes(self.model_dir / "manifest.json")).hexdigest()
        return json.dumps(["retest", digest, self.seconds, self.side, [vars(change) for change in CHANGES]])

    @contextmanager
    def open(self) -> Iterator[Callable[[Sequence[Entry]], list[Record]]]:
        """Load the model, or open the page."""
        with tempfile.TemporaryDirectory(prefix="reon-retest-") as folder, self._open_side() as track_of:
            yield lambda entries: [self._process(Path(entry.path), Path(folder), track_of) for entry in entries]

    @contextmanager
    def _open_side(self) -> Iterator[Callable[[Path], dict[str, Any]]]:
        if self.side != "page":
            model = load_track_model(ScoreOptions(self.model_dir, detector="tiny" if self.side == "python" else "haar"))
            yield lambda path: dict(json.loads(track_to_json(make_track(path, model))))
            return
        with open_page_session(self.model_dir) as session:
            yield lambda path: dict(
                session.call("readClip", base64.b64encode(read_bytes(path)).decode("ascii"), path.name)
            )

    def _process(self, video: Path, folder: Path, track_of: Callable[[Path], dict[str, Any]]) -> Record:
        tracks: dict[str, Any] = {}
        failed: dict[str, str] = {}
        base = folder / "base.mp4"
        for change in (BASE, *CHANGES):
            path = base if change is BASE else folder / "changed.mp4"
            try:
                write_changed(video if change is BASE else base, change, path, self.seconds)
                tracks[change.name] = track_of(path)
            except ReonExportError as error:
                failed[change.name] = str(error)
                if change is BASE:
                    break
        return {"path": str(video), "status": "ok", "seconds": {}, "tracks": tracks, "failed": failed}


def find_videos(places: Sequence[Path]) -> tuple[Path, ...]:
    """The videos that are named, and those in the folders that are. Raises DataError if there are none."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)
        elif place.exists():
            found.append(place)
        else:
            raise DataError(f"{place} does not exist; give videos, or folders of videos")
    if not found:
        raise DataError(f"no video in {', '.join(map(str, places))}; expected {', '.join(sorted(SUFFIXES))}")
    names = [path.stem for path in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two videos are called {twice}; give each performance a name of its own")
    return tuple(path.resolve() for path in found)


def retest(options: RetestOptions, on_progress: OnProgress = ignore_progress) -> Retest:
    """Score every video against eight harmless changes of itself and against every other one, on each side.

    An interrupted run goes on where it stopped. Raises DataError, and what loading the model raises.
    """
    read_manifest(options.model_dir)
    noises = []
    folder = options.out.resolve() / WORK_FOLDER
    for side in options.sides:
        work = TrackWork(options.model_dir.resolve(), options.seconds, side)
        entries = [Entry(str(path), None) for path in options.videos]
        run_batches(work, entries, folder / side, options.batches, _named(on_progress, side))
        noises.append(measure_noise(side, list(read_records(folder / side))))
    shutil.rmtree(folder)
    return Retest(options, tuple(noises), _read_worst(noises[0], options))


def _named(on_progress: OnProgress, side: str) -> OnProgress:
    return lambda _, done, total: on_progress(f"videos in {side}", done, total)


def measure_noise(side: Side, records: Sequence[Record]) -> Noise:
    """Every score among the tracks of the records. Raises DataError if no video has a track."""
    tracks = {Path(r["path"]): {name: parse_track(t) for name, t in r["tracks"].items()} for r in records}
    failed = tuple((f"{Path(r['path']).name} {name}", why) for r in records for name, why in r["failed"].items())
    bases = {path: held[BASE.name] for path, held in tracks.items() if BASE.name in held}
    if not bases:
        raise DataError(f"no video could be read: {failed[0][0]}: {failed[0][1]}")
    same: dict[str, dict[str, float | None]] = {change.name: {} for change in CHANGES}
    same_scores: list[Score] = []
    worst: Moment | None = None
    for path, base in bases.items():
        for change in CHANGES:
            changed = tracks[path].get(change.name)
            score = None if changed is None else _score(base, changed)
            same[change.name][path.stem] = None if score is None else score.total
            if score is None or score.worst is None:
                continue
            same_scores.append(score)
            if worst is None or score.worst.score < worst.score:
                worst = Moment(path, change.name, score.worst.time_s, score.worst.score)
    pairs = {(a, b): _score(bases[a], bases[b]) for a, b in itertools.combinations(bases, 2)}
    clean = {pair: score.total for pair, score in pairs.items() if score is not None and score.total is not None}
    different = {f"{a.stem}, {b.stem}": total for (a, b), total in clean.items()}
    return Noise(side, same, different, worst, failed, _cover(same_scores, clean, bases, tracks))


def _cover(
    same: Sequence[Score],
    clean: Mapping[tuple[Path, Path], float],
    bases: Mapping[Path, Track],
    tracks: Mapping[Path, Mapping[str, Track]],
) -> MarginCoverage | None:
    """None if the rule gives no margins. Of the changed different pairs an even choice is looked at."""
    margins = _errors((100.0, score) for score in same)
    if not margins:
        return None
    cases = [(a, b, change.name) for a, b in clean for change in CHANGES if change.name in tracks[a]]
    chosen = [cases[index] for index in spread_evenly(len(cases), _MOST_CHANGED_PAIRS)] if cases else []
    others = _errors((clean[a, b], _score(tracks[a][name], bases[b])) for a, b, name in chosen)
    return MarginCoverage(
        same=_share_inside(margins),
        different=_share_inside(others) if others else None,
        scores=len(margins) + len(others),
        median=float(np.median([margin for _, margin in margins + others])),
    )


def _errors(scores: Iterable[tuple[float, Score | None]]) -> list[tuple[float, float]]:
    """How far each total is from its true value, and its margin; without those that have neither."""
    return [
        (abs(score.total - true), score.margin)
        for true, score in scores
        if score is not None and score.total is not None and score.margin is not None
    ]


def _share_inside(errors: Sequence[tuple[float, float]]) -> float:
    return float(np.mean([error <= margin for error, margin in errors]))


def _score(first: Track, second: Track) -> Score | None:
    """None where both have a face in too little of the time."""
    score = score_tracks(first, second)
    return None if score.total is None or score.coverage < _MIN_COVERAGE else score


def _read_worst(noise: Noise, options: RetestOptions) -> tuple[Image | None, Image | None]:
    if noise.worst_moment is None:
        return None, None
    change = next(change for change in CHANGES if change.name == noise.worst_moment.change)
    with tempfile.TemporaryDirectory(prefix="reon-retest-") as folder:
        base, changed = Path(folder) / "base.mp4", Path(folder) / "changed.mp4"
        try:
            write_changed(noise.worst_moment.video, BASE, base, options.seconds)
            write_changed(base, change, changed, options.seconds)
        except TrackError:
            return None, None
        first, second = (read_frames_at(path, (noise.worst_moment.time_s,))[0] for path in (base, changed))
    return first, second
