"""usage: python -m bench.serving [--rounds N] [--seconds S] [--only NAME,NAME] — our bundle beside other servers.

Environments are made once under .peers/; a peer that can't be had is left out and named. The table goes to stdout and
all figures into .benchmarks/serving.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench.serving import table
from bench.serving.contenders import CONTENDERS, Contender, Place
from bench.serving.environments import NotToBeHad, interpreter, pins_of
from bench.serving.measure import CONNECTIONS, Failed, Visit, visit
from bench.serving.workload import MODEL, checked, write_bodies, write_model
from packager.runtime.machine import describe_machine

ROOT = Path(__file__).parents[2]
CACHE, RESULTS = ROOT / ".peers" / "serving", ROOT / ".benchmarks" / "serving.json"


def main() -> int:
    """Measure in interleaved rounds and print."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers end with the run, however it ends
    if shutil.which("wrk") is None:
        print("The serving bench needs wrk: apt-get install wrk", file=sys.stderr)
        return 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as scratch:
        (made := Path(scratch) / "made").mkdir()
        bundle, joblib = write_model(made)
        places = _places(asked.only, Path(scratch), bundle, joblib)
        visits = _rounds(places, Path(scratch), asked.rounds, asked.seconds)
    complete = {name: found for name, found in visits.items() if len(found) == asked.rounds}
    if "bundle" not in complete:
        print("our own bundle was not measured", file=sys.stderr)
        return 1
    _write(complete, asked.rounds, asked.seconds)
    print(f"{MODEL}, one worker each, one thread, {CONNECTIONS} clients in a closed loop\n")
    print(table.markdown(complete))
    print("\n" + "\n".join(table.goals(complete)))
    print(f"{time.monotonic() - begun:.0f} s in all; figures in {RESULTS.relative_to(ROOT)}", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", type=lambda text: set(text.split(",")), default=None)
    return parser.parse_args()


def _places(only: set[str] | None, scratch: Path, bundle: Path, joblib: Path) -> dict[str, Place]:
    """Return where each contender is started; one that can't be had here is named and left out."""
    places = {}
    for contender in CONTENDERS:
        if only and contender.name not in {*only, "bundle"}:
            continue
        folder = scratch / contender.name
        folder.mkdir()
        try:
            python = interpreter(contender.name, pins_of(contender.name, bundle), CACHE)
            place = Place(python, folder, bundle, joblib)
            if contender.prepare is not None:
                contender.prepare(place)
            places[contender.name] = place
        except (NotToBeHad, OSError, RuntimeError) as error:
            print(f"{contender.label} is left out: {error}", file=sys.stderr)
    return places


def _rounds(places: dict[str, Place], scratch: Path, count: int, seconds: float) -> dict[str, list[Visit]]:
    """Visit every server once a round, in another order each time; one that fails is left out from there on."""
    named = {contender.name: contender for contender in CONTENDERS}
    bodies = {name: _bodies(named[name], scratch / name) for name in places}
    visits: dict[str, list[Visit]] = {name: [] for name in places}
    expected = checked()
    # The first visit fills the caches of the disk and of compiled code; it is not counted.
    for number in range(-1, count):
        names = list(visits)
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            try:
                found = visit(named[name], places[name], expected, bodies[name], seconds=seconds if number >= 0 else 1)
            except Failed as error:
                print(f"{named[name].label} is left out: {error}", file=sys.stderr)
                print(_tail(places[name].folder / "log"), file=sys.stderr)
                del visits[name]
                continue
            if number >= 0:
                visits[name].append(found)
        print(f"round {number + 1} of {count}", file=sys.stderr)
    return visits


def _bodies(contender: Contender, folder: Path) -> dict[int, Path]:
    paths = {size: folder / f"bodies-{size}" for size in table.SIZES}
    for size, path in paths.items():
        write_bodies(contender, size, path)
    return paths


def _tail(log: Path) -> str:
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-8:])


def _write(visits: dict[str, list[Visit]], rounds: int, seconds: float) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "model": MODEL,
        "rounds": rounds,
        "seconds": seconds,
        "connections": CONNECTIONS,
        "machine": describe_machine(),
        "servers": {name: [vars(found) for found in all_found] for name, all_found in visits.items()},
    }
    RESULTS.write_text(json.dumps(document, indent=1, default=str) + "\n")


if __name__ == "__main__":
    sys.exit(main())
