-- How many predictions there are a system and game date, from which systems, and how old the newest inputs are.
WITH daily AS (
  SELECT game_date, system_id, COUNT(*) AS predictions
  FROM ${predictions}
  WHERE game_date BETWEEN ${four_weeks_before} AND ${today}
  GROUP BY game_date, system_id
),
volume AS (
  SELECT
    AVG(IF(game_date BETWEEN ${start} AND ${yesterday}, predictions, NULL)) AS now,
    AVG(IF(game_date < ${start}, predictions, NULL)) AS before
  FROM daily
),
systems AS (
  SELECT
    system_id,
    COUNTIF(game_date BETWEEN ${start} AND ${yesterday}) AS dates_now,
    COUNTIF(game_date < ${start}) AS dates_before
  FROM daily
  GROUP BY system_id
),
newest AS (
  SELECT
    (SELECT MAX(game_date) FROM daily) AS predictions,
    (SELECT MAX(game_date) FROM ${box_scores} WHERE game_date BETWEEN ${four_weeks_before} AND ${today}) AS box_scores
)
SELECT
  ABS(SAFE_DIVIDE(volume.now, volume.before) - 1) AS prediction_volume,
  CONCAT(
    IFNULL(CAST(ROUND(volume.now) AS STRING), 'none'), ' a system and game date, ',
    IFNULL(CAST(ROUND(volume.before) AS STRING), 'none'), ' in the 4 weeks before'
  ) AS prediction_volume_samples,
  DATE_DIFF(
    ${today},
    IFNULL(LEAST(newest.predictions, newest.box_scores), ${four_weeks_before}),
    DAY
  ) AS freshness,
  CONCAT(
    'newest predictions ', IFNULL(CAST(newest.predictions AS STRING), 'older than 4 weeks'),
    ', newest box scores ', IFNULL(CAST(newest.box_scores AS STRING), 'older than 4 weeks')
  ) AS freshness_samples,
  (
    SELECT IF(SUM(dates_now) > 0, COUNTIF(dates_now = 0 AND dates_before > 0), 0) FROM systems
  ) AS system_coverage,
  (
    SELECT STRING_AGG(system_id, '; ' ORDER BY system_id) FROM systems WHERE dates_now = 0 AND dates_before > 0
  ) AS system_coverage_samples
FROM volume, newest
