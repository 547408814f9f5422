-- Grades some dates: of each bet the newest prediction that counts, beside the box score of its game.
WITH box_scores AS (
  ${counted_box_scores}
),
predictions AS (
  SELECT
    game_date,
    player_lookup,
    game_id,
    system_id,
    predicted_points,
    -- A percentage is a confidence too.
    IF(
      confidence_score > 1,
      ROUND(confidence_score * NUMERIC '0.01', ${confidence_decimals}),
      ROUND(confidence_score, ${confidence_decimals})) AS given_confidence,
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
    injury_status_at_prediction IS NOT NULL OR injury_flag_at_prediction IS NOT NULL AS injury_captured,
    created_at,
    prediction_id,
    ${made_after} AS made_after,
    CAST(NULL AS STRING) AS reason${passed_in}
  FROM ${predictions}
  WHERE game_date ${days}
    AND (
      ${why_not_graded}
    ) IS NULL
),
found AS (
  SELECT
    placed.*,
    reports.injury_status AS reported_status
  FROM (
    ${found_box_scores}
  ) AS placed
  LEFT JOIN (
    ${newest_injury_reports}
  ) AS reports ON reports.game_date = placed.for_date AND reports.player_lookup = placed.for_player
),
kept AS (
  SELECT
    p.*,
    f.box_score_game_id,
    f.team_abbr,
    f.opponent_team_abbr,
    f.points,
    f.minutes_played,
    f.did_not_play,
    f.box_scores_differ,
    f.reported_status
  FROM predictions AS p
  JOIN found AS f ON f.for_date = p.game_date AND f.for_player = p.player_lookup AND f.for_game_id = p.game_id
  WHERE f.box_score_game_id IS NOT NULL
  QUALIFY ${is_kept}
),
graded AS (
  SELECT
    k.*,
    IF(k.given_confidence BETWEEN 0 AND 1, k.given_confidence, NULL) AS confidence_score,
    k.points AS actual_points,
    k.did_not_play AS is_voided,
    k.predicted_points - k.points AS signed_error,
    k.predicted_points - k.line_value AS predicted_margin,
    k.points - k.line_value AS actual_margin,
    CASE
      WHEN k.did_not_play
        THEN UPPER(IF(k.injury_captured, k.injury_status_at_prediction, k.reported_status))
    END AS injury_status
  FROM kept AS k
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
  game_date,
  system_id,
  team_abbr,
  opponent_team_abbr,
  predicted_points,
  confidence_score,
  -- LEAST(10, FLOOR(confidence_score * 10) + 1), by comparing: no division, and no rounding.
  CASE
    WHEN confidence_score < NUMERIC '0.1' THEN 1
    WHEN confidence_score < NUMERIC '0.2' THEN 2
    WHEN confidence_score < NUMERIC '0.3' THEN 3
    WHEN confidence_score < NUMERIC '0.4' THEN 4
    WHEN confidence_score < NUMERIC '0.5' THEN 5
    WHEN confidence_score < NUMERIC '0.6' THEN 6
    WHEN confidence_score < NUMERIC '0.7' THEN 7
    WHEN confidence_score < NUMERIC '0.8' THEN 8
    WHEN confidence_score < NUMERIC '0.9' THEN 9
    WHEN confidence_score IS NOT NULL THEN 10
  END AS confidence_decile,
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
  CURRENT_TIMESTAMP() AS graded_at,
  box_score_game_id,
  box_scores_differ,
  given_confidence IS NOT NULL AND confidence_score IS NULL AS confidence_out_of_range,
  ${rules_version} AS rules_version${passed_out}
FROM judged
