-- What the newest injury report of a date says of each player. Production is partitioned by report_date: it is
-- filtered, too, or every grading would scan the whole table.
SELECT
  game_date,
  player_lookup,
  injury_status,
  -- No box score is expected of a player who is out.
  REGEXP_CONTAINS(injury_status, r'(?i)^out$$') AS is_listed_out
FROM ${injury_report}
WHERE game_date ${days}
  AND report_date BETWEEN ${first_report} AND ${last_report}${report_of_its_date}
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY game_date, player_lookup
  ORDER BY report_date DESC, report_hour DESC, injury_status
) = 1
