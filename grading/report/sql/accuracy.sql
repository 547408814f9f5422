-- How well each system's confidence tells how often it is right: by system and decile of confidence, and by system in all.
-- One bet a player, game and system: a row with a line before one without, then the newest prediction. The formulas and
-- where they come from: docs/accuracy.md.
WITH made AS (
  -- The prediction that was graded; if all of a line have been withdrawn since, the newest of these.
  SELECT
    game_date,
    player_lookup,
    game_id,
    system_id,
    current_points_line,
    COALESCE(
      MAX(IF(${made_after} OR why_not IS NOT NULL, NULL, created_at)),
      MAX(IF(why_not IS NOT NULL, NULL, created_at)),
      MAX(created_at)) AS created_at
  FROM (
    SELECT
      *,
      ${why_not_graded} AS why_not
    FROM ${predictions}
    WHERE game_date BETWEEN ${start} AND ${end}
  )
  GROUP BY game_date, player_lookup, game_id, system_id, current_points_line
),
bets AS (
  SELECT
    g.system_id,
    g.confidence_decile AS decile,
    g.confidence_score,
    g.prediction_correct,
    IF(g.is_voided, NULL, g.absolute_error) AS absolute_error,
    g.recommendation IN ('OVER', 'UNDER')
      AND NOT IFNULL(g.is_voided, FALSE)
      AND g.line_value IS NOT NULL
      AND g.actual_points IS NOT NULL
      AND g.line_source IN ('ACTUAL_PROP', 'ODDS_API', 'BETTINGPROS') AS is_real_bet
  FROM ${accuracy} AS g
  LEFT JOIN made AS m
    ON m.game_date = g.game_date
    AND m.player_lookup = g.player_lookup
    AND m.game_id = g.game_id
    AND m.system_id = g.system_id
    AND m.current_points_line IS NOT DISTINCT FROM g.line_value
  WHERE g.game_date BETWEEN ${start} AND ${end}
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY g.game_date, g.player_lookup, ${game}, g.system_id
    ORDER BY IF(g.line_value IS NULL, 1, 0), m.created_at DESC NULLS LAST, g.line_value, g.game_id
  ) = 1
),
counted AS (
  SELECT
    system_id,
    part = 'all' AS is_total,
    IF(part = 'all', NULL, decile) AS confidence_decile,
    COUNT(*) AS predictions,
    COUNT(prediction_correct) AS decided,
    COUNTIF(prediction_correct) AS hits,
    AVG(
      IF(
        prediction_correct IS NULL,
        NULL,
        POW(CAST(confidence_score AS FLOAT64) - IF(prediction_correct, 1.0, 0.0), 2))) AS brier_score,
    AVG(CAST(absolute_error AS FLOAT64)) AS mae,
    COUNTIF(is_real_bet) AS real_bets,
    COUNTIF(is_real_bet AND prediction_correct) * 100 / 110
      - COUNTIF(is_real_bet AND NOT prediction_correct) AS units
  FROM bets
  CROSS JOIN UNNEST(['all', 'decile']) AS part
  GROUP BY system_id, is_total, confidence_decile
),
bounds AS (
  SELECT
    *,
    (hits + 1.9207294) / (NULLIF(decided, 0) + 3.8414588) AS middle,
    1.9599640 / (decided + 3.8414588) * SQRT(SAFE_DIVIDE(hits * (decided - hits), decided) + 0.9603647) AS half_width
  FROM counted
)
SELECT
  system_id,
  is_total,
  confidence_decile,
  predictions,
  decided,
  hits,
  SAFE_DIVIDE(hits, decided) AS hit_rate,
  GREATEST(middle - half_width, 0) AS hit_rate_low,
  LEAST(middle + half_width, 1) AS hit_rate_high,
  brier_score,
  mae,
  real_bets,
  units
FROM bounds
ORDER BY system_id, is_total DESC, confidence_decile
