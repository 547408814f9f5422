-- How many rows of a date the inputs have.
SELECT day${input_columns}
FROM UNNEST([${dates}]) AS day${input_rows}
