"""Whether the tests run in their long form: `make test-long`."""

from __future__ import annotations

import os

LONG = os.environ.get("LONG_TESTS") == "1"
