-- The open findings of some dates, each with its own notes.
UPDATE ${audit} AS finding
SET resolved_at = CURRENT_TIMESTAMP(), resolution_notes = resolved.notes
FROM UNNEST(${resolved}) AS resolved
WHERE finding.game_date ${days}
  AND finding.game_date = resolved.day
  AND finding.processor = ${processor}
  AND finding.resolved_at IS NULL
