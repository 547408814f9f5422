-- The rows in the types of the table that they are for; its further columns from the row of the same key that they
-- replace.
SELECT
  ${selected}
FROM (
  SELECT
    ${cast}
  FROM (
    ${rows}
  ) AS computed
) AS computed
${replaced}
