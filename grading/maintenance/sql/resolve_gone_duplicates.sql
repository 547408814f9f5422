-- Findings of dates that are clean now.
UPDATE ${audit}
SET resolved_at = CURRENT_TIMESTAMP(), resolution_notes = ${notes}
WHERE resolved_at IS NULL
  AND processor = ${processor}
  AND game_date BETWEEN ${start} AND ${end}
  AND game_date NOT IN (
    SELECT day
    FROM (
      SELECT ${partition_column} AS day
      FROM (
        SELECT ${comparable_row}
        FROM ${target}
        WHERE ${partition_column} BETWEEN ${start} AND ${end} AND ${scope}
      )
      GROUP BY ${one_row_per}
      HAVING COUNT(*) > 1
    )
  )
