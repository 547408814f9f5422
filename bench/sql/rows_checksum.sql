SELECT COUNT(*) AS row_count, TO_HEX(MD5(STRING_AGG(text, '\n' ORDER BY text))) AS checksum
FROM (
  SELECT ${text} AS text
  FROM ${target}
)
