"""Run a bundle's score.py as the platform does: `python -I -B score_process.py CODE_FOLDER REQUESTS ANSWERS`.

REQUESTS is a JSON list of bodies as text; ANSWERS becomes {"answers": [[status, body], …], "forms": […], "modules":
[…]}: the forms of the model that answers say they are from, and the packages that scoring pulled in. Standard library
only, so that nothing but score.py's own imports load.
"""

import importlib.util
import json
import sys
from pathlib import Path


def main() -> None:
    """Load score.py from its folder, call init() once and run() for each request."""
    code, requests, answers = (Path(argument) for argument in sys.argv[1:4])
    sys.path.append(str(code))
    spec = importlib.util.spec_from_file_location("entry_module", code / "score.py")
    if spec is None or spec.loader is None:
        raise ImportError("score.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.init()
    found, forms = [], set()
    for request in json.loads(requests.read_bytes()):
        answer = script.run(request)
        found.append([answer.status_code, answer.get_data().decode("utf-8")])
        forms.add(answer.headers.get("x-model-form", ""))
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    answers.write_text(json.dumps({"answers": found, "forms": sorted(forms), "modules": modules}), encoding="utf-8")


if __name__ == "__main__":
    main()
