"""`python -m services.cases {serve,migrate,dead-letters,deadlines,rotate-keys}`."""

from __future__ import annotations

import sys

from services.cases.app import SERVICE
from shared.lifecycle import run_service

if __name__ == "__main__":
    sys.exit(run_service(SERVICE))
