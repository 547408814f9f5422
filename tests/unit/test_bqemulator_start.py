"""The local BigQuery is started to answer sooner; what it answers is the same."""

from __future__ import annotations

from types import SimpleNamespace

import duckdb
import pytest
import sqlglot
from bqemulator.api import app as api
from bqemulator.sql.builtin_udfs import register_builtin_udfs
from bqemulator.sql.rewriter import aggregate_variants
from bqemulator.sql.rules import get_all_rules
from bqemulator.sql.rules.string_helpers import UpperUnicodeRule
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage.engine import DuckDBEngine
from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.dialect import Dialect
from sqlglot.expressions import core

from localdev.bqemulator_parsing import parse_each_text_once
from localdev.bqemulator_start import (
    _dry_run_key,
    ask_only_rules_that_may_apply,
    copy_flat_values_flat,
    keep_no_account_of_requests,
    leave_nulls_out_of_joined_texts,
    may_apply,
    put_ascii_into_upper_case_in_duckdb,
    read_comma_joins_as_written,
    run_in_threads,
    write_text_from_the_tree_itself,
)
from warehouse.statements import Folder, Sql, SqlFile

SQL = Folder("grading.sql")
FILES = (
    *map(SQL.file, ("prediction_accuracy", "prediction_performance_summary", "system_daily_performance", "coverage")),
    Folder("grading.dates.sql").file("dates"),
)
# The emulator has rules for these.
RULED = """
SELECT COUNTIF(a > 1), AVG(CAST(a AS NUMERIC)), CAST(a AS NUMERIC) / 3, SAFE_ADD(a, 1), SIGN(a), FORMAT('%d', a),
  FARM_FINGERPRINT(b), UPPER(b), CONCAT(b, 'x') || b, TO_CODE_POINTS(b), REGEXP_EXTRACT(b, 'x'), PARSE_NUMERIC(b),
  EXTRACT(DAYOFWEEK FROM c), EXTRACT(DATE FROM c), DATE_TRUNC(d, WEEK), TIME_TRUNC(e, HOUR), APPROX_COUNT_DISTINCT(a),
  JSON_QUERY(f, '$.x'), RANGE_BUCKET(a, [1, 2]), ARRAY_FIRST(g), ARRAY_CONCAT_AGG(g), ST_DISTANCE(h, h), CSC(a)
FROM t GROUP BY ALL"""


def _statement(file: SqlFile) -> str:
    values = {placeholder: Sql("x") for placeholder in file.placeholders} | {"date": Sql("DATE '2024-01-15'")}
    values |= {"days": Sql("= DATE '2024-01-15'")}
    values |= {"kept_minutes": Sql("minutes_played"), "passed_in": Sql(""), "passed_out": Sql("")}
    return file.fill(**values).text


def _translated() -> list[str]:
    return [SQLTranslator().translate(sql).unwrap() for sql in (*map(_statement, FILES), RULED)]


@pytest.fixture
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """sqlglot as the emulator has it, for one test."""
    monkeypatch.setattr(sqlglot, "parse_one", sqlglot.parse_one)
    monkeypatch.setattr(core, "deepcopy", core.deepcopy)  # type: ignore[attr-defined]
    apply = "_apply_first_matching_rule"
    monkeypatch.setattr(SQLTranslator, apply, getattr(SQLTranslator, apply))
    monkeypatch.setattr(BigQuery.Parser, "SUPPORTS_IMPLICIT_UNNEST", True)
    monkeypatch.setattr(Dialect, "generate", Dialect.generate)
    parse_each_text_once()
    ask_only_rules_that_may_apply()
    copy_flat_values_flat()
    read_comma_joins_as_written()
    write_text_from_the_tree_itself()


def test_statements_are_translated_as_without_it(request: pytest.FixtureRequest) -> None:
    before = _translated()
    request.getfixturevalue("sooner")
    assert _translated() == before
    assert _translated() == before


@pytest.mark.usefixtures("sooner")
def test_who_changes_a_tree_changes_no_other() -> None:
    """Nodes, their positions and their comments belong to one tree alone."""
    text = "SELECT a /* note */ FROM t"
    first = sqlglot.parse_one(text, read="bigquery")
    second = sqlglot.parse_one(text, read="bigquery")
    for node in first.walk():
        node.meta["line"] = 99
        node.add_comments(["changed"])
    first.find(exp.Table).replace(exp.to_table("other"))  # type: ignore[union-attr]
    assert second.sql() == text == sqlglot.parse_one(text, read="bigquery").sql()
    assert not any(node.meta.get("line") == 99 for node in second.walk())


