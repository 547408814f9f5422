-- When duplicates of a date were found, and when they were gone: one row a finding.
SELECT
  processor,
  detected_at,
  MAX(duplicate_count) AS duplicate_keys,
  MAX(resolved_at) AS resolved_at,
  MAX(resolution_notes) AS notes
FROM ${audit}
WHERE game_date = ${date}
GROUP BY processor, detected_at
ORDER BY detected_at, processor
LIMIT 200
