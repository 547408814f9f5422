-- A repair read the table that it writes: it may publish only over exactly what it read. Its rows are as old as what it
-- read, so it keeps that token, and a grading run staged meanwhile still wins.
WHEN IFNULL((SELECT ANY_VALUE(token) FROM ${fence} WHERE lock_key = ${lock_key}), 0) != ${token}
  OR IFNULL((SELECT ANY_VALUE(run_id) FROM ${fence} WHERE lock_key = ${lock_key}), '') != ${expected_run_id}
  THEN ERROR('grading:fence_moved')
