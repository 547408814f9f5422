-- Duplicates that were found on the dates of a range, by date and processor, and whether some are open.
SELECT
  game_date,
  processor,
  MAX(duplicate_count) AS duplicate_keys,
  COUNTIF(resolved_at IS NULL) AS open_findings
FROM ${audit}
WHERE game_date BETWEEN ${first} AND ${last}
GROUP BY game_date, processor
ORDER BY game_date, processor
