-- For each date, its rows that hold values which no run computes, and whose keys are not staged: they would be lost.
SELECT ${partition_column} AS day, COUNT(*) AS lost_rows
FROM (
  SELECT ${business_key}, LOGICAL_OR(is_staged) AS staged, LOGICAL_OR(holds_values) AS holds_values
  FROM (
    SELECT ${business_key}, FALSE AS is_staged, ${holds_values} AS holds_values
    FROM ${target}
    WHERE ${partition_column} ${days}
    UNION ALL
    SELECT ${business_key}, TRUE AS is_staged, FALSE AS holds_values
    FROM ${staging}
  )
  GROUP BY ${business_key}
)
WHERE holds_values AND NOT staged
GROUP BY ${partition_column}
