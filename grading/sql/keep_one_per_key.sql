-- Rewrites a staging table that has several rows for a key: one stays, by the processor's stated order.
CREATE OR REPLACE TABLE ${staging} AS
SELECT *
FROM ${staging}
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY ${window_key} ORDER BY ${keep_order}) = 1
