"""Hooks for schemathesis: what no JSON Schema can say of a request is put right before the request is sent."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Make a table's index as long as its data."""
    body = case.body
    for table in body.values() if isinstance(body, dict) else ():
        if isinstance(table, dict) and isinstance(table.get("index"), list) and isinstance(table.get("data"), list):
            table["index"] = list(range(len(table["data"])))
