-- Dry run only: whether an optional input is there, may be read, and has the columns that are read of it.
SELECT ${columns}
FROM ${input}
WHERE ${condition}
