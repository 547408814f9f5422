-- Each row of two states beside the other: pairs have one business key; of several rows of a key the first is beside
-- the first, by the processor's order. NULL is a value like any other.
SELECT
  ${business_key},
  copy,
  COUNTIF(is_new) AS new_rows,
  COUNTIF(NOT is_new) AS old_rows${comparisons}
FROM (
  SELECT ${columns}, TRUE AS is_new, ROW_NUMBER() OVER (PARTITION BY ${window_key} ORDER BY ${keep_order}) AS copy
  FROM ${new} ${new_as_of}
  WHERE ${partition_column} = ${date}
  UNION ALL
  SELECT ${columns}, FALSE AS is_new, ROW_NUMBER() OVER (PARTITION BY ${window_key} ORDER BY ${keep_order}) AS copy
  FROM ${old}
  WHERE ${partition_column} = ${date}
)
GROUP BY ${business_key}, copy
