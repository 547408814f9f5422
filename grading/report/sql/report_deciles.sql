-- How often recommendations were right, by decile of the stated confidence.
SELECT
  confidence_decile AS decile,
  COUNTIF(prediction_correct) AS correct,
  COUNTIF(prediction_correct IS NOT NULL) AS decided,
  CAST(AVG(IF(prediction_correct IS NULL, NULL, confidence_score)) AS FLOAT64) AS confidence
FROM ${accuracy}
WHERE game_date BETWEEN ${first} AND ${last} AND confidence_decile IS NOT NULL
GROUP BY confidence_decile
ORDER BY decile
