-- What the rows cover is read before they are: grades that are published in between make the rows due again.
CREATE TABLE ${covering} AS
SELECT
  TO_HEX(SHA256(STRING_AGG(
    CONCAT(lock_key, ' ', CAST(token AS STRING), ' ', IFNULL(run_id, '')), ',' ORDER BY lock_key))) AS covers
FROM ${grades_fence}
WHERE lock_key BETWEEN ${first_key} AND ${last_key};

CREATE TABLE ${staging} AS
${rows};
