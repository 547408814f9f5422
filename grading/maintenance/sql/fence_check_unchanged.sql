-- A repair read the table that it writes: it may publish a date only over exactly what it read. Its rows are as old as
-- what it read, so each date keeps its token, and a grading run staged meanwhile still wins.
WHEN IFNULL(held.token, 0) != run.token OR IFNULL(held.run_id, '') != run.expected_run_id
  THEN ERROR('grading:fence_moved')
