UPDATE ${audit}
SET resolved_at = CURRENT_TIMESTAMP(), resolution_notes = ${notes}
WHERE game_date = ${date} AND processor = ${processor} AND resolved_at IS NULL
