-- Keys of a staging table that the main table lacks, or has only as an older row.
SELECT COUNTIF(staged > 0 AND NOT IFNULL(in_main >= newest_staged, FALSE)) AS missing_keys
FROM (
  SELECT
    COUNTIF(is_staged) AS staged,
    MAX(IF(is_staged, ${written_at}, NULL)) AS newest_staged,
    MAX(IF(is_staged, NULL, ${written_at})) AS in_main
  FROM (
    SELECT ${key}, ${written_at}, TRUE AS is_staged
    FROM ${staging}
    WHERE ${partition_column} BETWEEN ${start} AND ${end}
    UNION ALL
    SELECT ${key}, ${written_at}, FALSE AS is_staged
    FROM ${target}
    WHERE ${partition_column} BETWEEN ${start} AND ${end}
  )
  GROUP BY ${key}
)
