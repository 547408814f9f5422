-- The grades of each date by system. Shares and confidence have 3 decimals, errors 2. A rate is of decided bets: a void is no
-- bet, and a push decides nothing. An error is of those who played.
-- A share becomes a NUMERIC by way of its text: a cast takes no parameters, and a plain NUMERIC has fewer decimals in some
-- engines.
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
)
SELECT
  game_date,
  system_id,
  COUNT(*) AS predictions_count,
  COUNTIF(recommended) AS recommendations_count,
  COUNTIF(prediction_correct) AS correct_count,
  COUNTIF(NOT prediction_correct) AS incorrect_count,
  COUNTIF(recommendation = 'PASS') AS pass_count,
  ROUND(PARSE_NUMERIC(CAST(SAFE_DIVIDE(COUNTIF(prediction_correct), COUNT(prediction_correct)) AS STRING)), 3) AS win_rate,
  ROUND(AVG(absolute_error), 2) AS mae,
  ROUND(AVG(signed_error), 2) AS avg_bias,
  COUNTIF(recommendation = 'OVER') AS over_count,
  COUNTIF(recommendation = 'OVER' AND prediction_correct) AS over_correct,
  ROUND(
    PARSE_NUMERIC(CAST(
      SAFE_DIVIDE(
        COUNTIF(recommendation = 'OVER' AND prediction_correct),
        COUNTIF(recommendation = 'OVER' AND prediction_correct IS NOT NULL))
      AS STRING)),
    3) AS over_win_rate,
  COUNTIF(recommendation = 'UNDER') AS under_count,
  COUNTIF(recommendation = 'UNDER' AND prediction_correct) AS under_correct,
  ROUND(
    PARSE_NUMERIC(CAST(
      SAFE_DIVIDE(
        COUNTIF(recommendation = 'UNDER' AND prediction_correct),
        COUNTIF(recommendation = 'UNDER' AND prediction_correct IS NOT NULL))
      AS STRING)),
    3) AS under_win_rate,
  COUNTIF(within_3_points) AS within_3_count,
  ROUND(PARSE_NUMERIC(CAST(SAFE_DIVIDE(COUNTIF(within_3_points), COUNTIF(played)) AS STRING)), 3) AS within_3_pct,
  COUNTIF(within_5_points) AS within_5_count,
  ROUND(PARSE_NUMERIC(CAST(SAFE_DIVIDE(COUNTIF(within_5_points), COUNTIF(played)) AS STRING)), 3) AS within_5_pct,
  ROUND(AVG(confidence_score), 3) AS avg_confidence,
  COUNTIF(high_confidence) AS high_confidence_count,
  COUNTIF(high_confidence AND prediction_correct) AS high_confidence_correct,
  ROUND(
    PARSE_NUMERIC(CAST(
      SAFE_DIVIDE(
        COUNTIF(high_confidence AND prediction_correct),
        COUNTIF(high_confidence AND prediction_correct IS NOT NULL))
      AS STRING)),
    3) AS high_confidence_win_rate,
  COUNTIF(is_voided) AS voided_count,
  CURRENT_TIMESTAMP() AS computed_at,
  COUNTIF(is_push) AS push_count
FROM grades
GROUP BY game_date, system_id
