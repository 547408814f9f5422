"""The exit codes: the same in every command.

====  =======================================================================================================
0     Done. Also if there was nothing to do, and if a check only warns.
1     Failed: an error, a date that was not published though it should have been, a check that fails, a
      backfill that did not reach every date, an answer of "no" to a question. What to do is printed.
2     Wrong usage: an option, a date or a name that cannot be. Nothing was begun.
====  =======================================================================================================

`make demo` and `python -m localdev` use the same codes. A command that is stopped by a signal ends as shells expect,
with 128 and the signal's number (130 for a second Ctrl-C).
"""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130
