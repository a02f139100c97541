"""Verifies a Lagspill confidentiality log with public keys only."""

from __future__ import annotations


def main() -> int:
    """Entry point of the `lagspill-verify` command."""
    raise SystemExit("usage: lagspill-verify URL --key VKEY")
