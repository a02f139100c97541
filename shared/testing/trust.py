"""The certificates that this machine trusts, read once: that takes longer than many a test."""

from __future__ import annotations

import ssl
from typing import Final

import httpx

TRUST: Final[ssl.SSLContext] = httpx.create_ssl_context()
"""For every HTTP client that a test makes."""
