"""The tracks that the page makes of videos, and Python's of the same videos with the page's boxes."""

from pathlib import Path

from reon_export.score.job import ScoreOptions, load_track_model
from reon_export.score.tracks.make import make_track_with_boxes
from reon_export.score.tracks.track import Track

TRACK_AND_SCORE = """async ({videos, type}) => {
    const {createEmotionPipeline} = await import('/js/pipeline.js');
    const {analyseClip, openClip} = await import('/js/clip.js');
    const {findLag, scoreTracks} = await import('/js/score.js');
    const pipeline = await createEmotionPipeline({manifestUrl: 'model/manifest.json', precision: 'float32'});
    const tracks = [];
    let isDecoded;
    let shape;
    for (const video of [...videos, videos[0]]) {
        const bytes = Uint8Array.from(atob(video), (character) => character.charCodeAt(0));
        const clip = await openClip(new Blob([bytes], {type}), 'clip');
        tracks.push(await analyseClip(clip, pipeline));
        const middle = await clip.frameAt(clip.durationS / 2);
        shape = [middle.width, middle.height];
        isDecoded = clip.isDecoded;
        clip.destroy();
    }
    pipeline.destroy();
    const [actor, user, again] = tracks;
    const {score, coverage} = scoreTracks(actor, user);
    const isSame = JSON.stringify(actor) === JSON.stringify(again);
    return {actor, user, score, coverage, lag: findLag(actor, user), isSame, isDecoded, shape};
}"""


# The track of one video, its shape in the middle, and whether it was decoded frame by frame.
TRACK = """async ({video}) => {
    const {createEmotionPipeline} = await import('/js/pipeline.js');
    const {analyseClip, openClip} = await import('/js/clip.js');
    globalThis.pipeline ??= await createEmotionPipeline({manifestUrl: 'model/manifest.json', precision: 'float32'});
    const bytes = Uint8Array.from(atob(video), (character) => character.charCodeAt(0));
    const clip = await openClip(new Blob([bytes]), 'clip');
    const track = await analyseClip(clip, globalThis.pipeline);
    const middle = await clip.frameAt(clip.durationS / 4);
    const answer = {track, shape: [middle.width, middle.height], isDecoded: clip.isDecoded};
    clip.destroy();
    return answer;
}"""

# The error that opening a file gives.
OPEN_ERROR = """async ({video, type}) => {
    const {openClip} = await import('/js/clip.js');
    const bytes = Uint8Array.from(atob(video), (character) => character.charCodeAt(0));
    return openClip(new Blob([bytes], {type}), 'clip').then(
        () => ({code: 'none', message: 'it was opened'}), ({code, message}) => ({code, message}));
}"""


def python_track(path: Path, page: Track, model_dir: Path) -> Track:
    """Python's own decoding, crop and classifier on the faces that the page found."""
    boxes = {frame.time_s: frame.box for frame in page.frames}
    return make_track_with_boxes(path, boxes, load_track_model(ScoreOptions(model_dir)))
