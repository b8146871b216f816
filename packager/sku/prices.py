"""Prices of the user's own, CSV or YAML or JSON: the instance types to choose from, each with what an hour costs.

A type of the catalogue takes its size from there unless the file gives another. A file with holes is refused whole:
every problem is told at once, with its line.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from packager.azure.instance_types import InstanceType, Series
from packager.benchmark_result import MOST_PROCESSORS
from packager.errors import RecipeError
from packager.recipe.document import Place, Problem, read_document
from packager.recipe.problems import did_you_mean, message
from packager.sku.catalogue import Catalogue
from packager.sku.model import Prices
from packager.wording import clip, printable

_WHAT = "price file"
_LIST = "instance_types"
# What the columns hold: text, or a number above zero. Those of the second row may be left out for types that are known.
_TEXTS = ("instance_type", "processors", "recorded_on", "region")
_NUMBERS = ("usd_per_hour", "vcpus", "memory_gib", "temp_disk_gib", "network_mbps")
_REQUIRED = ("instance_type", "usd_per_hour")
_SIZES = ("vcpus", "memory_gib")
_ABOUT = ("recorded_on", "region", "source", "currency")
_HINT = f"columns: {', '.join(_REQUIRED)}, and where a type is not in the catalogue {', '.join(_SIZES)}"
_CURRENCY = "USD"
# No machine that is for rent comes near; what is computed from them stays a number.
_LEAST = 1e-6
_MOST = {"usd_per_hour": 1e5, "vcpus": MOST_PROCESSORS, "memory_gib": 1e6, "temp_disk_gib": 1e7, "network_mbps": 1e8}
# A price list is pages long at most.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class _Entry:
    """One type as written: its values, and the line of each or of the row."""

    place: Place
    values: dict[str, JsonValue]
    lines: dict[str, int]
    line: int

    def problem(self, column: str, text: str) -> Problem:
        return Problem((*self.place, column), self.lines.get(column, self.line), text)


def with_prices(catalogue: Catalogue, path: Path) -> Catalogue:
    """Return the catalogue with the types and prices of a file; RecipeError with every problem and its line."""
    about: dict[str, str] = {}
    entries, problems = _read_csv(path) if path.suffix.lower() == ".csv" else _read_document(path, about)
    types: dict[str, tuple[InstanceType, int]] = {}
    for entry in entries:
        found = list(_problems(entry, catalogue))
        problems += found
        if found:
            continue
        one = _instance(entry, catalogue)
        if one.name.lower() in types:
            first = types[one.name.lower()][1]
            problems.append(entry.problem("instance_type", f"{one.name} stands here twice, first on line {first}"))
        types.setdefault(one.name.lower(), (one, entry.line))
    if not entries and not problems:
        problems.append(Problem((), 1, "holds no instance type"))
    if problems:
        raise RecipeError(message(str(path), problems), hint=_HINT)
    return catalogue.priced(tuple(one for one, _ in types.values()), _prices(path, entries, about))


def _read_csv(path: Path) -> tuple[list[_Entry], list[Problem]]:
    try:
        content = path.read_bytes()[: _MOST_BYTES + 1]
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise RecipeError(f"cannot read the {_WHAT} {path}: {(error.strerror or 'unreadable').lower()}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is no {_WHAT}: it is not UTF-8 text") from None
    if len(content) > _MOST_BYTES:
        raise RecipeError(f"{path} is no {_WHAT}: it is larger than {_MOST_BYTES >> 20} MiB")
    rows = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        problems = [Problem((), 1, text) for text in _header_problems(header)]
        if problems:  # what stands under a column that is not there would only repeat it
            return [], problems
        entries: list[_Entry] = []
        for row in rows:
            cells = [cell.strip() for cell in row]
            if len(cells) > len(header):
                problems.append(Problem((), rows.line_num, f"{len(cells)} cells under {len(header)} columns"))
            elif any(cells):
                values: dict[str, JsonValue] = {
                    name: _number(cell) if name in _NUMBERS else cell
                    for name, cell in zip(header, cells, strict=False)
                    if cell and name in (*_TEXTS, *_NUMBERS)
                }
                entries.append(_Entry((), values, {}, rows.line_num))
    except csv.Error as error:
        raise RecipeError(f"{path}:{rows.line_num}: not valid CSV: {error}") from None
    return entries, problems


def _header_problems(header: list[str]) -> Iterator[str]:
    known = (*_TEXTS, *_NUMBERS)
    for name in header:
        if name not in known:
            yield _unknown(name, known)
        if header.count(name) > 1:
            yield f"the column {printable(name)} stands here twice"
    for name in _REQUIRED:
        if name not in header:
            yield f"the column {name} is missing"


def _number(cell: str) -> JsonValue:
    try:
        return float(cell)
    except ValueError:
        return cell


def _read_document(path: Path, about: dict[str, str]) -> tuple[list[_Entry], list[Problem]]:
    document = read_document(path, _WHAT, f"{_LIST} and recorded_on")
    problems = list(document.problems)
    for key, value in document.values.items():
        if key in _ABOUT and isinstance(value, str):
            about[key] = value
            if key == "currency" and value != _CURRENCY:
                said = f"expected prices in {_CURRENCY}, as usd_per_hour says, found {clip(printable(value), 40)}"
                problems.append(Problem((key,), document.line((key,)), said))
        elif key in _ABOUT:
            problems.append(Problem((key,), document.line((key,)), "expected text; put it in quotes"))
        elif key != _LIST:
            problems.append(Problem((key,), document.line((key,)), _unknown(key, (*_ABOUT, _LIST))))
    listed = document.values.get(_LIST, [])
    if not isinstance(listed, list):
        problems.append(Problem((_LIST,), document.line((_LIST,)), "expected a list of instance types"))
        return [], problems
    entries = []
    for index, item in enumerate(listed):
        place: Place = (_LIST, index)
        if not isinstance(item, dict):
            problems.append(Problem(place, document.line(place), "expected keys such as instance_type, usd_per_hour"))
            continue
        lines = {str(key): document.line((*place, key)) for key in item}
        entries.append(_Entry(place, item, lines, document.line(place)))
        for key in item:
            if key not in (*_TEXTS, *_NUMBERS):
                problems.append(Problem((*place, key), lines[key], _unknown(key, (*_TEXTS, *_NUMBERS))))
    return entries, problems


def _unknown(name: str, known: tuple[str, ...]) -> str:
    told = did_you_mean(name, known) or f"; expected one of {', '.join(known)}"
    return f"unknown column {clip(printable(name), 40) or '(without a name)'}{told}"


def _problems(entry: _Entry, catalogue: Catalogue) -> Iterator[Problem]:
    name = entry.values.get("instance_type")
    for column in _REQUIRED:
        if entry.values.get(column) is None:
            yield entry.problem(column, f"{column} is missing{f' for {printable(name)}' if name else ''}")
    for column in _TEXTS:
        value = entry.values.get(column)
        if value is not None and not isinstance(value, str):
            yield entry.problem(column, f"expected text in {column}, found {value}; put it in quotes")
    for column in _NUMBERS:
        if text := _number_problem(column, entry.values.get(column)):
            yield entry.problem(column, text)
    if isinstance(name, str) and catalogue.find(name) is None:
        lacking = [column for column in _SIZES if entry.values.get(column) is None]
        if lacking:
            near = did_you_mean(name, [one.name for one in catalogue.types], cutoff=0.85)
            text = f"{clip(printable(name), 60)} is not in the catalogue{near}; give its {' and '.join(lacking)}"
            yield entry.problem("instance_type", text)


def _number_problem(column: str, value: JsonValue) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"expected a number in {column}, found {clip(printable(value), 40)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"expected a number in {column}, found {value:g}"
    if value <= 0:
        return f"expected more than 0 in {column}, found {clip(printable(value), 40)}"
    if not _LEAST <= value <= _MOST[column]:
        return f"expected {_LEAST:g} to {_MOST[column]:g} in {column}, found {clip(printable(value), 40)}"
    if column == "vcpus" and value != int(value):
        return f"expected a whole number in vcpus, found {value:g}"
    return None


def _instance(entry: _Entry, catalogue: Catalogue) -> InstanceType:
    """Return the type that an entry tells of, with what the catalogue knows of it."""
    values = entry.values
    known = catalogue.find(str(values["instance_type"]))
    number = {name: float(cast("float", values[name])) for name in _NUMBERS if values.get(name) is not None}
    series = known.series if known else Series(str(values["instance_type"]), "processors that the file does not tell")
    if values.get("processors") is not None:
        series = Series(series.name, str(values["processors"]), (), series.cpu_features, series.acu)
    return InstanceType(
        known.name if known else str(values["instance_type"]),
        series,
        int(number["vcpus"]) if "vcpus" in number else cast(InstanceType, known).vcpus,
        number["memory_gib"] if "memory_gib" in number else cast(InstanceType, known).memory_gib,
        number["usd_per_hour"],
        number.get("temp_disk_gib", known.temp_disk_gib if known else None),
        number.get("network_mbps", known.network_mbps if known else None),
    )


def _prices(path: Path, entries: list[_Entry], about: dict[str, str]) -> Prices:
    def said(key: str, absence: str) -> str:
        found = sorted({str(entry.values[key]) for entry in entries if entry.values.get(key) is not None})
        return " to ".join(dict.fromkeys((found[0], found[-1]))) if found else about.get(key, absence)

    return Prices(
        recorded_on=said("recorded_on", "a day that the file does not tell"),
        currency=_CURRENCY,
        region=said("region", "a region that the file does not tell"),
        price=f"prices of {path.name}",
        source=about.get("source", f"the file {path.name}"),
    )
