-- Grades one date: the newest active prediction of each business key, beside its box score.
WITH predictions AS (
  SELECT
    player_lookup,
    game_id,
    system_id,
    predicted_points,
    ROUND(IF(confidence_score > 1, confidence_score * NUMERIC '0.01', confidence_score), ${confidence_decimals}) AS confidence_score,
    recommendation,
    current_points_line AS line_value,
    pace_adjustment,
    similar_games_count,
    model_version,
    has_prop_line,
    line_source,
    estimated_line_value,
    is_actionable,
    filter_reason,
    injury_status_at_prediction,
    IFNULL(injury_flag_at_prediction, FALSE) AS captured_flag,
    injury_status_at_prediction IS NOT NULL OR injury_flag_at_prediction IS NOT NULL AS injury_captured${passed_in}
  FROM ${predictions}
  WHERE game_date = ${date}
    AND (
      ${why_not_graded}
    ) IS NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY player_lookup, game_id, system_id, current_points_line
    ORDER BY created_at DESC, prediction_id DESC
  ) = 1
),
box_scores AS (
  SELECT
    player_lookup,
    game_id,
    team_abbr,
    opponent_team_abbr,
    points,
    minutes_played,
    IFNULL(is_dnp, FALSE) OR points IS NULL OR (points = 0 AND IFNULL(minutes_played, 0) = 0) AS did_not_play
  FROM ${box_scores}
  WHERE game_date = ${date}
),
injury_reports AS (
  SELECT
    player_lookup,
    injury_status AS reported_status
  FROM ${injury_report}
  WHERE game_date = ${date}
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY player_lookup
    ORDER BY report_date DESC, report_hour DESC, injury_status
  ) = 1
),
-- Few statuses and many predictions: each status is put into upper case once.
statuses AS (
  SELECT status, UPPER(status) AS upper_status
  FROM (
    SELECT injury_status_at_prediction AS status FROM ${predictions} WHERE game_date = ${date}
    UNION DISTINCT
    SELECT injury_status AS status FROM ${injury_report} WHERE game_date = ${date}
  )
),
graded AS (
  SELECT
    p.*,
    b.team_abbr,
    b.opponent_team_abbr,
    b.points AS actual_points,
    b.minutes_played,
    b.did_not_play AS is_voided,
    p.predicted_points - b.points AS signed_error,
    p.predicted_points - p.line_value AS predicted_margin,
    b.points - p.line_value AS actual_margin,
    IF(b.did_not_play, s.upper_status, NULL) AS injury_status
  FROM predictions AS p
  JOIN box_scores AS b USING (player_lookup, game_id)
  LEFT JOIN injury_reports AS i USING (player_lookup)
  LEFT JOIN statuses AS s ON s.status = IF(p.injury_captured, p.injury_status_at_prediction, i.reported_status)
),
judged AS (
  SELECT
    *,
    IFNULL(
      is_voided
      AND IF(injury_captured, captured_flag, injury_status IN ('OUT', 'DOUBTFUL', 'QUESTIONABLE', 'PROBABLE')),
      FALSE) AS injury_flag
  FROM graded
)
SELECT
  player_lookup,
  game_id,
  ${date} AS game_date,
  system_id,
  team_abbr,
  opponent_team_abbr,
  predicted_points,
  confidence_score,
  CAST(LEAST(10, FLOOR(confidence_score * 10) + 1) AS INT64) AS confidence_decile,
  recommendation,
  line_value,
  pace_adjustment,
  similar_games_count AS similarity_sample_size,
  actual_points,
  minutes_played,
  ABS(signed_error) AS absolute_error,
  signed_error,
  CASE
    WHEN is_voided OR line_value IS NULL OR actual_margin = 0 THEN NULL
    WHEN recommendation = 'OVER' THEN actual_margin > 0
    WHEN recommendation = 'UNDER' THEN actual_margin < 0
  END AS prediction_correct,
  predicted_margin,
  actual_margin,
  ABS(signed_error) <= 3 AS within_3_points,
  ABS(signed_error) <= 5 AS within_5_points,
  IFNULL(has_prop_line, TRUE) AS has_prop_line,
  IFNULL(line_source, 'ACTUAL_PROP') AS line_source,
  estimated_line_value,
  IFNULL(is_actionable, TRUE) AS is_actionable,
  filter_reason,
  is_voided,
  CASE
    WHEN NOT is_voided THEN NULL
    WHEN injury_flag AND injury_status IN ('OUT', 'DOUBTFUL') THEN 'dnp_injury_confirmed'
    WHEN injury_flag AND injury_status IN ('QUESTIONABLE', 'PROBABLE') THEN 'dnp_late_scratch'
    ELSE 'dnp_unknown'
  END AS void_reason,
  injury_flag AS pre_game_injury_flag,
  injury_status AS pre_game_injury_status,
  injury_flag
    AND IFNULL(injury_status IN ('OUT', 'DOUBTFUL', 'QUESTIONABLE', 'PROBABLE'), FALSE) AS injury_confirmed_postgame,
  model_version,
  CURRENT_TIMESTAMP() AS graded_at${passed_out}
FROM judged
