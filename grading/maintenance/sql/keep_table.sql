ALTER TABLE ${target} SET OPTIONS (expiration_timestamp = NULL)
