SELECT *
FROM ${staging}
