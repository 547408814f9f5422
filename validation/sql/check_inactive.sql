-- The share of predictions that are not active, by date: the worst date of the window beside the 4 weeks before.
WITH daily AS (
  SELECT game_date, COUNTIF(is_active IS NOT TRUE) AS inactive, COUNT(*) AS predictions
  FROM ${predictions}
  WHERE game_date BETWEEN ${four_weeks_before} AND ${yesterday}
  GROUP BY game_date
),
earlier AS (
  SELECT SAFE_DIVIDE(SUM(inactive), SUM(predictions)) AS share FROM daily WHERE game_date < ${start}
),
compared AS (
  SELECT
    game_date,
    daily.inactive / daily.predictions AS share_now,
    earlier.share AS share_before
  FROM daily, earlier
  WHERE game_date >= ${start}
)
SELECT
  GREATEST(MAX(share_now - share_before), 0) AS inactive_share,
  STRING_AGG(
    CONCAT(
      CAST(game_date AS STRING), ': ', CAST(ROUND(share_now * 100) AS STRING), ' % inactive, ',
      CAST(ROUND(share_before * 100) AS STRING), ' % in the 4 weeks before'
    ),
    '; ' ORDER BY share_now - share_before DESC, game_date LIMIT 3
  ) AS inactive_share_samples
FROM compared
