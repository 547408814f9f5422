LEFT JOIN (
  SELECT ${replaced_columns}
  FROM ${target} AS target
  WHERE ${partition_column} ${days}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY ${window_key} ORDER BY ${written_at} DESC) = 1
) AS replaced ON ${same_key}
