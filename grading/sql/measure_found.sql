-- What was measured, beside what the fence holds and how many rows of the date the inputs have.
SELECT
  measured.*,
  (SELECT MAX(run_id) FROM ${fence} WHERE lock_key = ${lock_key}) AS found_run_id,
  (SELECT MAX(token) FROM ${fence} WHERE lock_key = ${lock_key}) AS found_token${input_rows}
FROM (
  ${measured}
) AS measured
