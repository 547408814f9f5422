-- How many rows were added, removed and changed, and in which columns.
SELECT
  COUNTIF(old_rows = 0) AS added,
  COUNTIF(new_rows = 0) AS removed,
  COUNTIF(old_rows = 1 AND new_rows = 1 AND (${any_differs})) AS changed,
  COUNTIF(old_rows = 1 AND new_rows = 1 AND NOT (${any_differs})) AS unchanged,
  COUNTIF(old_rows = 1 AND copy = 1) AS old_keys${column_counts}
FROM (
  ${paired}
) AS paired
