-- What was staged, beside what there was to grade.
SELECT measured.*, coverage.*
FROM (
  ${measured}
) AS measured
CROSS JOIN (
  ${coverage}
) AS coverage
