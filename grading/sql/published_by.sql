JOIN UNNEST(${entries}) AS run ON run.day = staged.${partition_column}
