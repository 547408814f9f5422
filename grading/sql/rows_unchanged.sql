SELECT IF((SELECT COUNT(*) FROM (${rows_moved})) > 0, ERROR('grading:rows_moved'), 0);
