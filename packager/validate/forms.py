"""Which form of the model answers: with a fast path it has to be the binned one, where that fits the machine.

Under `bundle.fast_path: require` a server without it does not start, which another check tells.
"""

from __future__ import annotations

from packager.bundle.deploy_lint import DEPLOYMENT_FILE
from packager.bundle.fast_path import BINNED_FILE, FORM_HEADER, KEY, LIBRARY_FILE, FastPath, is_binned
from packager.bundle.finding import Finding
from packager.validate.answers import SAMPLE
from packager.validate.client import post
from packager.validate.facts import Facts
from packager.wording import clip, printable

# Each worker has opened the model by itself: so many requests come to most of them.
_REQUESTS_A_WORKER = 4
_ANEW = "build or fetch the bundle anew"
OTHER_INSTRUCTIONS = "take BINNED_INSTRUCTION_SET out of the environment_variables: the library chooses itself"
_HINTS = {
    "library": "the log names what its library lacks; serve with Python 3.11 and glibc 2.17, or later",
    "instructions": OTHER_INSTRUCTIONS,
    "model": "the log names what fails: a package of the environment, most likely; else build or fetch the bundle anew",
    "self-test": "this processor scores otherwise than the one that built it: please report it",
}
_FILES = {
    "library": f"code/{LIBRARY_FILE}",
    "model": f"model/{BINNED_FILE}",
    "instructions": DEPLOYMENT_FILE,
    "self-test": "code/self_test.bin",
}


def form_findings(url: str, facts: Facts, fast: FastPath) -> tuple[list[Finding], str, str | None]:
    """Return what is wrong with the form that serves, what serves in words, and what could not be looked at here."""
    body = (facts.bundle / SAMPLE).read_bytes()
    asked = _REQUESTS_A_WORKER * facts.settings.workers
    forms = sorted({_form(url, body) for _ in range(asked)})
    told = f"answers are from: {', '.join(forms)}"
    if all(map(is_binned, forms)):
        return [], told, None
    if not fast.fits_here:
        return [], told, f"the binned form is for {fast.system} {fast.machine}, which this machine is not"
    slow = next(form for form in forms if not is_binned(form))
    word = slow.removeprefix("onnx; ")
    hint, file = _HINTS.get(word, _ANEW), _FILES.get(word, "code/score.py")
    message = f"model.onnx serves in place of the binned form ({word}): {FORM_HEADER} and a warning in the log say so"
    if fast.mode == "prefer":
        hint += f"; {KEY}: require stops such a service from starting"
    return [Finding("200", "fast path", message, hint, file, slow, "binned")], told, None


def _form(url: str, body: bytes) -> str:
    return clip(printable(post(url, body).header(FORM_HEADER) or f"no header {FORM_HEADER}"), 60)
