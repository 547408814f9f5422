SELECT COUNT(*) AS present_keys
FROM (SELECT 1 FROM ${target} WHERE ${partition_column} = ${date} GROUP BY ${business_key})
