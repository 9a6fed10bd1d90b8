"""From two paths to a score: the order of the steps behind `python -m reon_export score`."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from reon_export.errors import SpecError, TrackError
from reon_export.faces.crop import Image
from reon_export.faces.tiny_face import TINY_FACE_NAME
from reon_export.manifest import read_manifest
from reon_export.paths import DEFAULT_MODEL_DIR
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.onnx_runtime import load_classifier
from reon_export.runtimes.predictions import Classify
from reon_export.runtimes.torch_runtime import TorchRuntime
from reon_export.score.choices import AlignMethod, DetectorName, MeasureRule
from reon_export.score.definition import (
    MIN_COVERAGE,
    Alignment,
    Moment,
    check_coverage,
    find_lag,
    find_warp,
    score_tracks,
)
from reon_export.score.figure import Pair, draw_score
from reon_export.score.files import SCORE_FILES, ScoreResult, write_score
from reon_export.score.tracks.make import Timing, TrackModel, make_track
from reon_export.score.tracks.track import Track, is_track_file, read_track
from reon_export.score.tracks.video import DEFAULT_FPS, Video, read_frames_at
from reon_export.spec import SINGLE_LOOK, Measurement, ModelSpec


@dataclass(frozen=True)
class ScoreOptions:
    """What `score_videos` is asked. With `checkpoint`, torch runs it; else ONNX Runtime runs the model folder."""

    model_dir: Path = DEFAULT_MODEL_DIR
    checkpoint: Path | None = None
    align: AlignMethod = "none"
    fps: float = DEFAULT_FPS
    min_coverage: float = MIN_COVERAGE
    out: Path = Path("score")
    measure: MeasureRule | None = None  # None: as the spec says
    detector: DetectorName = "tiny"


@dataclass(frozen=True)
class ScoreRun:
    """A result, the files that were written, and where the time went (both videos together)."""

    result: ScoreResult
    files: list[Path]
    timing: Timing = field(default_factory=Timing)


def score_videos(actor: Path, user: Path, options: ScoreOptions, on_progress: OnProgress = ignore_progress) -> ScoreRun:
    """Score a user's video against an actor's, and write the result's files into `options.out`.

    Each of the two is a video, a folder of images or a track file. Nothing is written unless there is a score.
    Raises TrackError, or what loading the model raises.
    """
    if not 0 < options.fps <= 1000:
        raise TrackError(f"--fps {options.fps:g} cannot be used, expected more than 0 and at most 1000")
    for path in (actor, user):
        if not path.exists():
            raise TrackError(f"{path} does not exist; give a video, a folder of images or a track file (.json)")
    SCORE_FILES.check(options.out)
    timing = Timing()
    # Two track files need no model, and so no model folder.
    model = None if is_track_file(actor) and is_track_file(user) else load_track_model(options)
    actor_track, user_track = _make_tracks((actor, user), model, options, on_progress, timing)
    _check_same_model(actor_track, user_track)
    score = score_tracks(actor_track, user_track)
    check_coverage(score, options.min_coverage)
    alignment = _align(actor_track, user_track, options.align)
    scale = None if model is None else model.spec.scale
    result = ScoreResult(actor_track, user_track, score, options.align, alignment, scale)
    best, worst = (_read_pair((actor, user), moment, options.fps) for moment in (score.best, score.worst))
    files = write_score(result, draw_score(result, best, worst), options.out)
    return ScoreRun(result, files, timing)


def load_track_model(options: ScoreOptions) -> TrackModel:
    """The classifier and the detector that the options name, with what their tracks say of them."""
    classify, spec, facts = _load_model(options)
    if options.detector == "haar":  # the scale was measured behind the page's detector, by the model's own rule
        spec = spec.model_copy(update={"scale": None})
    detector = {"tiny": TINY_FACE_NAME, "haar": "haar"}[options.detector]
    model = TrackModel(classify, spec, {**facts, "detector": detector}, options.detector)
    if options.measure is None or options.measure == model.spec.measurement.rule:
        return model
    rule = SINGLE_LOOK if options.measure == "single" else Measurement()
    return replace(model, spec=model.spec.model_copy(update={"measurement": rule, "scale": None}))


def _load_model(options: ScoreOptions) -> tuple[Classify, ModelSpec, dict[str, str]]:
    if options.checkpoint is None:
        manifest = read_manifest(options.model_dir)
        facts = {"name": manifest.name, "checkpoint_sha256": manifest.source.sha256, "runtime": "onnx float32"}
        return load_classifier(options.model_dir), manifest.spec, facts
    from reon_export.checkpoint.classifier_graph import ClassifierGraph
    from reon_export.checkpoint.load import load_checkpoint
    from reon_export.checkpoint.resolve_spec import SpecOptions, resolve_spec

    checkpoint = load_checkpoint(options.checkpoint)
    spec, assumed = resolve_spec(checkpoint.path, checkpoint.num_classes, SpecOptions())
    if assumed:
        raise SpecError(
            f"{options.checkpoint.name} has no spec beside it: {assumed[0]}; put one at "
            f"{options.checkpoint.with_suffix('.json')}, or build a model folder and pass it with --model"
        )
    if checkpoint.layout_source == "assumed":
        raise SpecError(
            f"{options.checkpoint.name} does not say how it computes ({checkpoint.layout_note}): build a model folder, "
            "which takes these options, and pass it with --model"
        )
    facts = {"name": checkpoint.path.stem, "checkpoint_sha256": checkpoint.sha256, "runtime": "torch float32"}
    return TorchRuntime(ClassifierGraph(checkpoint.model, spec), spec), spec, facts


def _make_tracks(
    paths: tuple[Path, Path],
    model: TrackModel | None,
    options: ScoreOptions,
    on_progress: OnProgress,
    timing: Timing,
) -> tuple[Track, Track]:
    for path in paths:  # what cannot be read is refused before minutes are spent on the other one
        read_track(path) if is_track_file(path) else Video(path, options.fps)
    actor, user = (make_track(path, model, options.fps, on_progress, timing) for path in paths)
    return actor, user


def _check_same_model(actor: Track, user: Track) -> None:
    """Two models differ more than two people do, and two detectors by points. Precisions and runtimes do not count."""
    made_by = [track.model.get("checkpoint_sha256") for track in (actor, user)]
    if None not in made_by and made_by[0] != made_by[1]:
        names = [f"{track.name} by {track.model.get('name', 'an unnamed model')}" for track in (actor, user)]
        raise TrackError(
            f"the tracks were made by different models ({names[0]}, {names[1]}): the score would compare the models; "
            "make both with the same one"
        )
    found_by = [track.model.get("detector") for track in (actor, user)]
    if None not in found_by and found_by[0] != found_by[1]:
        raise TrackError(
            f"the faces were found by different detectors ({actor.name} by {found_by[0]}, {user.name} by "
            f"{found_by[1]}), which alone moves a score by several points; make both tracks with the same --detector"
        )


def _align(actor: Track, user: Track, method: AlignMethod) -> Alignment | None:
    if method == "none":
        return None
    return find_lag(actor, user) if method == "lag" else find_warp(actor, user)


def _read_pair(paths: tuple[Path, Path], moment: Moment | None, fps: float) -> Pair:
    def read(path: Path) -> Image | None:
        if moment is None or is_track_file(path):
            return None
        return read_frames_at(path, (moment.time_s,), fps)[0]

    return read(paths[0]), read(paths[1])
