(SELECT covers FROM ${covering})
