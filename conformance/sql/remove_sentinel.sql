DELETE FROM ${fence} WHERE lock_key = ${sentinel}
