"""The page's JavaScript without a browser."""

import json
import subprocess
from typing import Any

from reon_export.paths import WEB_DEMO

_RUN = """
import {{readFileSync}} from 'node:fs';
const run = {function};
try {{
  console.log(JSON.stringify({{value: await run(JSON.parse(readFileSync(0, 'utf8')))}}));
}} catch (error) {{
  console.log(JSON.stringify({{error: error.message}}));
}}
"""


class NodeError(Exception):
    """What the function threw, in its own words."""


def run_in_node(function: str, argument: object = None) -> Any:
    """Await a JavaScript function expression in node, called with `argument`, both ways by JSON.

    It imports the page's modules as './js/...'. Raises NodeError.
    """
    command = ["node", "--input-type=module", "--eval", _RUN.format(function=function)]
    done = subprocess.run(
        command, cwd=WEB_DEMO, input=json.dumps(argument), capture_output=True, text=True, check=True, timeout=60
    )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise NodeError(answer["error"])
    return answer.get("value")
