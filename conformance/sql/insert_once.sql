INSERT INTO ${once} (one) VALUES (1)
