SELECT COUNT(*) AS staged_rows, MIN(${partition_column}) AS first_day, MAX(${partition_column}) AS last_day
FROM ${staging}
WHERE ${partition_column} BETWEEN ${start} AND ${end}
