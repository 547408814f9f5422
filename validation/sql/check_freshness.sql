-- Dates of games whose inputs are missing, counted back from yesterday. A date with neither predictions nor box scores
-- may be one without games: two in a row are not, nor is one if an injury report names a game, or if there are box scores
-- and no predictions.
WITH predicted AS (
  SELECT DISTINCT game_date
  FROM ${predictions}
  WHERE game_date BETWEEN ${two_weeks_before} AND ${yesterday}
),
played AS (
  SELECT DISTINCT game_date
  FROM ${box_scores}
  WHERE game_date BETWEEN ${two_weeks_before} AND ${yesterday}
),
named AS (
  SELECT game_date, MIN(${report_game_id}) AS game_id
  FROM ${injury_report}
  WHERE game_date BETWEEN ${two_weeks_before} AND ${yesterday}
    AND report_date BETWEEN DATE_SUB(${two_weeks_before}, INTERVAL 14 DAY) AND DATE_ADD(${yesterday}, INTERVAL 1 DAY)
    AND ${report_game_id} IS NOT NULL
  GROUP BY game_date
),
dates AS (
  SELECT
    day,
    predicted.game_date IS NOT NULL AS has_predictions,
    played.game_date IS NOT NULL AS has_box_scores,
    named.game_id AS named_game
  FROM UNNEST(${season_dates}) AS day
  LEFT JOIN predicted ON predicted.game_date = day
  LEFT JOIN played ON played.game_date = day
  LEFT JOIN named ON named.game_date = day
),
lasts AS (
  SELECT
    IFNULL(MAX(IF(has_predictions OR has_box_scores, day, NULL)), DATE '1970-01-01') AS last_input,
    IFNULL(MAX(IF(has_box_scores, day, NULL)), DATE '1970-01-01') AS last_box_scores,
    IFNULL(MAX(IF(has_predictions, day, NULL)), DATE '1970-01-01') AS last_predictions
  FROM dates
),
missing AS (
  SELECT
    day,
    CASE
      WHEN day > last_input AND named_game IS NOT NULL
        THEN CONCAT('no predictions and no box scores, but the injury report names ', named_game)
      WHEN day > last_input THEN 'no predictions and no box scores'
      WHEN day > last_box_scores AND has_predictions THEN 'predictions, no box scores'
      WHEN day > last_predictions AND has_box_scores THEN 'box scores, no predictions'
    END AS finding,
    (day > last_input AND named_game IS NOT NULL) OR (day > last_predictions AND has_box_scores) AS is_certain
  FROM dates, lasts
)
SELECT
  IF(COUNT(*) = 0, NULL, GREATEST(COUNT(finding), IF(LOGICAL_OR(is_certain), 2, 0))) AS freshness,
  STRING_AGG(CONCAT(CAST(day AS STRING), ': ', finding), '; ' ORDER BY day DESC LIMIT 14) AS freshness_samples
FROM missing
