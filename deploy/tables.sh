# shellcheck shell=bash
# Datasets, tables, and who may touch them.

prepare_tables() {
  say "Datasets, tables, and who may touch them"
  local location staging target function line expiration datasets script
  location=$(setting BIGQUERY_LOCATION US)
  staging=$(setting STAGING_DATASET nba_staging)
  target=$(setting TARGET_DATASET nba_predictions)
  function="serviceAccount:$FUNCTION_ACCOUNT"
  expiration=$(setting STAGING_EXPIRATION_SECONDS 86400)
  # An existing dataset without our label is never changed; preflight refused it as staging.
  ensure "$STAGING_STATE" \
    -- bq --headless "--location=$location" mk --dataset "--label=$LABEL_KEY:$LABEL_VALUE" "--default_table_expiration=$expiration" "$PROJECT:$staging" \
    -- bq --headless update --dataset "--default_table_expiration=$expiration" "$PROJECT:$staging"
  ensure "$TARGET_STATE" \
    -- bq --headless "--location=$location" mk --dataset "--label=$LABEL_KEY:$LABEL_VALUE" "$PROJECT:$target"

  local environment=()
  while IFS= read -r line; do environment+=("$line"); done < <(environment)
  run env "${environment[@]}" "$PYTHON" -m grading init

  datasets=$(input_datasets "$target")
  script=$(statements GRANT TO "$function" "$(own_tables)" "$datasets" "$staging" "$target")
  run_patiently bq --headless "--location=$location" query --use_legacy_sql=false "--project_id=$PROJECT" "$script"
}

# statements VERB WORD MEMBER TABLES DATASETS STAGING TARGET. Predictions live in the dataset that we write to, so
# editing is granted on our own tables, not on the dataset.
statements() {
  local table dataset script=''
  [ -z "$6" ] || script="$1 \`roles/bigquery.dataEditor\` ON SCHEMA \`$PROJECT.$6\` $2 \"$3\";"
  for table in $4; do
    script="$script $1 \`roles/bigquery.dataEditor\` ON TABLE \`$PROJECT.$7.$table\` $2 \"$3\";"
  done
  for dataset in $5; do
    script="$script $1 \`roles/bigquery.dataViewer\` ON SCHEMA \`$dataset\` $2 \"$3\";"
  done
  printf '%s' "${script# }"
}

# The datasets that are only read, each once. What is optional and missing, or `none`, is not granted.
input_datasets() {
  local name table dataset found
  {
    say "$PROJECT.$1"
    for name in $INPUTS; do
      dataset_of "$(input_table "$name")" && say
    done
    for name in $OPTIONAL_INPUTS; do
      table=$(input_table "$name")
      [ -n "$table" ] || continue
      dataset=$(dataset_of "$table")
      # bash does not end a command substitution at an error.
      found=$(describe_optional_data --dataset "${dataset%%.*}:${dataset#*.}") || exit 1
      [ "$DRY_RUN" = no ] && [ -z "$found" ] || say "$dataset"
    done
  } | sort -u
}

# Take the function's access to data away again; tables and datasets stay.
revoke_access() {
  local staging target tables='' datasets='' inputs dataset found script
  staging=$(setting STAGING_DATASET nba_staging)
  target=$(setting TARGET_DATASET nba_predictions)
  inputs=$(input_datasets "$target")
  if [ "$DRY_RUN" = yes ]; then
    tables=$(own_tables)
    datasets=$inputs
  else
    # A statement on what is absent would fail the script.
    for dataset in $inputs; do
      found=$(describe_optional_data --dataset "${dataset%%.*}:${dataset#*.}")
      [ -z "$found" ] || datasets="$datasets $dataset"
    done
    found=$(describe_data --dataset "$PROJECT:$staging")
    [ "$(state_of_dataset "$found")" = ours ] || staging=''
    found=$(find_one '' bq --headless --format=csv ls --max_results=10000 "$PROJECT:$target" | cut -d, -f1)
    tables=$(own_tables | grep -xF "$found" || true)
  fi
  script=$(statements REVOKE FROM "serviceAccount:$FUNCTION_ACCOUNT" "$tables" "$datasets" "$staging" "$target")
  [ -z "$script" ] || run bq --headless "--location=$(setting BIGQUERY_LOCATION US)" query --use_legacy_sql=false "--project_id=$PROJECT" "$script"
}
