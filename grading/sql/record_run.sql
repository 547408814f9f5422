-- Runs that published nothing. Published ones are recorded by their own transaction.
INSERT INTO ${runs} (${unpublished_columns})
VALUES
  ${unpublished}
