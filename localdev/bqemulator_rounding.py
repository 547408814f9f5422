"""Lets DuckDB round a NUMERIC column in 64 bits where its values have that few digits.

DuckDB divides 128-bit numbers bit by bit, which takes seven times as long. Nine digits before the point and nine behind
it fit into 64 bits; a number with more is rounded as before.
"""

from __future__ import annotations

from bqemulator.sql.rules import TranslationRule, register
from sqlglot import exp

_SCALE = 9


def round_short_numbers_in_64_bits() -> None:
    """Have every translator that is made from now on do so."""
    register(_RoundShortNumbers)


class _RoundShortNumbers(TranslationRule):
    name = "ROUND_SHORT_NUMBERS"

    def applies_to(self, node: exp.Expression) -> bool:
        """Whether the node rounds a column of the type NUMERIC to some digits after the point."""
        if not isinstance(node, exp.Round) or not isinstance(node.this, exp.Column):
            return False
        decimals, type_ = node.args.get("decimals"), node.this.type
        if type_ is None or not type_.is_type("decimal") or not isinstance(decimals, exp.Literal) or decimals.is_string:
            return False
        return [part.name for part in type_.expressions] == ["38", str(_SCALE)] and 0 <= int(decimals.name) <= _SCALE

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        """In 64 bits, or as it is if that is NULL: the number is, or it has too many digits."""
        decimals = node.args["decimals"].name
        short = exp.TryCast(this=node.this.copy(), to=exp.DataType.build(f"DECIMAL(18, {_SCALE})", dialect="duckdb"))
        rounded = exp.Round(this=short, decimals=exp.Literal.number(decimals))
        back = exp.Cast(this=rounded, to=exp.DataType.build(f"DECIMAL(38, {decimals})", dialect="duckdb"))
        return exp.Coalesce(this=back, expressions=[node.copy()])
