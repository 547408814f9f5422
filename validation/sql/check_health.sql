-- Systems whose error or win rate is out of bounds; a win rate needs at least 30 settled bets to be judged.
SELECT
  COUNTIF(mae > NUMERIC '4.5' OR win_rate < 0.524) AS model_health,
  STRING_AGG(
    CONCAT(
      system_id, ': MAE ', IFNULL(CAST(ROUND(mae, 2) AS STRING), 'unknown'),
      ', win rate ', IFNULL(CAST(ROUND(win_rate * 100, 1) AS STRING), 'unknown'), ' % of ', CAST(bets AS STRING)
    ),
    '; ' ORDER BY system_id LIMIT 20
  ) AS model_health_samples
FROM (
  SELECT
    system_id,
    AVG(IF(is_voided, NULL, absolute_error)) AS mae,
    IF(
      COUNT(prediction_correct) >= 30,
      SAFE_DIVIDE(COUNTIF(prediction_correct), COUNT(prediction_correct)),
      NULL
    ) AS win_rate,
    COUNT(prediction_correct) AS bets
  FROM ${accuracy}
  WHERE game_date BETWEEN ${start} AND ${yesterday}
  GROUP BY system_id
)
