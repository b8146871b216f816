"""The story of a validation: the bundle as it is, its environment, its server, what it answers, what it takes.

Nothing is written into the bundle; what is started here ends here, and scratch folders go with it. A check that could
not be made is said, and is not ok.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from packager import wording
from packager.bundle.deploy_lint import lint
from packager.bundle.finding import Finding
from packager.bundle.golden import read_golden
from packager.bundle.manifest import MANIFEST, check_digests, require_bundle
from packager.bundle.model_info import read_info
from packager.errors import BundleError
from packager.validate.clean import CleanEnvironment, clean_environment
from packager.validate.conda import Conda, read_conda
from packager.validate.container import changed, mounted
from packager.validate.facts import Facts
from packager.validate.gate import Gate
from packager.validate.hashes import hash_findings
from packager.validate.result import Check, Validation
from packager.validate.serving import serve_and_look
from packager.validate.settings import read_settings

BEFORE = ("digests", "deployment", "environment")
SERVED = (
    *("start-up", "fast path", "health", "contract", "golden", "sample", "api", "slow client", "time-out"),
    *("load", "memory", "disk", "logs", "layout"),
)
_ANEW = "build or fetch the bundle anew"


def validate(bundle: Path, *, gate: Gate | None, say: Callable[[str], None]) -> Validation:
    """Return what the platform would say of the bundle; `say` is told what takes its time.

    BundleError where there is no bundle: of a mistyped path the platform would say nothing.
    """
    require_bundle(bundle)
    began = time.perf_counter()
    checks: list[Check] = []
    python = None
    facts = _facts(bundle, checks)
    left_out = {"load"} if gate is None else set()
    if facts is None or facts.info.fast_path is None:
        left_out.add("fast path")
    if facts is not None:
        environment = _environment(facts, checks, say)
        if environment is not None:
            python = environment.version
            say(f"starting the server with {wording.several(facts.settings.workers, 'worker')}")
            with tempfile.TemporaryDirectory(prefix="validate-") as scratch:
                folder = Path(scratch)
                with mounted(bundle, folder, facts.settings, environment.python) as container:
                    checks += serve_and_look(facts, container, environment, gate=gate, say=say)
                    checks.append(_layout(facts, changed(container, facts.manifest), checks))
    made = {check.name: check for check in checks}
    why = next((check.name for check in checks if check.status == "failed"), "an earlier check")
    names = [name for name in (*BEFORE, *SERVED) if name not in left_out]
    every = [made.get(name) or Check(name, f"{why} failed", made=False) for name in names]
    return Validation(tuple(every), python, time.perf_counter() - began)


def _facts(bundle: Path, checks: list[Check]) -> Facts | None:
    """Check digests and read the bundle's own facts; nothing of a bundle that was changed is used."""
    began = time.perf_counter()
    try:
        manifest = check_digests(bundle)
        info = read_info(bundle / "code")
        golden = read_golden(bundle, info)
    except (BundleError, OSError) as error:
        message = error.message if isinstance(error, BundleError) else f"{error.filename} can't be read"
        found = Finding("ResourceNotReady", "digests", message, _ANEW, MANIFEST)
        checks.append(Check("digests", message, (found,), time.perf_counter() - began))
        return None
    told = (
        f"{wording.several(len(manifest.files), 'file')}, {wording.size(manifest.size_bytes)}, all as the manifest says"
    )
    checks.append(Check("digests", told, (), time.perf_counter() - began))
    began, settings = time.perf_counter(), read_settings(bundle)
    findings = tuple(lint(bundle))
    told = (
        "Azure ML takes endpoint and deployment" if not findings else "Azure ML would refuse it, or it would fail there"
    )
    checks.append(Check("deployment", told, findings, time.perf_counter() - began))
    return None if isinstance(settings, Finding) else Facts(bundle, manifest, info, golden, settings)


def _environment(facts: Facts, checks: list[Check], say: Callable[[str], None]) -> CleanEnvironment | None:
    began, conda = time.perf_counter(), read_conda(facts.bundle)
    if not isinstance(conda, Conda):
        checks.append(Check("environment", conda[0].message, tuple(conda), time.perf_counter() - began))
        return None
    say(f"environment: Python {conda.python}, {wording.several(len(conda.pins), 'pin')}")
    made = clean_environment(conda)
    seconds = time.perf_counter() - began
    if isinstance(made, Finding):
        checks.append(Check("environment", made.message, (made,), seconds))
        return None
    kept = "kept from before" if made.was_kept else "made now"
    told = f"Python {made.version}, {made.packages} packages locked with hashes, {kept}"
    findings = tuple(hash_findings(facts.bundle, made.lock))
    told = findings[0].message if findings else told
    checks.append(Check("environment", told, findings, seconds, gap=_gap(conda.python, made.version)))
    return made


def _gap(wanted: str, found: str) -> str | None:
    if wanted.split(".")[:2] != found.split(".")[:2]:
        return f"pins resolve for Python {wanted}, but not checked under {wanted}: none at hand"
    if wanted.count(".") == 2 and wanted != found:
        return f"not checked under {wanted}: only {found} at hand"
    return None


def _layout(facts: Facts, written: list[Finding], checks: list[Check]) -> Check:
    """Join what was found of the second layout with what the script has written into its mounts."""
    second = next((check for check in checks if check.name == "layout"), None)
    if second is None:
        return Check("layout", "not made: the server did not start", tuple(written), made=False)
    checks.remove(second)
    return Check("layout", second.told, (*second.findings, *written), second.seconds, made=second.made)
