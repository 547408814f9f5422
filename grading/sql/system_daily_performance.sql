-- A date's grades by system. Shares and confidence have 3 decimals, errors 2.
-- NUMERIC(38, 9) is NUMERIC itself, spelt out: a plain NUMERIC has fewer decimals in some engines.
WITH grades AS (
  SELECT
    system_id,
    recommendation,
    prediction_correct,
    absolute_error,
    signed_error,
    within_3_points,
    within_5_points,
    confidence_score,
    confidence_score >= NUMERIC '0.70' AS high_confidence,
    recommendation IN ('OVER', 'UNDER') AS recommended,
    is_voided
  FROM ${accuracy}
  WHERE game_date = ${date}
)
SELECT
  ${date} AS game_date,
  system_id,
  COUNT(*) AS predictions_count,
  COUNTIF(recommended) AS recommendations_count,
  COUNTIF(prediction_correct) AS correct_count,
  COUNTIF(NOT prediction_correct) AS incorrect_count,
  COUNTIF(recommendation = 'PASS') AS pass_count,
  ROUND(CAST(SAFE_DIVIDE(COUNTIF(prediction_correct), COUNTIF(recommended)) AS NUMERIC(38, 9)), 3) AS win_rate,
  ROUND(AVG(absolute_error), 2) AS mae,
  ROUND(AVG(signed_error), 2) AS avg_bias,
  COUNTIF(recommendation = 'OVER') AS over_count,
  COUNTIF(recommendation = 'OVER' AND prediction_correct) AS over_correct,
  ROUND(
    CAST(
      SAFE_DIVIDE(COUNTIF(recommendation = 'OVER' AND prediction_correct), COUNTIF(recommendation = 'OVER'))
      AS NUMERIC(38, 9)),
    3) AS over_win_rate,
  COUNTIF(recommendation = 'UNDER') AS under_count,
  COUNTIF(recommendation = 'UNDER' AND prediction_correct) AS under_correct,
  ROUND(
    CAST(
      SAFE_DIVIDE(COUNTIF(recommendation = 'UNDER' AND prediction_correct), COUNTIF(recommendation = 'UNDER'))
      AS NUMERIC(38, 9)),
    3) AS under_win_rate,
  COUNTIF(within_3_points) AS within_3_count,
  ROUND(CAST(SAFE_DIVIDE(COUNTIF(within_3_points), COUNT(*)) AS NUMERIC(38, 9)), 3) AS within_3_pct,
  COUNTIF(within_5_points) AS within_5_count,
  ROUND(CAST(SAFE_DIVIDE(COUNTIF(within_5_points), COUNT(*)) AS NUMERIC(38, 9)), 3) AS within_5_pct,
  ROUND(AVG(confidence_score), 3) AS avg_confidence,
  COUNTIF(high_confidence) AS high_confidence_count,
  COUNTIF(high_confidence AND prediction_correct) AS high_confidence_correct,
  ROUND(
    CAST(
      SAFE_DIVIDE(COUNTIF(high_confidence AND prediction_correct), COUNTIF(high_confidence AND recommended))
      AS NUMERIC(38, 9)),
    3) AS high_confidence_win_rate,
  COUNTIF(is_voided) AS voided_count,
  CURRENT_TIMESTAMP() AS computed_at
FROM grades
GROUP BY system_id
