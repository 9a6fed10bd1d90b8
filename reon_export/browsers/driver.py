"""What the engines have in common: an open page, and how a function and its answer travel to it and back as JSON."""

import json
from typing import Any, Protocol

from reon_export.browsers.version import BrowserVersion
from reon_export.errors import BrowserError

START_TIMEOUT_S = 60
NAVIGATION_TIMEOUT_S = 60
EVALUATE_TIMEOUT_S = 600
# A page whose thread is stuck cannot keep EVALUATE_TIMEOUT_S itself; the connection gives up a little later.
ANSWER_TIMEOUT_S = EVALUATE_TIMEOUT_S + 30

# Errors are caught inside the page: engines word, wrap and truncate uncaught ones differently.
_WRAPPER = """async (text) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer within %(seconds)d s')), %(seconds)d * 1000);
  });
  try {
    return JSON.stringify({value: await Promise.race([(%(function)s)(JSON.parse(text)), late])});
  } catch (error) {
    return JSON.stringify({error: String(error?.message ?? error)});
  } finally {
    clearTimeout(timer);
  }
}"""


class PageDriver(Protocol):
    """An open page in some browser."""

    version: BrowserVersion

    def evaluate(self, function: str, argument: object = None) -> Any:
        """Await the JavaScript function expression `function`, called with `argument`; both ways by JSON.

        So NaN and infinities come back as None, and `undefined` does too.

        Raises ScriptError with the page's own words when the function throws, rejects or does not answer within
        EVALUATE_TIMEOUT_S; BrowserError when the browser cannot run it at all.
        """
        ...


class ScriptError(BrowserError):
    """What a function in the page threw, in its own words."""


def wrap_function(function: str) -> str:
    """A function expression of one text that never throws: takes JSON, answers with JSON for `read_answer`."""
    return _WRAPPER % {"function": function, "seconds": EVALUATE_TIMEOUT_S}


def read_answer(text: object) -> Any:
    """What a wrapped function returned. Raises ScriptError if it threw, BrowserError if that is no answer of one."""
    if not isinstance(text, str):
        raise BrowserError(f"the browser answered {str(text)[:100]!r} where text was expected; run it again")
    answer = json.loads(text)
    if "error" in answer:
        raise ScriptError(one_line(answer["error"]))
    return answer.get("value")


def one_line(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split()) or "no reason given"
