INSERT INTO ${audit} (
  detected_at, game_date, duplicate_count, processor, player_lookup, system_id, line_value,
  duplicate_occurrence_count, investigation_url, resolved_at, resolution_notes)
VALUES ${rows}
