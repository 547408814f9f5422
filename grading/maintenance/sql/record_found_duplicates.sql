-- One row for each of the 20 worst keys of a date, unless the same finding of that date is open already.
INSERT INTO ${audit} (
  detected_at, game_date, duplicate_count, processor, player_lookup, system_id, line_value,
  duplicate_occurrence_count, investigation_url, resolved_at, resolution_notes)
SELECT
  CURRENT_TIMESTAMP(), day, duplicate_count, ${processor}, player_lookup, system_id, line_value, copies,
  NULL, NULL, ${notes}
FROM (
  SELECT
    ${partition_column} AS day,
    ${audit_player} AS player_lookup,
    ${audit_system} AS system_id,
    ${audit_line} AS line_value,
    copies,
    COUNT(*) OVER (PARTITION BY ${partition_column}) AS duplicate_count,
    ROW_NUMBER() OVER (PARTITION BY ${partition_column} ORDER BY copies DESC, ${key}) AS place
  FROM (
    SELECT ${key}, COUNT(*) AS copies
    FROM (
      SELECT ${comparable_row}
      FROM ${target}
      WHERE ${partition_column} BETWEEN ${start} AND ${end} AND ${scope}
    )
    GROUP BY ${one_row_per}
    HAVING COUNT(*) > 1
  )
) AS found
WHERE place <= 20
  AND NOT EXISTS (
    SELECT 1
    FROM ${audit} AS known
    WHERE known.game_date = found.day
      AND known.processor = ${processor}
      AND known.duplicate_count = found.duplicate_count
      AND known.resolved_at IS NULL
  )
