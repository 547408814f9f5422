-- Four periods that end on the date, by system and slice: one scan, one grouping.
-- Rolling periods count the date itself: 7 and 30 days. Shares and confidence have 3 decimals, errors 2. A rate is of
-- decided bets, without voids and pushes; an error is of those who played.
WITH season AS (
  -- From 1 October: nine months back, the start of the year, nine months on.
  SELECT DATE_ADD(DATE_TRUNC(DATE_SUB(${date}, INTERVAL 9 MONTH), YEAR), INTERVAL 9 MONTH) AS start_date
),
periods AS (
  SELECT
    'rolling_7d' AS period_type,
    FORMAT_DATE('%Y-%m-%d', ${date}) AS period_value,
    DATE_SUB(${date}, INTERVAL 6 DAY) AS period_start_date
  UNION ALL
  SELECT 'rolling_30d', FORMAT_DATE('%Y-%m-%d', ${date}), DATE_SUB(${date}, INTERVAL 29 DAY)
  UNION ALL
  SELECT 'month', FORMAT_DATE('%Y-%m', ${date}), DATE_TRUNC(${date}, MONTH)
  UNION ALL
  SELECT
    'season',
    CONCAT(FORMAT_DATE('%Y', start_date), '-', FORMAT_DATE('%y', DATE_ADD(start_date, INTERVAL 1 YEAR))),
    start_date
  FROM season
),
archetypes AS (
  -- A player listed under several archetypes counts under the first of them.
  SELECT player_lookup, MIN(archetype) AS archetype
  FROM ${archetypes}
  GROUP BY player_lookup
),
grades AS (
  SELECT
    a.game_date,
    a.system_id,
    a.player_lookup,
    IFNULL(a.box_score_game_id, a.game_id) AS game_id,
    t.archetype,
    CASE
      WHEN a.confidence_score BETWEEN NUMERIC '0.70' AND 1 THEN 'high'
      WHEN a.confidence_score >= NUMERIC '0.55' AND a.confidence_score < NUMERIC '0.70' THEN 'medium'
      WHEN a.confidence_score >= 0 AND a.confidence_score < NUMERIC '0.55' THEN 'low'
    END AS confidence_tier,
    CASE
      WHEN a.team_abbr = SPLIT(IFNULL(a.box_score_game_id, a.game_id), '_')[SAFE_OFFSET(2)] THEN 'home'
      WHEN a.team_abbr != SPLIT(IFNULL(a.box_score_game_id, a.game_id), '_')[SAFE_OFFSET(2)] THEN 'away'
    END AS situation,
    a.recommendation,
    a.prediction_correct,
    a.is_voided IS NOT TRUE AS played,
    ${is_push} AS is_push,
    IF(a.is_voided, NULL, a.absolute_error) AS absolute_error,
    IF(a.is_voided, NULL, a.signed_error) AS signed_error,
    a.is_voided IS NOT TRUE AND a.within_3_points AS within_3_points,
    a.is_voided IS NOT TRUE AND a.within_5_points AS within_5_points,
    a.confidence_score
  FROM ${accuracy} AS a
  LEFT JOIN archetypes AS t ON t.player_lookup = a.player_lookup
  -- The earliest start of any period, as an expression of constants: only these partitions are read.
  WHERE a.game_date BETWEEN
    LEAST(
      DATE_SUB(${date}, INTERVAL 29 DAY),
      DATE_ADD(DATE_TRUNC(DATE_SUB(${date}, INTERVAL 9 MONTH), YEAR), INTERVAL 9 MONTH))
    AND ${date}
),
slices AS (
  SELECT
    g.system_id,
    p.period_type,
    p.period_value,
    p.period_start_date,
    g.player_lookup,
    g.archetype,
    g.confidence_tier,
    g.situation,
    GROUPING(g.player_lookup) = 0 AS by_player,
    COUNT(*) AS total_predictions,
    COUNTIF(g.recommendation IN ('OVER', 'UNDER')) AS total_recommendations,
    COUNTIF(g.prediction_correct) AS hits,
    COUNTIF(NOT g.prediction_correct) AS misses,
    COUNTIF(g.is_push) AS pushes,
    SAFE_DIVIDE(COUNTIF(g.prediction_correct), COUNT(g.prediction_correct)) AS hit_rate,
    SAFE_DIVIDE(
      COUNTIF(g.recommendation = 'OVER' AND g.prediction_correct),
      COUNTIF(g.recommendation = 'OVER' AND g.prediction_correct IS NOT NULL)) AS over_hit_rate,
    SAFE_DIVIDE(
      COUNTIF(g.recommendation = 'UNDER' AND g.prediction_correct),
      COUNTIF(g.recommendation = 'UNDER' AND g.prediction_correct IS NOT NULL)) AS under_hit_rate,
    AVG(g.absolute_error) AS mae,
    AVG(g.signed_error) AS avg_bias,
    SAFE_DIVIDE(COUNTIF(g.within_3_points), COUNTIF(g.played)) AS within_3_pct,
    SAFE_DIVIDE(COUNTIF(g.within_5_points), COUNTIF(g.played)) AS within_5_pct,
    AVG(g.confidence_score) AS avg_confidence,
    COUNT(DISTINCT g.player_lookup) AS unique_players,
    COUNT(DISTINCT g.game_id) AS unique_games
  FROM grades AS g
  JOIN periods AS p ON g.game_date >= p.period_start_date
  GROUP BY GROUPING SETS (
    (system_id, period_type, period_value, period_start_date),
    (system_id, period_type, period_value, period_start_date, player_lookup),
    (system_id, period_type, period_value, period_start_date, archetype),
    (system_id, period_type, period_value, period_start_date, confidence_tier),
    (system_id, period_type, period_value, period_start_date, situation)
  )
  -- What has no archetype, tier or team is in the overall slice alone.
  HAVING CASE
    WHEN GROUPING(g.player_lookup) = 0 THEN COUNT(*) >= 5
    WHEN GROUPING(g.archetype) = 0 THEN g.archetype IS NOT NULL AND COUNT(*) >= 10
    WHEN GROUPING(g.confidence_tier) = 0 THEN g.confidence_tier IS NOT NULL
    WHEN GROUPING(g.situation) = 0 THEN g.situation IS NOT NULL
    ELSE TRUE
  END
),
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY system_id, period_type, by_player
      ORDER BY total_predictions DESC, player_lookup
    ) AS player_rank
  FROM slices
)
SELECT
  CONCAT(
    system_id, '|', period_type, '|', period_value, '|', IFNULL(player_lookup, 'NULL'), '|',
    IFNULL(archetype, 'NULL'), '|', IFNULL(confidence_tier, 'NULL'), '|', IFNULL(situation, 'NULL')) AS summary_key,
  ${date} AS as_of_date,
  system_id,
  period_type,
  period_value,
  player_lookup,
  archetype,
  confidence_tier,
  situation,
  total_predictions,
  total_recommendations,
  hits,
  misses,
  ROUND(CAST(hit_rate AS NUMERIC(38, 9)), 3) AS hit_rate,
  ROUND(CAST(over_hit_rate AS NUMERIC(38, 9)), 3) AS over_hit_rate,
  ROUND(CAST(under_hit_rate AS NUMERIC(38, 9)), 3) AS under_hit_rate,
  ROUND(mae, 2) AS mae,
  ROUND(avg_bias, 2) AS avg_bias,
  ROUND(CAST(within_3_pct AS NUMERIC(38, 9)), 3) AS within_3_pct,
  ROUND(CAST(within_5_pct AS NUMERIC(38, 9)), 3) AS within_5_pct,
  ROUND(avg_confidence, 3) AS avg_confidence,
  unique_players,
  unique_games,
  period_start_date,
  ${date} AS period_end_date,
  CURRENT_TIMESTAMP() AS computed_at,
  pushes
FROM ranked
-- Of many players the 200 with the most predictions; of several with as many, the first by name.
WHERE NOT by_player OR player_rank <= 200
