-- Up to 20 keys of the date that have more than one row, as text, the most frequent first.
SELECT
  ${key_texts},
  COUNT(*) AS copies,
  STRING_AGG(FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%E6S', target.${written_at}), ', ' ORDER BY target.${written_at} LIMIT 10)
    AS written_at
FROM ${target} AS target
WHERE ${partition_column} = ${date}
GROUP BY ${business_key}
HAVING COUNT(*) > 1
ORDER BY copies DESC, ${business_key}
LIMIT 20
