-- What a date holds: how many rows, of which runs, and a checksum over every value.
SELECT
  COUNT(*) AS row_count,
  COUNT(DISTINCT run_id) AS run_count,
  MAX(run_id) AS run_id,
  COUNTIF(player_lookup = ${appended}) AS appended,
  IFNULL(BIT_XOR(FARM_FINGERPRINT(TO_JSON_STRING(target))), 0) AS checksum
FROM ${target} AS target
WHERE ${partition_column} = ${date}
