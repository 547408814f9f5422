-- Rows and excess rows of this week and the last, by game date.
SELECT
  IFNULL(SUM(IF(is_this_week, copies, 0)), 0) AS rows_this_week,
  IFNULL(SUM(IF(is_this_week, copies - 1, 0)), 0) AS excess_this_week,
  IFNULL(SUM(IF(is_this_week, 0, copies)), 0) AS rows_last_week,
  IFNULL(SUM(IF(is_this_week, 0, copies - 1)), 0) AS excess_last_week
FROM (
  SELECT game_date >= ${last_week} AS is_this_week, COUNT(*) AS copies
  FROM ${accuracy}
  WHERE game_date BETWEEN ${week_before} AND ${yesterday}
  GROUP BY game_date, player_lookup, game_id, system_id, line_value
)
