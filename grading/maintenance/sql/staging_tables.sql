-- Tables of a dataset whose name is that of a staging table. INFORMATION_SCHEMA.PARTITIONS, which would tell their size,
-- refuses a dataset of more than 1,000 tables.
SELECT table_name
FROM ${tables}
WHERE table_type = 'BASE TABLE' AND REGEXP_CONTAINS(table_name, ${pattern})
ORDER BY table_name
