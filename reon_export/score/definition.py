"""The score: how closely one person's emotions over time follow another's. `web_demo/js/score.js` mirrors this file.

Definition
----------
Two tracks give, for some moments, probabilities p (actor) and q (user) over the same K classes.

1. **Sampling.** Time is cut into cells of 1/30 s, looked at in their middles: t_j = (j + 0.5) / 30, for every t_j
   before the end of the longer track. The value of a track at t is that of its latest frame at or before t (a frame
   counts from 1 ms before its time, because containers round to milliseconds). There is none if that frame has no face,
   if it is more than 0.5 s old, or if the track has ended: time without a face never counts as agreement, nor as
   disagreement. If the tracks were measured steadily (`tracks/measure.py`), the value is instead the mean of what the
   track has around t, each frame for as long as it counts, weighted with a Hann window of half width
   `measurement.window_s`: neighbouring frames of one face score only 91 against each other.
2. **Score of a cell** in which both have a face: s = 100 * (1 - 1/2 * sum_k |p_k - q_k|), that is 100 times one minus
   the total variation distance of the two distributions.
3. **Total**: the mean of s over those cells. **Coverage**: their share of all cells. **Points lost** to class k:
   50 * mean |p_k - q_k|; over all classes they add up to 100 - total.
4. **Margin**, of tracks that were measured steadily: (MARGIN_FAR + MARGIN_NEAR * (total / 100)^2) * 100 * (the spread
   of p + the spread of q), the mean over those cells. The spread of a track is how far, in total variation, the three
   pairs of looks, each averaged alone, lie from all together, on average. The second term, because noise makes equal
   performances differ in every cell, whereas between different ones it adds here and takes away there.

Properties (each is tested on drawn tracks in tests/score/test_score.py)
------------------------------------------------------------------
- 0 <= s <= 100, and so is the total: two distributions differ by 2 at most in the sum.
- It is symmetric: exchanging actor and user changes nothing.
- It is 100 exactly when the two have the same probabilities in every cell in which both have a face.
- Naming or ordering the classes otherwise, in both tracks, changes nothing.

The total is always that of the tracks as they lie in time, as the service scores them. An alignment is reported apart:
`find_lag` (one constant lag) and `find_warp` (dynamic time warping) say how much of the loss is bad timing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reon_export.errors import TrackError
from reon_export.score.tracks.measure import LOOK_PAIRS, hann_weights, look_pair_of
from reon_export.score.tracks.track import Track

RATE_HZ = 30
MAX_HOLD_S = 0.5  # policy: an expression that was last seen half a second ago is not known
MIN_COVERAGE = 0.5  # policy: a total over less than half of the time says little about the whole
MAX_LAG_S = 2.0  # policy: a user who is later than that imitates something else
# Of 8 videos against their eight changes (true value: 100), 97 % lie within it; of different performances, one of them
# changed, 96 % (the unchanged score being the true one). With both fitted on seven videos: 97 and 94 % of the eighth.
MARGIN_FAR, MARGIN_NEAR = 0.25, 0.35
_TIME_TOLERANCE_S = 0.001
_MIN_OVERLAP = 0.5  # of the shorter track's faces: a lag that hides most of a track is no explanation of it

Cells = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """A cell: the time of its middle in seconds, and its score."""

    time_s: float
    score: float


@dataclass(frozen=True)
class Score:
    """What two tracks give. `actor` and `user` are float64 [cells, classes] with NaN where there is no face.

    `scores` is float64 [cells], NaN where one of them has no face. `total`, `best` and `worst` are None when that is
    everywhere. `margin` is half of the interval that holds the true total in about 95 % of cases, in points; None for
    tracks that were measured by a single look.
    """

    labels: tuple[str, ...]
    times_s: Cells
    actor: Cells
    user: Cells
    scores: Cells
    total: float | None
    coverage: float
    points_lost: dict[str, float]
    best: Moment | None
    worst: Moment | None
    margin: float | None = None


@dataclass(frozen=True)
class Alignment:
    """How the user's track lies against the actor's: `lag_s` > 0 means that the user is late.

    `score` is the total after alignment. `cost` is that of the warping path, 0..1, and None for a constant lag.
    """

    lag_s: float
    score: float
    cost: float | None = None


def score_tracks(actor: Track, user: Track) -> Score:
    """Score two tracks by the definition above. Raises TrackError if their labels differ."""
    p, q = sample_pair(actor, user)
    with np.errstate(invalid="ignore"):
        differences = np.abs(p - q)
    scores = 100 * (1 - 0.5 * differences.sum(axis=1))
    both = np.isfinite(scores)
    times_s = (np.arange(len(p)) + 0.5) / RATE_HZ
    if not both.any():
        return Score(actor.labels, times_s, p, q, scores, None, 0.0, {}, None, None)
    lost = 50 * differences[both].mean(axis=0)
    total = float(scores[both].mean())
    best, worst = int(np.nanargmax(scores)), int(np.nanargmin(scores))
    return Score(
        labels=actor.labels,
        times_s=times_s,
        actor=p,
        user=q,
        scores=scores,
        total=total,
        coverage=float(both.mean()),
        points_lost={label: float(points) for label, points in zip(actor.labels, lost, strict=True)},
        best=Moment(float(times_s[best]), float(scores[best])),
        worst=Moment(float(times_s[worst]), float(scores[worst])),
        margin=_find_margin(actor, user, (p, q), both, total),
    )


def find_lag(actor: Track, user: Track, max_lag_s: float = MAX_LAG_S) -> Alignment | None:
    """The constant lag that gives the highest total: the actor at t against the user at t + lag.

    Lags are whole cells, at most `max_lag_s` either way. Only those count under which both have a face for at least
    half of the shorter track's time with a face. Of equal totals the smallest |lag| wins, and of +lag and -lag the
    positive one. None if no lag counts.
    """
    p, q = sample_pair(actor, user)
    wanted = _MIN_OVERLAP * min(np.isfinite(p[:, 0]).sum(), np.isfinite(q[:, 0]).sum())
    most = round(max_lag_s * RATE_HZ)
    best: Alignment | None = None
    for lag in sorted(range(-most, most + 1), key=lambda cells: (abs(cells), -cells)):
        early, late = (p, q) if lag >= 0 else (q, p)
        shift = abs(lag)
        length = len(p) - shift
        if length < 1:
            continue
        distances = 0.5 * np.abs(early[:length] - late[shift:]).sum(axis=1)
        both = np.isfinite(distances)
        if not both.any() or both.sum() < wanted:
            continue
        total = float(100 * (1 - distances[both].mean()))
        # Totals that differ by rounding alone are equal.
        if best is None or total > best.score + 1e-9:
            best = Alignment(lag / RATE_HZ, total)
    return best


def find_warp(actor: Track, user: Track, max_lag_s: float = MAX_LAG_S) -> Alignment | None:
    """Dynamic time warping of the cells with a face, inside a band of `max_lag_s` either way (Sakoe and Chiba, 1978).

    The distance is 1/2 * sum |p - q|; the steps are symmetric (a diagonal one counts twice), and the path's cost is
    divided by the two lengths together, so that it does not depend on which path of equal cost is taken, and is the
    same with actor and user exchanged. `score` is 100 * (1 - cost); `lag_s` is the median of the user's time minus the
    actor's along the path. None if there is no path inside the band.
    """
    p, q = sample_pair(actor, user)
    rows, columns = np.flatnonzero(np.isfinite(p[:, 0])), np.flatnonzero(np.isfinite(q[:, 0]))
    if not len(rows) or not len(columns):
        return None
    cost, step = _accumulate(p[rows], q[columns], rows, columns, round(max_lag_s * RATE_HZ))
    if not np.isfinite(cost):
        return None
    path = _trace(step)
    lags = [int(columns[column]) - int(rows[row]) for row, column in path]
    mean_cost = float(cost) / (len(rows) + len(columns))
    return Alignment(float(np.median(lags)) / RATE_HZ, 100 * (1 - mean_cost), mean_cost)


def check_coverage(score: Score, wanted: float = MIN_COVERAGE) -> None:
    """Raise TrackError with advice if the two have a face at once in too little of the time."""
    if score.total is not None and score.coverage >= wanted:
        return
    actor, user = (float(np.isfinite(side[:, 0]).mean()) for side in (score.actor, score.user))
    raise TrackError(
        f"both have a face in {score.coverage:.0%} of the time, expected at least {wanted:.0%} "
        f"(actor {actor:.0%}, user {user:.0%}): film the face from the front, larger and better lit, and let both "
        "videos be about as long; or lower --min-coverage"
    )


def sample_pair(actor: Track, user: Track) -> tuple[Cells, Cells]:
    """Both tracks on the common cells, the user's classes in the actor's order. Raises TrackError if labels differ."""
    if set(actor.labels) != set(user.labels):
        raise TrackError(
            f"the tracks name different classes: {actor.name or 'actor'} has {', '.join(actor.labels)}; "
            f"{user.name or 'user'} has {', '.join(user.labels)}; make both with the same model"
        )
    if actor.measurement != user.measurement:
        rules = [f"{track.name or who} by {_describe_rule(track)}" for track, who in ((actor, "actor"), (user, "user"))]
        raise TrackError(
            f"the tracks were measured by different rules ({', '.join(rules)}): the score would compare the rules; "
            "make both again from their videos, with the same --measure"
        )
    end_s = max(actor.duration_s, user.duration_s)
    order = [user.labels.index(label) for label in actor.labels]
    return sample_track(actor, end_s), sample_track(user, end_s)[:, order]


def _describe_rule(track: Track) -> str:
    rule = track.measurement
    return rule.rule if rule.rule == "single" else f"{rule.rule} ({rule.box_window_s:g} s, {rule.window_s:g} s)"


def sample_track(track: Track, end_s: float, look_pair: int | None = None) -> Cells:
    """Float64 [cells, classes] up to `end_s`: the track in the middle of each cell, NaN without a face.

    With `look_pair`, of the frames with that pair of looks alone.
    """
    count = max(0, int(np.ceil(end_s * RATE_HZ - 0.5)))
    times = (np.arange(count) + 0.5) / RATE_HZ
    starts = np.array([frame.time_s for frame in track.frames])
    nothing = (np.nan,) * len(track.labels)
    values = np.array([frame.probabilities or nothing for frame in track.frames], np.float64)
    latest = np.searchsorted(starts, times + _TIME_TOLERANCE_S, side="right") - 1
    cells: Cells = values[np.maximum(latest, 0)]
    known = (latest >= 0) & (times - starts[np.maximum(latest, 0)] <= MAX_HOLD_S) & (times < track.duration_s)
    cells[~known] = np.nan
    window_s = track.measurement.window_s
    if window_s == 0:
        return cells
    ends = np.maximum(
        starts, np.minimum(np.minimum(np.append(starts[1:], np.inf), starts + MAX_HOLD_S), track.duration_s)
    )
    has_face = np.isfinite(values[:, 0])
    if look_pair is not None:
        has_face &= np.array([look_pair_of(frame.time_s) == look_pair for frame in track.frames])
    values[~has_face] = 0
    first, last = np.searchsorted(ends, times - window_s, side="right"), np.searchsorted(starts, times + window_s)
    for j in np.flatnonzero(np.isfinite(cells[:, 0])):
        part = slice(first[j], last[j])
        weights = hann_weights(starts[part], ends[part], times[j], window_s) * has_face[part]
        total = weights.sum()
        cells[j] = weights @ values[part] / total if total > 0 else np.nan
    return cells


def _find_margin(
    actor: Track, user: Track, pair: tuple[Cells, Cells], both: npt.NDArray[np.bool_], total: float
) -> float | None:
    if actor.measurement.rule == "single":
        return None
    end_s = max(actor.duration_s, user.duration_s)
    order = [actor.labels.index(label) for label in user.labels]
    spreads = [_spread(actor, pair[0], end_s)[both], _spread(user, pair[1][:, order], end_s)[both]]
    factor = MARGIN_FAR + MARGIN_NEAR * (total / 100) ** 2
    return float(factor * 100 * sum(float(spread.mean()) for spread in spreads))


def _spread(track: Track, cells: Cells, end_s: float) -> Cells:
    """Float64 [cells]: the mean total variation between each pair of looks that was taken near, and all together."""
    parts = np.stack([sample_track(track, end_s, pair) for pair in range(LOOK_PAIRS)])
    distances = 0.5 * np.abs(parts - cells).sum(axis=2)
    taken = np.isfinite(distances)
    total = np.where(taken, distances, 0).sum(axis=0)
    spread: Cells = total / np.maximum(taken.sum(axis=0), 1)
    return spread


_DIAGONAL, _DOWN, _RIGHT = 0, 1, 2


def _accumulate(
    p: Cells, q: Cells, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], band: int
) -> tuple[float, npt.NDArray[np.int8]]:
    """The cost of the cheapest path, and for each pair the step that leads to it."""
    step = np.full((len(p), len(q)), -1, np.int8)
    before = np.full(len(q), np.inf)
    for i in range(len(p)):
        now = np.full(len(q), np.inf)
        distances = 0.5 * np.abs(q - p[i]).sum(axis=1)
        for j in map(int, np.flatnonzero(np.abs(columns - rows[i]) <= band)):
            d = distances[j]
            if i == 0 and j == 0:
                now[0] = 2 * d
                step[0, 0] = _DIAGONAL
                continue
            diagonal = before[j - 1] + 2 * d if i and j else np.inf
            options = (diagonal, before[j] + d if i else np.inf, now[j - 1] + d if j else np.inf)
            choice = int(np.argmin(options))
            if np.isfinite(options[choice]):
                now[j], step[i, j] = options[choice], choice
        before = now
    return float(before[-1]), step


def _trace(step: npt.NDArray[np.int8]) -> list[tuple[int, int]]:
    i, j = step.shape[0] - 1, step.shape[1] - 1
    path = [(i, j)]
    while i or j:
        move = step[i, j]
        i -= move in (_DIAGONAL, _DOWN)
        j -= move in (_DIAGONAL, _RIGHT)
        path.append((i, j))
    return path[::-1]
