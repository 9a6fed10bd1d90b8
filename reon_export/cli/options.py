"""How the text of an option becomes a value, and what exit codes mean."""

from typing import TypeVar

from reon_export.checkpoint.resolve_spec import Triple
from reon_export.errors import SpecError
from reon_export.runtimes.runtime_id import RUNTIMES, RuntimeId

NOT_GOOD_ENOUGH, NOT_DONE = 1, 2
Choice = TypeVar("Choice", bound=str)


def split(text: str) -> tuple[str, ...]:
    """The items of a text with commas between them."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def parse_choice(text: str, option: str, known: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Those of `known` that `text` names, in the order of `known`. Raises SpecError."""
    wanted = split(text)
    unknown = [item for item in wanted if item not in known]
    if unknown or not wanted:
        raise SpecError(f"{option} got {', '.join(unknown) or 'nothing'}, expected one or more of {','.join(known)}")
    return tuple(item for item in known if item in wanted)


def parse_runtimes(text: str, known: tuple[RuntimeId, ...] = RUNTIMES) -> tuple[RuntimeId, ...]:
    """The runtimes that `text` names. Raises SpecError."""
    chosen = parse_choice(text, "--runtimes", tuple(map(str, known)))
    return tuple(runtime for runtime in known if str(runtime) in chosen)


def parse_triple(text: str | None, option: str) -> Triple | None:
    """Three numbers for R, G, B. Raises SpecError."""
    if text is None:
        return None
    try:
        red, green, blue = (float(item) for item in text.split(","))
    except ValueError as error:
        raise SpecError(f"{option} got '{text}', expected three numbers for R,G,B like 0.485,0.456,0.406") from error
    return red, green, blue
