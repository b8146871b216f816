"""What names and versions may look like: each becomes a folder, so none may lead out of its own, or hide."""

from __future__ import annotations

import re

RECIPE_NAME = r"^[a-z0-9-]{1,64}$"
RECIPE_NAME_WORDS = "1 to 64 of the characters a-z, 0-9 and -"
# A version, and a name in a registry.
SAFE = r"(?![^/]*\.\.)[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"
SAFE_WORDS = "1 to 64 letters, digits and . _ + -, beginning with a letter or digit, without '..'"
LATEST = "latest"


def is_safe(name: str) -> bool:
    """Say whether `name` may be the name of a folder in a registry or in the out folder."""
    return re.fullmatch(SAFE, name) is not None
