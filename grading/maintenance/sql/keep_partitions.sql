ALTER TABLE ${target} SET OPTIONS (partition_expiration_days = NULL)