def test_every_rule_is_asked_about_each_kind_that_it_applies_to() -> None:
    """And about few others: that is what is gained."""
    rules, asked, applied = get_all_rules(), 0, 0
    (translated,) = sqlglot.transpile(RULED, read="bigquery", write="duckdb")
    for node in sqlglot.parse_one(translated, read="duckdb").walk():
        for rule in rules:
            may = may_apply(rule, type(node))
            applies = rule.applies_to(node)  # type: ignore[arg-type]
            assert may or not applies
            asked, applied = asked + may, applied + applies
    assert applied > 15
    assert asked < 10 * applied


@pytest.mark.parametrize("text", ["Out", "straße", "ﬁn", "ĳs", "questionable – ankle", "", None])
def test_upper_case_is_as_in_python(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.setattr(UpperUnicodeRule, "rewrite", UpperUnicodeRule.rewrite)
    put_ascii_into_upper_case_in_duckdb()
    with duckdb.connect() as connection:
        register_builtin_udfs(connection)
        sql = SQLTranslator().translate("SELECT UPPER(name) AS name FROM given").unwrap()
        found = connection.execute(f"WITH given AS (SELECT CAST($1 AS VARCHAR) AS name) {sql}", [text]).fetchone()
    assert found == (text.upper() if text is not None else None,)


@pytest.mark.parametrize(
    ("given", "joined"),
    [
        ("IF(n > 2, name, NULL), '; ' LIMIT 2", "c; d"),
        ("IF(n > 2, name, NULL), '; ' ORDER BY n DESC LIMIT 2", "e; d"),
        ("DISTINCT IF(n > 4, 'x', NULL) LIMIT 2", "x"),
        ("IF(n > 5, name, NULL), '; ' LIMIT 2", None),
        ("name, '; ' LIMIT 2", "a; b"),
    ],
)
def test_a_joined_text_counts_no_nulls(monkeypatch: pytest.MonkeyPatch, given: str, joined: str | None) -> None:
    monkeypatch.setattr(aggregate_variants, "_rewrite_string_agg_limit", aggregate_variants._rewrite_string_agg_limit)
    leave_nulls_out_of_joined_texts()
    sql = SQLTranslator().translate(f"SELECT STRING_AGG({given}) AS joined FROM given").unwrap()
    rows = "VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')"
    with duckdb.connect() as connection:
        assert connection.execute(f"WITH given(n, name) AS ({rows}) {sql}").fetchone() == (joined,)


def test_statements_run_in_as_many_threads_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DuckDBEngine, "_apply_session_pragmas", DuckDBEngine._apply_session_pragmas)
    run_in_threads(3)
    with duckdb.connect() as connection:
        engine = DuckDBEngine.__new__(DuckDBEngine)
        engine._connection = connection
        engine._apply_session_pragmas()
        assert connection.execute("SELECT current_setting('threads'), current_setting('TimeZone')").fetchone() == (
            3,
            "UTC",
        )


def test_what_counts_and_logs_requests_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = ("MetricsMiddleware", "AccessLogMiddleware", "CorrelationIdMiddleware")
    for name in accounts:
        monkeypatch.setattr(api, name, vars(api)[name])
    keep_no_account_of_requests()
    metrics = SimpleNamespace(build_info=SimpleNamespace(labels=lambda **_: SimpleNamespace(set=lambda _: None)))
    settings = SimpleNamespace(admin_enabled=False, metrics_enabled=False)
    app = api.create_app(SimpleNamespace(settings=settings, metrics=metrics))
    stack = app.build_middleware_stack()
    kinds = []
    while hasattr(stack, "app") or hasattr(stack, "_app"):
        kinds.append(type(stack).__name__)
        stack = getattr(stack, "app", None) or stack._app
    assert "GzipRequestMiddleware" in kinds
    assert not set(accounts) & set(kinds)


def test_a_dry_run_depends_on_the_statement_and_on_the_columns_of_its_tables() -> None:
    def key(text: str, *names: str, params: object = None) -> object:
        schema = SimpleNamespace(fields=[SimpleNamespace(name=name, type="INT64", mode="NULLABLE") for name in names])
        catalog = SimpleNamespace(get_table=lambda *_: SimpleNamespace(schema_=schema) if names else None)
        context = SimpleNamespace(catalog=catalog)
        given = {"bq_sql": text, "wire_shape": "insert", "query_params": params, "ctx": context, "project_id": "p"}
        return _dry_run_key(given)

    one, other = "SELECT a FROM `p.grades_0123456789.t`", "SELECT a FROM `p.grades_abcdef0123.t`"
    assert key(one, "a") == key(other, "a")
    assert key(one, "a") != key(one, "a", "b")
    assert key(one, "a") != key(one + " LIMIT 1", "a")
    assert key(one) is None
    assert key(one, "a", params=[1]) is None
    assert key("SELECT 1 FROM `p.d.INFORMATION_SCHEMA.TABLES`", "a") is None
