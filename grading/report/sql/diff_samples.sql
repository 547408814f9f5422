-- Some rows that were added, removed or changed, with the values that differ: as many of each kind.
SELECT ${key_texts}, kind, differs
FROM (
  SELECT
    ${business_key},
    kind,
    differs,
    ROW_NUMBER() OVER (PARTITION BY kind ORDER BY ${business_key}) AS place
  FROM (
    SELECT
      ${business_key},
      CASE WHEN old_rows = 0 THEN 'added' WHEN new_rows = 0 THEN 'removed' ELSE 'changed' END AS kind,
      IF(old_rows = 1 AND new_rows = 1, CONCAT(${differences}), '') AS differs
    FROM (
      ${paired}
    ) AS paired
    WHERE old_rows = 0 OR new_rows = 0 OR ${any_differs}
  )
) AS sample
WHERE place <= ${samples}
ORDER BY kind, place
