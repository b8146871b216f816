"""Score what each line of standard input asks for with the client in the named folder, and print what became of it."""

import json
import math
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import scoring_client  # noqa: E402

ODD = {"NaN!": math.nan, "Infinity!": math.inf, "-Infinity!": -math.inf}


def cell(value):
    return ODD.get(value, value) if isinstance(value, str) else value


def row(cells):
    return {name: cell(value) for name, value in cells.items()} if isinstance(cells, dict) else [cell(c) for c in cells]


for line in sys.stdin:
    asked = json.loads(line)
    try:
        client = scoring_client.ScoringClient(
            asked["uri"],
            asked["key"],
            deployment=asked.get("deployment"),
            timeout_s=asked["timeout_ms"] / 1e3,
            attempts=asked["attempts"],
            backoff_s=asked["backoff_ms"] / 1e3,
        )
        scores = client.score([row(cells) for cells in asked["rows"]], in_batches=asked["in_batches"])
        print(json.dumps({"scores": scores._asdict()}), flush=True)
    except scoring_client.ScoringError as error:
        names = ("code", "status", "model_status", "row", "column", "request_id", "attempts", "message")
        print(json.dumps({"error": {name: getattr(error, name) for name in names}, "text": str(error)}), flush=True)
