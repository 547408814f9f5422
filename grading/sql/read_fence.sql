SELECT token, run_id, updated_at
FROM ${fence}
WHERE lock_key = ${lock_key}
