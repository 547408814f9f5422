-- A date as it was at one moment, put where the rows of another moment can be compared with it: a statement may read a
-- table at one point in time only.
CREATE TABLE ${staging} AS
SELECT ${columns}
FROM ${target} ${as_of}
WHERE ${partition_column} = ${date}
