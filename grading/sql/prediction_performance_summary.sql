-- Four periods that end on each date, by system and slice. The season is read once, whatever the number of dates: grades
-- are summed up by the stretch between two days at which any period begins or ends, and a period is the difference of
-- two running totals. Players and games are counted where they were seen last.
-- Rolling periods count the date itself: 7 and 30 days. Shares and confidence have 3 decimals, errors 2. A rate is of
-- decided bets, without voids and pushes; an error is of those who played. A share is counted in thousandths, half of one
-- up: DIV(2000 * part + whole, 2 * whole). Whole numbers lose nothing.
WITH asked AS (
  SELECT
    day AS as_of_date,
    CAST(DATE_TRUNC(day, MONTH) AS DATE) AS month_start,
    CAST(DATE_ADD(DATE_TRUNC(DATE_SUB(day, INTERVAL 9 MONTH), YEAR), INTERVAL 9 MONTH) AS DATE) AS season_start
  FROM UNNEST([${dates}]) AS day
),
periods AS (
  SELECT
    as_of_date,
    'rolling_7d' AS period_type,
    FORMAT_DATE('%Y-%m-%d', as_of_date) AS period_value,
    CAST(DATE_SUB(as_of_date, INTERVAL 6 DAY) AS DATE) AS period_start_date
  FROM asked
  UNION ALL
  SELECT as_of_date, 'rolling_30d', FORMAT_DATE('%Y-%m-%d', as_of_date), CAST(DATE_SUB(as_of_date, INTERVAL 29 DAY) AS DATE)
  FROM asked
  UNION ALL
  SELECT as_of_date, 'month', FORMAT_DATE('%Y-%m', as_of_date), month_start
  FROM asked
  UNION ALL
  -- From 1 October: nine months back, the start of the year, nine months on.
  SELECT
    as_of_date,
    'season',
    CONCAT(FORMAT_DATE('%Y', season_start), '-', FORMAT_DATE('%y', DATE_ADD(season_start, INTERVAL 1 YEAR))),
    season_start
  FROM asked
),
ends AS (
  SELECT DISTINCT day
  FROM (
    SELECT as_of_date AS day FROM periods
    UNION ALL
    SELECT DATE_SUB(period_start_date, INTERVAL 1 DAY) AS day FROM periods
  )
),
-- Each day with the end of its stretch.
days AS (
  SELECT day, MIN(upto) AS upto
  FROM (
    SELECT dated AS day, ends.day AS upto
    FROM UNNEST(GENERATE_DATE_ARRAY(
      LEAST(
        DATE_SUB(${first}, INTERVAL 29 DAY),
        DATE_ADD(DATE_TRUNC(DATE_SUB(${first}, INTERVAL 9 MONTH), YEAR), INTERVAL 9 MONTH)),
      ${last})) AS dated
    JOIN ends ON ends.day >= dated
  )
  GROUP BY day
),
archetypes AS (
  -- A player listed under several archetypes counts under the first of them.
  SELECT player_lookup, MIN(archetype) AS archetype
  FROM ${archetypes}
  GROUP BY player_lookup
),
grades AS (
  SELECT
    days.upto,
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
  JOIN days ON days.day = a.game_date
  LEFT JOIN archetypes AS t ON t.player_lookup = a.player_lookup
  -- The earliest start of any period, as an expression of constants: only these partitions are read.
  WHERE a.game_date BETWEEN
    LEAST(
      DATE_SUB(${first}, INTERVAL 29 DAY),
      DATE_ADD(DATE_TRUNC(DATE_SUB(${first}, INTERVAL 9 MONTH), YEAR), INTERVAL 9 MONTH))
    AND ${last}
),
-- The lines of a player in a game, which are many, summed up once.
pieces AS (
  SELECT
    system_id,
    upto,
    player_lookup,
    game_id,
    archetype,
    confidence_tier,
    situation,
    COUNT(*) AS total_predictions,
    COUNTIF(recommendation IN ('OVER', 'UNDER')) AS total_recommendations,
    COUNTIF(prediction_correct) AS hits,
    COUNTIF(NOT prediction_correct) AS misses,
    COUNTIF(is_push) AS pushes,
    COUNTIF(recommendation = 'OVER' AND prediction_correct) AS over_hits,
    COUNTIF(recommendation = 'OVER' AND prediction_correct IS NOT NULL) AS overs,
    COUNTIF(recommendation = 'UNDER' AND prediction_correct) AS under_hits,
    COUNTIF(recommendation = 'UNDER' AND prediction_correct IS NOT NULL) AS unders,
    COUNTIF(played) AS played,
    COUNTIF(within_3_points) AS within_3,
    COUNTIF(within_5_points) AS within_5,
    IFNULL(SUM(absolute_error), 0) AS absolute_errors,
    COUNT(absolute_error) AS absolutes,
    IFNULL(SUM(signed_error), 0) AS signed_errors,
    COUNT(signed_error) AS signeds,
    IFNULL(SUM(confidence_score), 0) AS confidences,
    COUNT(confidence_score) AS confident
  FROM grades
  GROUP BY system_id, upto, player_lookup, game_id, archetype, confidence_tier, situation
),
sums AS (
  SELECT
    system_id,
    CASE
      WHEN GROUPING(player_lookup) = 0 THEN 'player'
      WHEN GROUPING(archetype) = 0 THEN 'archetype'
      WHEN GROUPING(confidence_tier) = 0 THEN 'tier'
      WHEN GROUPING(situation) = 0 THEN 'situation'
      ELSE ''
    END AS kind,
    COALESCE(player_lookup, archetype, confidence_tier, situation, '') AS slice,
    upto,
    SUM(total_predictions) AS total_predictions,
    SUM(total_recommendations) AS total_recommendations,
    SUM(hits) AS hits,
    SUM(misses) AS misses,
    SUM(pushes) AS pushes,
    SUM(over_hits) AS over_hits,
    SUM(overs) AS overs,
    SUM(under_hits) AS under_hits,
    SUM(unders) AS unders,
    SUM(played) AS played,
    SUM(within_3) AS within_3,
    SUM(within_5) AS within_5,
    SUM(absolute_errors) AS absolute_errors,
    SUM(absolutes) AS absolutes,
    SUM(signed_errors) AS signed_errors,
    SUM(signeds) AS signeds,
    SUM(confidences) AS confidences,
    SUM(confident) AS confident
  FROM pieces
  GROUP BY GROUPING SETS (
    (system_id, upto),
    (system_id, upto, player_lookup),
    (system_id, upto, archetype),
    (system_id, upto, confidence_tier),
    (system_id, upto, situation)
  )
  -- What has no archetype, tier or team is in the overall slice alone.
  HAVING GROUPING(player_lookup) = 0
    OR GROUPING(archetype) = 0 AND archetype IS NOT NULL
    OR GROUPING(confidence_tier) = 0 AND confidence_tier IS NOT NULL
    OR GROUPING(situation) = 0 AND situation IS NOT NULL
    OR GROUPING(player_lookup) + GROUPING(archetype) + GROUPING(confidence_tier) + GROUPING(situation) = 4
),
-- In which stretches of a slice a player, or a game, was seen.
seen AS (
  SELECT
    system_id,
    CASE
      WHEN GROUPING(archetype) = 0 THEN 'archetype'
      WHEN GROUPING(confidence_tier) = 0 THEN 'tier'
      WHEN GROUPING(situation) = 0 THEN 'situation'
      ELSE ''
    END AS kind,
    COALESCE(archetype, confidence_tier, situation, '') AS slice,
    TRUE AS is_player,
    player_lookup AS name,
    upto
  FROM pieces
  GROUP BY GROUPING SETS (
    (system_id, upto, player_lookup),
    (system_id, upto, player_lookup, archetype),
    (system_id, upto, player_lookup, confidence_tier),
    (system_id, upto, player_lookup, situation)
  )
  HAVING (GROUPING(archetype) = 1 OR archetype IS NOT NULL)
    AND (GROUPING(confidence_tier) = 1 OR confidence_tier IS NOT NULL)
    AND (GROUPING(situation) = 1 OR situation IS NOT NULL)
  UNION ALL
  SELECT
    system_id,
    CASE
      WHEN GROUPING(player_lookup) = 0 THEN 'player'
      WHEN GROUPING(archetype) = 0 THEN 'archetype'
      WHEN GROUPING(confidence_tier) = 0 THEN 'tier'
      WHEN GROUPING(situation) = 0 THEN 'situation'
      ELSE ''
    END AS kind,
    COALESCE(player_lookup, archetype, confidence_tier, situation, '') AS slice,
    FALSE AS is_player,
    game_id AS name,
    upto
  FROM pieces
  GROUP BY GROUPING SETS (
    (system_id, upto, game_id),
    (system_id, upto, game_id, player_lookup),
    (system_id, upto, game_id, archetype),
    (system_id, upto, game_id, confidence_tier),
    (system_id, upto, game_id, situation)
  )
  HAVING (GROUPING(archetype) = 1 OR archetype IS NOT NULL)
    AND (GROUPING(confidence_tier) = 1 OR confidence_tier IS NOT NULL)
    AND (GROUPING(situation) = 1 OR situation IS NOT NULL)
),
-- A name counts from the stretch in which it was seen, until it is seen again or the period begins after it.
last_seen AS (
  SELECT
    system_id, kind, slice, is_player, upto, IFNULL(seen_again, DATE '9999-12-31') AS seen_again, COUNT(*) AS names
  FROM (
    SELECT
      *,
      LEAD(upto) OVER (PARTITION BY system_id, kind, slice, is_player, name ORDER BY upto) AS seen_again
    FROM seen
  )
  GROUP BY system_id, kind, slice, is_player, upto, seen_again
),
changes AS (
  SELECT system_id, kind, slice, is_player, period_type, upto AS day, names
  FROM last_seen
  CROSS JOIN UNNEST(['rolling_7d', 'rolling_30d', 'month', 'season']) AS period_type
  UNION ALL
  SELECT
    system_id,
    kind,
    slice,
    is_player,
    period_type,
    LEAST(
      seen_again,
      CASE period_type
        WHEN 'rolling_7d' THEN DATE_ADD(upto, INTERVAL 7 DAY)
        WHEN 'rolling_30d' THEN DATE_ADD(upto, INTERVAL 30 DAY)
        WHEN 'month' THEN DATE_ADD(DATE_TRUNC(upto, MONTH), INTERVAL 1 MONTH)
        ELSE DATE_ADD(DATE_TRUNC(DATE_SUB(upto, INTERVAL 9 MONTH), YEAR), INTERVAL 21 MONTH)
      END) AS day,
    -names
  FROM last_seen
  CROSS JOIN UNNEST(['rolling_7d', 'rolling_30d', 'month', 'season']) AS period_type
),
changed AS (
  SELECT
    system_id,
    kind,
    slice,
    days.upto,
    SUM(IF(is_player AND period_type = 'rolling_7d', names, 0)) AS players_7d,
    SUM(IF(is_player AND period_type = 'rolling_30d', names, 0)) AS players_30d,
    SUM(IF(is_player AND period_type = 'month', names, 0)) AS players_month,
    SUM(IF(is_player AND period_type = 'season', names, 0)) AS players_season,
    SUM(IF(is_player OR period_type != 'rolling_7d', 0, names)) AS games_7d,
    SUM(IF(is_player OR period_type != 'rolling_30d', 0, names)) AS games_30d,
    SUM(IF(is_player OR period_type != 'month', 0, names)) AS games_month,
    SUM(IF(is_player OR period_type != 'season', 0, names)) AS games_season
  FROM changes
  JOIN days ON days.day = changes.day
  GROUP BY system_id, kind, slice, days.upto
),
-- Every slice at the end of every stretch, and what there was until then.
totals AS (
  SELECT
    k.system_id,
    k.kind,
    k.slice,
    ends.day,
    SUM(s.total_predictions) OVER until_then AS total_predictions,
    SUM(s.total_recommendations) OVER until_then AS total_recommendations,
    SUM(s.hits) OVER until_then AS hits,
    SUM(s.misses) OVER until_then AS misses,
    SUM(s.pushes) OVER until_then AS pushes,
    SUM(s.over_hits) OVER until_then AS over_hits,
    SUM(s.overs) OVER until_then AS overs,
    SUM(s.under_hits) OVER until_then AS under_hits,
    SUM(s.unders) OVER until_then AS unders,
    SUM(s.played) OVER until_then AS played,
    SUM(s.within_3) OVER until_then AS within_3,
    SUM(s.within_5) OVER until_then AS within_5,
    SUM(s.absolute_errors) OVER until_then AS absolute_errors,
    SUM(s.absolutes) OVER until_then AS absolutes,
    SUM(s.signed_errors) OVER until_then AS signed_errors,
    SUM(s.signeds) OVER until_then AS signeds,
    SUM(s.confidences) OVER until_then AS confidences,
    SUM(s.confident) OVER until_then AS confident,
    SUM(c.players_7d) OVER until_then AS players_7d,
    SUM(c.players_30d) OVER until_then AS players_30d,
    SUM(c.players_month) OVER until_then AS players_month,
    SUM(c.players_season) OVER until_then AS players_season,
    SUM(c.games_7d) OVER until_then AS games_7d,
    SUM(c.games_30d) OVER until_then AS games_30d,
    SUM(c.games_month) OVER until_then AS games_month,
    SUM(c.games_season) OVER until_then AS games_season
  FROM (SELECT DISTINCT system_id, kind, slice FROM sums) AS k
  CROSS JOIN ends
  LEFT JOIN sums AS s
    ON s.system_id = k.system_id AND s.kind = k.kind AND s.slice = k.slice AND s.upto = ends.day
  LEFT JOIN changed AS c
    ON c.system_id = k.system_id AND c.kind = k.kind AND c.slice = k.slice AND c.upto = ends.day
  WINDOW until_then AS (
    PARTITION BY k.system_id, k.kind, k.slice
    ORDER BY ends.day
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
slices AS (
  SELECT
    p.as_of_date,
    p.period_type,
    p.period_value,
    p.period_start_date,
    e.system_id,
    e.kind,
    e.slice,
    e.total_predictions - IFNULL(b.total_predictions, 0) AS total_predictions,
    e.total_recommendations - IFNULL(b.total_recommendations, 0) AS total_recommendations,
    e.hits - IFNULL(b.hits, 0) AS hits,
    e.misses - IFNULL(b.misses, 0) AS misses,
    e.pushes - IFNULL(b.pushes, 0) AS pushes,
    e.over_hits - IFNULL(b.over_hits, 0) AS over_hits,
    e.overs - IFNULL(b.overs, 0) AS overs,
    e.under_hits - IFNULL(b.under_hits, 0) AS under_hits,
    e.unders - IFNULL(b.unders, 0) AS unders,
    e.played - IFNULL(b.played, 0) AS played,
    e.within_3 - IFNULL(b.within_3, 0) AS within_3,
    e.within_5 - IFNULL(b.within_5, 0) AS within_5,
    e.absolute_errors - IFNULL(b.absolute_errors, 0) AS absolute_errors,
    e.absolutes - IFNULL(b.absolutes, 0) AS absolutes,
    e.signed_errors - IFNULL(b.signed_errors, 0) AS signed_errors,
    e.signeds - IFNULL(b.signeds, 0) AS signeds,
    e.confidences - IFNULL(b.confidences, 0) AS confidences,
    e.confident - IFNULL(b.confident, 0) AS confident,
    CASE
      WHEN e.kind = 'player' THEN 1
      WHEN p.period_type = 'rolling_7d' THEN e.players_7d
      WHEN p.period_type = 'rolling_30d' THEN e.players_30d
      WHEN p.period_type = 'month' THEN e.players_month
      ELSE e.players_season
    END AS unique_players,
    CASE p.period_type
      WHEN 'rolling_7d' THEN e.games_7d
      WHEN 'rolling_30d' THEN e.games_30d
      WHEN 'month' THEN e.games_month
      ELSE e.games_season
    END AS unique_games
  FROM periods AS p
  JOIN totals AS e ON e.day = p.as_of_date
  LEFT JOIN totals AS b
    ON b.day = DATE_SUB(p.period_start_date, INTERVAL 1 DAY)
    AND b.system_id = e.system_id
    AND b.kind = e.kind
    AND b.slice = e.slice
  WHERE e.total_predictions - IFNULL(b.total_predictions, 0)
    >= CASE e.kind WHEN 'player' THEN 5 WHEN 'archetype' THEN 10 ELSE 1 END
),
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY as_of_date, system_id, period_type, kind = 'player'
      ORDER BY total_predictions DESC, slice
    ) AS player_rank
  FROM slices
)
SELECT
  CONCAT(
    system_id, '|', period_type, '|', period_value, '|', IF(kind = 'player', slice, 'NULL'), '|',
    IF(kind = 'archetype', slice, 'NULL'), '|', IF(kind = 'tier', slice, 'NULL'), '|',
    IF(kind = 'situation', slice, 'NULL')) AS summary_key,
  as_of_date,
  system_id,
  period_type,
  period_value,
  IF(kind = 'player', slice, NULL) AS player_lookup,
  IF(kind = 'archetype', slice, NULL) AS archetype,
  IF(kind = 'tier', slice, NULL) AS confidence_tier,
  IF(kind = 'situation', slice, NULL) AS situation,
  CAST(total_predictions AS INT64) AS total_predictions,
  CAST(total_recommendations AS INT64) AS total_recommendations,
  CAST(hits AS INT64) AS hits,
  CAST(misses AS INT64) AS misses,
  NUMERIC '0.001' * CAST(DIV((2000 * hits + hits + misses), NULLIF(2 * (hits + misses), 0)) AS INT64) AS hit_rate,
  NUMERIC '0.001' * CAST(DIV((2000 * over_hits + overs), NULLIF(2 * overs, 0)) AS INT64) AS over_hit_rate,
  NUMERIC '0.001' * CAST(DIV((2000 * under_hits + unders), NULLIF(2 * unders, 0)) AS INT64) AS under_hit_rate,
  ROUND(SAFE_DIVIDE(absolute_errors, absolutes), 2) AS mae,
  ROUND(SAFE_DIVIDE(signed_errors, signeds), 2) AS avg_bias,
  NUMERIC '0.001' * CAST(DIV((2000 * within_3 + played), NULLIF(2 * played, 0)) AS INT64) AS within_3_pct,
  NUMERIC '0.001' * CAST(DIV((2000 * within_5 + played), NULLIF(2 * played, 0)) AS INT64) AS within_5_pct,
  ROUND(SAFE_DIVIDE(confidences, confident), 3) AS avg_confidence,
  CAST(unique_players AS INT64) AS unique_players,
  CAST(unique_games AS INT64) AS unique_games,
  period_start_date,
  as_of_date AS period_end_date,
  CURRENT_TIMESTAMP() AS computed_at,
  CAST(pushes AS INT64) AS pushes
FROM ranked
-- Of many players the 200 with the most predictions; of several with as many, the first by name.
WHERE kind != 'player' OR player_rank <= 200
