SELECT 1 AS one${input_rows}
