"""Start a bundle's score.py as the platform does, to be watched: `python -I -B start_process.py CODE REQUESTS`.

REQUESTS holds two bodies, an ordinary one and the largest, each as JSON text on a line. After the first answer, the
warm-up, and the largest requests, a line goes out and the process waits for one to come in. Standard library only.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path

# Allocators have then seen what they will see: resident memory no longer grows by much.
_WARM_UP_CALLS = 50
_LARGEST_CALLS = 5


def main() -> None:
    """Answer the ordinary request, tell when that was, then answer more as the lines on standard input ask for them."""
    code, requests = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path.append(str(code))
    spec = importlib.util.spec_from_file_location("entry_module", code / "score.py")
    if spec is None or spec.loader is None:
        raise ImportError("score.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.init()
    # The file holds one body a line: the largest is not read before the first answer is given.
    with requests.open(encoding="utf-8") as bodies:
        ordinary = json.loads(bodies.readline())
        answer = script.run(ordinary)
        at_ns, form = time.monotonic_ns(), answer.headers.get("x-model-form")
        print(json.dumps({"status": answer.status_code, "at_ns": at_ns, "form": form}), flush=True)
        if not sys.stdin.readline():
            return
        statuses = {script.run(ordinary).status_code for _ in range(_WARM_UP_CALLS)}
        print(json.dumps({"status": max(statuses)}), flush=True)
        sys.stdin.readline()
        largest = json.loads(bodies.readline())
        statuses = {script.run(largest).status_code for _ in range(_LARGEST_CALLS)}
    print(json.dumps({"status": max(statuses)}), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
