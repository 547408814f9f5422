SELECT lock_key, token, run_id, updated_at
FROM ${fence}
WHERE lock_key IN (${lock_keys})
