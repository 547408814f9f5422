-- What the rows of each date cover is read before they are: grades that are published in between make them due again.
CREATE TABLE ${covering} AS
SELECT
  asked.day,
  TO_HEX(SHA256(STRING_AGG(
    CONCAT(lock_key, ' ', CAST(token AS STRING), ' ', IFNULL(run_id, '')), ',' ORDER BY lock_key))) AS covers
FROM UNNEST(${asked}) AS asked
JOIN ${grades_fence} AS fence ON fence.lock_key BETWEEN asked.first_key AND asked.last_key
GROUP BY asked.day;

CREATE TABLE ${staging} AS
${rows};
