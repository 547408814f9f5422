-- Holds a transaction open until the script is stopped. It reads no table and bills nothing.
WHILE TRUE DO
  SELECT 1;
END WHILE;
