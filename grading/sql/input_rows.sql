LEFT JOIN (
  SELECT game_date, COUNT(*) AS input_rows
  FROM ${input}
  WHERE game_date ${days}
  GROUP BY game_date
) AS ${counted} ON ${counted}.game_date = day
