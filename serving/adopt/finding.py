"""What was found out about a foreign file, each fact with the way in which it is known."""

from __future__ import annotations

import dataclasses

DECLARED, PROBED, GIVEN, ASSUMED = "declared", "probed", "given", "assumed"
"""Said by the file itself; measured by running it; told by the user; taken because it usually is so."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One row of the table that `i2i adopt` prints."""

    fact: str
    value: str
    how: str
    """DECLARED, PROBED, GIVEN or ASSUMED."""
    why: str = ""
    """What was seen, in a few words."""


def as_table(findings: list[Finding]) -> str:
    """The rows under one another, in columns."""
    rows = [(row.fact, row.value, row.how + (f": {row.why}" if row.why else "")) for row in findings]
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    return "\n".join(f"{fact:<{first}}  {value:<{second}}  {how}" for fact, value, how in rows)
