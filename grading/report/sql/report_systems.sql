-- Accuracy and mean absolute error of each system over time: by day, or by week if the range is long.
SELECT
  system_id,
  ${period} AS period,
  SUM(correct_count) AS correct,
  SUM(correct_count) + SUM(incorrect_count) AS decided,
  CAST(SAFE_DIVIDE(SUM(mae * predictions_count), SUM(IF(mae IS NULL, 0, predictions_count))) AS FLOAT64) AS mae,
  SUM(predictions_count) AS predictions
FROM ${daily}
WHERE game_date BETWEEN ${first} AND ${last}
GROUP BY system_id, period
ORDER BY system_id, period
LIMIT ${limit}
