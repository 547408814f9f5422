MERGE ${fence} AS fence
USING (SELECT ${sentinel} AS lock_key) AS seed
ON fence.lock_key = seed.lock_key
WHEN NOT MATCHED THEN
  INSERT (lock_key, token, run_id, updated_at) VALUES (seed.lock_key, 0, NULL, CURRENT_TIMESTAMP())
