-- The grades of each date by system. Shares and confidence have 3 decimals, errors 2. A rate is of decided bets: a void is no
-- bet, and a push decides nothing. An error is of those who played.
-- A share is counted in thousandths, half of one up: DIV(2000 * part + whole, 2 * whole). Whole numbers lose nothing.
WITH grades AS (
  SELECT
    game_date,
    system_id,
    recommendation,
    prediction_correct,
    confidence_score,
    confidence_score >= NUMERIC '0.70' AS high_confidence,
    recommendation IN ('OVER', 'UNDER') AS recommended,
    is_voided,
    ${is_push} AS is_push,
    is_voided IS NOT TRUE AS played,
    IF(is_voided, NULL, absolute_error) AS absolute_error,
    IF(is_voided, NULL, signed_error) AS signed_error,
    is_voided IS NOT TRUE AND within_3_points AS within_3_points,
    is_voided IS NOT TRUE AND within_5_points AS within_5_points
  FROM ${accuracy}
  WHERE game_date ${days}
),
counted AS (
  SELECT
    game_date,
    system_id,
    COUNT(*) AS predictions_count,
    COUNTIF(recommended) AS recommendations_count,
    COUNTIF(prediction_correct) AS correct_count,
    COUNTIF(NOT prediction_correct) AS incorrect_count,
    COUNT(prediction_correct) AS decided,
    COUNTIF(recommendation = 'PASS') AS pass_count,
    ROUND(AVG(absolute_error), 2) AS mae,
    ROUND(AVG(signed_error), 2) AS avg_bias,
    COUNTIF(recommendation = 'OVER') AS over_count,
    COUNTIF(recommendation = 'OVER' AND prediction_correct) AS over_correct,
    COUNTIF(recommendation = 'OVER' AND prediction_correct IS NOT NULL) AS over_decided,
    COUNTIF(recommendation = 'UNDER') AS under_count,
    COUNTIF(recommendation = 'UNDER' AND prediction_correct) AS under_correct,
    COUNTIF(recommendation = 'UNDER' AND prediction_correct IS NOT NULL) AS under_decided,
    COUNTIF(played) AS played,
    COUNTIF(within_3_points) AS within_3_count,
    COUNTIF(within_5_points) AS within_5_count,
    ROUND(AVG(confidence_score), 3) AS avg_confidence,
    COUNTIF(high_confidence) AS high_confidence_count,
    COUNTIF(high_confidence AND prediction_correct) AS high_confidence_correct,
    COUNTIF(high_confidence AND prediction_correct IS NOT NULL) AS high_confidence_decided,
    COUNTIF(is_voided) AS voided_count,
    COUNTIF(is_push) AS push_count
  FROM grades
  GROUP BY game_date, system_id
)
SELECT
  game_date,
  system_id,
  predictions_count,
  recommendations_count,
  correct_count,
  incorrect_count,
  pass_count,
  NUMERIC '0.001' * CAST(DIV((2000 * correct_count + decided), NULLIF(2 * decided, 0)) AS INT64) AS win_rate,
  mae,
  avg_bias,
  over_count,
  over_correct,
  NUMERIC '0.001' * CAST(DIV((2000 * over_correct + over_decided), NULLIF(2 * over_decided, 0)) AS INT64) AS over_win_rate,
  under_count,
  under_correct,
  NUMERIC '0.001' * CAST(DIV((2000 * under_correct + under_decided), NULLIF(2 * under_decided, 0)) AS INT64) AS under_win_rate,
  within_3_count,
  NUMERIC '0.001' * CAST(DIV((2000 * within_3_count + played), NULLIF(2 * played, 0)) AS INT64) AS within_3_pct,
  within_5_count,
  NUMERIC '0.001' * CAST(DIV((2000 * within_5_count + played), NULLIF(2 * played, 0)) AS INT64) AS within_5_pct,
  avg_confidence,
  high_confidence_count,
  high_confidence_correct,
  NUMERIC '0.001'
    * CAST(DIV((2000 * high_confidence_correct + high_confidence_decided), NULLIF(2 * high_confidence_decided, 0)) AS INT64)
    AS high_confidence_win_rate,
  voided_count,
  CURRENT_TIMESTAMP() AS computed_at,
  push_count
FROM counted
