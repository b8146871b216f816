"""What a container engine does with a Dockerfile, as far as ours goes, in a folder: COPY, ENV, RUN and CMD."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Built:
    """The instructions in order, and what the last of each kind leaves."""

    instructions: tuple[tuple[str, str], ...]
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def all(self, kind: str) -> list[str]:
        return [text for name, text in self.instructions if name == kind]

    def command(self) -> list[str]:
        command: list[str] = json.loads(self.all("CMD")[-1])
        return command


def read_dockerfile(text: str) -> Built:
    """Return the instructions: lines end at a line feed alone, and a backslash at their end goes on."""
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    instructions = tuple(
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.split("\n")) if name
    )
    built = Built(instructions)
    for kind, into in (("ENV", built.environment), ("LABEL", built.labels)):
        for rest in built.all(kind):
            into.update(assignments(rest))
    return built


def assignments(text: str) -> dict[str, str]:
    """Return NAME=value words as the engine reads them; a variable that would be filled in is an error."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        name, _, _ = text[place:].partition("=")
        assert re.fullmatch(r"[\w.]+", name, re.ASCII), name
        place += len(name) + 1
        value, quoted = [], False
        while place < len(text) and (quoted or text[place] not in " \t"):
            char = text[place]
            if char == '"':
                quoted = not quoted
            elif char == "\\" and place + 1 < len(text):
                place += 1
                value.append(text[place])
            else:
                assert char != "$", "an engine fills in variables"
                assert quoted or char != "'", "an engine reads single quotes too"
                value.append(char)
            place += 1
        assert not quoted
        found[name] = "".join(value)
        place += 1
    return found


def copy_into(built: Built, context: Path, root: Path) -> None:
    """Do the COPY instructions with `root` as the image's root; .dockerignore lets nothing else in."""
    allowed = (context / "container" / "Dockerfile.dockerignore").read_text().splitlines()
    assert allowed[0] == "*"
    for rest in built.all("COPY"):
        source, target = rest.split()
        assert f"!{source}" in allowed, source
        place = root / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if (context / source).is_dir():
            shutil.copytree(context / source, place)
        else:
            shutil.copyfile(context / source, place)
