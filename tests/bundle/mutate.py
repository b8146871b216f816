"""Mutated requests: valid ones in all forms, changed in their structure, their text or their bytes, from one seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from packager.artifact import Column

# Digits that no time, port, digest or id of a log is likely to hold, in numbers and texts.
PLANTED = "2718281828"


class Raw(str):
    """JSON text that is written as it stands."""


NUMBERS = [
    *("1e400", "-1e400", "NaN", "Infinity", "-Infinity", "-0", "-0.0", "1E0", "01", "1.", ".5", "+1", "0x10", "1e-400"),
    *("9" * 400, "1.7976931348623157e308", "3.5e38", "-3.5e38", "1000000.1", "10", "10.0", "20", "11", "3", "1", "0"),
    f"{PLANTED}9", f"-{PLANTED}.5", f"0.{PLANTED}", f"{PLANTED}e300",
]  # fmt: skip
ODD: list[Any] = [
    *(None, True, False, "", "1", "NaN", "null", "Bern", "Basel", "a:b", 'q"uo\\te', "\ud800", "\ufdd0", "\x00"),
    *([], {}, [1.5], {"a": 1}, PLANTED, f"x{PLANTED}", [PLANTED], {PLANTED: PLANTED}, *map(Raw, NUMBERS)),
]
KEYS = ["features", "data", "input_data", "inputs", "instances", "dataframe_split", "dataframe_records"]
WRONG_KEYS = ["feature", "Features", "features ", "", "columns", PLANTED, "\ud800", "rows"]


def mutated(random: Random, columns: Sequence[Column]) -> bytes:
    """Return the body of one request, valid or not."""
    names = [column.name for column in columns]
    rows: list[Any] = [[_cell(random, column) for column in columns] for _ in range(random.choice((0, 1, 1, 2, 3, 8)))]
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        _change_rows(random, rows, names)
    document = _arranged(random, rows, names)
    if random.random() < 0.15:
        document = _misarranged(random, document)
    text = _written(random, document)
    body = text.encode("utf-8", "surrogatepass")
    return _broken(random, body) if random.random() < 0.2 else body


def _cell(random: Random, column: Column) -> Any:
    if column.accepts_missing and random.random() < 0.3:
        return None
    if column.truth and random.random() < 0.5:
        return random.random() < 0.5
    if column.known is not None:
        return random.choice(column.known)
    if column.dtype == "string":
        return random.choice(("Bern", "Zürich", "東京", f"town {PLANTED}", "a:b", '"', "\\", ""))
    return Raw(random.choice((f"0.{PLANTED}{random.randrange(999)}", f"-1.{PLANTED}", "3", "1e0", "-0", "0.5")))


def _change_rows(random: Random, rows: list[Any], names: list[str]) -> None:
    change = random.randrange(6)
    if change == 0:
        rows.extend([rows[0]] * random.choice((1, 9)) if rows else [[]])
    elif not rows:
        rows.append(random.choice(ODD))
    elif change == 1:
        rows[random.randrange(len(rows))] = random.choice(ODD)
    else:
        row = random.choice(rows)
        if isinstance(row, list) and row:
            place = random.randrange(len(row))
            if change == 2:
                row.pop(place)
            elif change == 3:
                row.insert(place, random.choice(ODD))
            else:
                row[place] = random.choice(ODD)


def _arranged(random: Random, rows: list[Any], names: list[str]) -> Any:
    """Return a document: the rows under any key, as arrays, objects or a table, with its parts in any order."""
    key = random.choice(["features", *KEYS] if random.random() < 0.9 else WRONG_KEYS)
    form = random.choice(("arrays", "arrays", "objects", "both", "table"))
    if key == "dataframe_split" and random.random() < 0.8:
        form = "table"
    if key == "dataframe_records" and random.random() < 0.8:
        form = "objects"
    if form == "table":
        return {key: _table(random, rows, names)}
    objects = {"arrays": 0.0, "objects": 1.0, "both": 0.5}[form]
    return {key: [_named(random, row, names) if random.random() < objects else row for row in rows]}


def _named(random: Random, row: Any, names: list[str]) -> Any:
    if not isinstance(row, list) or len(row) != len(names):
        return row
    cells = list(zip(names, row, strict=True))
    random.shuffle(cells)
    change = random.randrange(20)
    if change == 0:
        cells.pop()
    elif change == 1:
        cells.append((PLANTED, 1))
    elif change == 2:
        cells[0] = (cells[0][0] + " ", cells[0][1])
    return dict(cells)


def _table(random: Random, rows: list[Any], names: list[str]) -> dict[str, Any]:
    order = list(range(len(names)))
    random.shuffle(order)
    columns: list[Any] = [names[place] for place in order]
    data = [
        [row[place] for place in order] if isinstance(row, list) and len(row) == len(names) else row for row in rows
    ]
    table: dict[str, Any] = {"columns": columns, "data": data}
    if random.random() < 0.5:
        table["index"] = list(range(len(rows)))
    change = random.randrange(14)
    if change == 0:
        table["index"] = random.choice(ODD)
    elif change == 1:
        columns[random.randrange(len(columns))] = random.choice(ODD)
    elif change == 2:
        columns.append(random.choice([*names, PLANTED]))
    elif change == 3:
        table.pop(random.choice(("columns", "data")))
    elif change == 4:
        table[PLANTED] = 1
    return table


def _misarranged(random: Random, document: Any) -> Any:
    change = random.randrange(4)
    if change == 0:
        return {**document, random.choice([*KEYS, *WRONG_KEYS]): random.choice(ODD)}
    if change == 1:
        return random.choice([*ODD, [document]])
    if change == 2:
        return {key: random.choice(ODD) for key in document}
    return json.dumps(str(document))


def _written(random: Random, value: Any) -> str:
    """Return a value as JSON text in one of the ways to write it; now and then an object has a key twice."""
    gap = random.choice(("", "", "", " ", "\n\t"))
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, list):
        return f"[{gap}{f',{gap}'.join(_written(random, entry) for entry in value)}{gap}]"
    if isinstance(value, dict):
        pairs = [f"{_text(random, key)}{gap}:{gap}{_written(random, entry)}" for key, entry in value.items()]
        if pairs and random.random() < 0.03:
            pairs.append(random.choice(pairs))
        return f"{{{f',{gap}'.join(pairs)}{gap}}}"
    return _text(random, value) if isinstance(value, str) else json.dumps(value)


def _text(random: Random, text: str) -> str:
    if random.random() < 0.1:
        return '"' + "".join(f"\\u{ord(one):04x}" for one in text) + '"'
    return json.dumps(text, ensure_ascii=random.random() < 0.5)


def _broken(random: Random, body: bytes) -> bytes:
    """Return the bytes with some cut, put in or changed."""
    broken = bytearray(body)
    for _ in range(random.choice((1, 1, 2, 4))):
        start = random.randrange(len(broken) + 1)
        piece = random.choice(
            (b"", b"", b"\xff", b"\xed\xa0\x80", b",", b'"', b"]", b"{", b" ", b"0", random.randbytes(2))
        )
        broken[start : start + random.choice((0, 0, 1, 1, 3))] = piece
    return bytes(broken) if random.random() < 0.8 else bytes(broken[: random.randrange(len(broken) + 1)])
