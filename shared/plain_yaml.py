"""YAML as the profiles, code lists and texts are written in: plain data, nothing executed.

Read by libyaml, which PyYAML's wheels bring along: PyYAML's own reader takes a second for what every service reads at its start.
"""

from __future__ import annotations

import yaml
from yaml import CSafeLoader as PlainLoader

__all__ = ["PlainLoader", "read_yaml"]


def read_yaml(text: str) -> object:
    """Return what a document says; None of an empty one.

    Raises:
        yaml.YAMLError: it is no YAML, or not one document.
    """
    return yaml.load(text, Loader=PlainLoader)
