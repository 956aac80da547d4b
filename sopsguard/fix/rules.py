"""Expressions for creation rules that mean one path."""

import re


def exactly(path: str) -> str:
    """The expression (RE2) that matches this path, relative to the configuration, and no other."""
    return "^" + re.sub(r"([.^$*+?{}\\[\]|()])", r"\\\1", path) + "$"
