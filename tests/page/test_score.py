"""A performance and its imitation through the page's detector, crop, classifier and score, against Python's."""

import base64
from pathlib import Path

import pytest

from reon_export.score.definition import find_lag, score_tracks
from reon_export.score.job import ScoreOptions, load_track_model
from reon_export.score.tracks.make import make_track_with_boxes
from reon_export.score.tracks.track import Track, TrackFrame, parse_track
from reon_export.site.server import SiteServer
from tests.support import clips
from tests.support.visits import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

FPS = 15
LAG_S = 0.4
SHOTS = tuple(clips.Shot(photo, 0.6, fade_s=0.2) for photo in (clips.SMILE, clips.SPEECH, clips.SMILE, clips.BIDEN))
SWAPPED = (*SHOTS[:3], clips.Shot(clips.ASTRONAUT, 0.6, fade_s=0.2))

TRACK_AND_SCORE = """async ({folders, fps}) => {
    const {readManifest, findArtefact} = await import('/js/inference/manifest.js');
    const {startClassifier} = await import('/js/inference/start_classifier.js');
    const {createDetector} = await import('/js/inference/detector.js');
    const {cropDetectedFace} = await import('/js/pixels/preprocess.js');
    const {openImage} = await import('/js/pixels/frame.js');
    const {findLag, scoreTracks} = await import('/js/score.js');
    const manifestUrl = new URL('model/manifest.json', document.baseURI).href;
    const manifest = await readManifest(manifestUrl);
    const artefact = findArtefact(manifest, 'float32');
    const {runtime, classifier} = await startClassifier({manifest, artefact, manifestUrl, backend: 'wasm'});
    const detector = await createDetector({runtime});
    const makeTrack = async (images) => {
        const frames = [];
        for (const [i, image] of images.entries()) {
            const bytes = Uint8Array.from(atob(image), (character) => character.charCodeAt(0));
            const frame = await openImage(new Blob([bytes]), 'frame.png');
            const {faces: [box = null]} = await detector.detect(frame);
            const crop = box && cropDetectedFace(frame, box, classifier.spec).rgb;
            const probabilities = crop && Array.from((await classifier.classify(crop)).probabilities);
            frames.push({time_s: i / fps, probabilities, box});
            frame.destroy();
        }
        const labels = classifier.spec.labels.map(({key}) => key);
        return {name: 'page', labels, duration_s: images.length / fps, frames};
    };
    const [actor, user] = [await makeTrack(folders[0]), await makeTrack(folders[1])];
    const {score, coverage} = scoreTracks(actor, user);
    return {actor, user, score, coverage, lag: findLag(actor, user)};
}"""


def python_track(folder: Path, page: Track, model_dir: Path) -> Track:
    """Python's decoding, crop and classifier on the faces that the page found."""
    # `make_track_with_boxes` reads folders of images at 30 frames per second; the page's times are put in their place.
    boxes = {i / 30: frame.box for i, frame in enumerate(page.frames)}
    track = make_track_with_boxes(folder, boxes, load_track_model(ScoreOptions(model_dir, measure="single")))
    pairs = zip(track.frames, page.frames, strict=True)
    frames = tuple(TrackFrame(theirs.time_s, own.probabilities, own.box) for own, theirs in pairs)
    return Track(track.name, track.labels, frames, page.duration_s)


def test_page_and_python_give_the_same_score_and_lag(
    open_page: OpenPage, site: SiteServer, model_dir: Path, tmp_path: Path
) -> None:
    times = clips.even_times(clips.length_of(SHOTS), FPS)
    folders = [
        clips.write_frames(tmp_path / "actor", clips.performance(SHOTS), times),
        clips.write_frames(tmp_path / "user", clips.performance(SWAPPED, LAG_S), times),
    ]
    encoded = [[base64.b64encode(path.read_bytes()).decode() for path in sorted(f.iterdir())] for f in folders]
    visit = open_page(f"{site.url}parity.html")
    answer = visit.page.evaluate(TRACK_AND_SCORE, {"folders": encoded, "fps": FPS})
    pages = [parse_track({"format": "reon-track", "version": 1, **answer[who]}) for who in ("actor", "user")]
    pairs = zip(folders, pages, strict=True)
    actor, user = (python_track(folder, page, model_dir) for folder, page in pairs)
    expected, lag = score_tracks(actor, user), find_lag(actor, user)
    assert expected.total is not None
    assert lag is not None
    assert answer["coverage"] == expected.coverage == 1
    # Lossless frames and the same boxes: what is left is float32 in TF.js, 1.8e-6 a probability (see README).
    assert answer["score"] == pytest.approx(expected.total, abs=0.01)
    assert answer["lag"]["lagS"] == pytest.approx(lag.lag_s)
    assert abs(lag.lag_s - LAG_S) <= 1 / FPS
    assert lag.score > expected.total + 10
    # The comparison can fail: one other frame of 36 moves the score.
    frames = (*user.frames[:-1], TrackFrame(user.frames[-1].time_s, None))
    changed = Track(user.name, user.labels, frames, user.duration_s)
    assert score_tracks(actor, changed).total != pytest.approx(expected.total, abs=0.01)
    visit.expect_clean()
    print(f"page {answer['score']:.6f}, python {expected.total:.6f}, lag {lag.lag_s:.3f} s")
