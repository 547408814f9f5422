# shellcheck shell=bash
# What must be true before anything is changed. Nothing here changes the project.

# lacks SENTENCE COMMAND: one thing that is missing, and what corrects it.
lacks() {
  MISSING=$((MISSING + 1))
  warn "$1"
  warn "    $2"
}

preflight() {
  if [ "$DRY_RUN" = yes ]; then
    note "preflight: skipped, a dry run reads nothing from the project"
    return
  fi
  say "Preflight"
  MISSING=0
  command -v gcloud >/dev/null || lacks "gcloud is not installed" "see https://cloud.google.com/sdk/docs/install"
  command -v bq >/dev/null || lacks "bq is not installed" "gcloud components install bq"
  [ "$MISSING" -eq 0 ] || die "$MISSING things are missing; nothing was changed"

  [ -n "$(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null)" ] \
    || lacks "gcloud has no account" "gcloud auth login"
  gcloud auth application-default print-access-token >/dev/null 2>&1 \
    || lacks "there are no application credentials (the tables are created with them)" "gcloud auth application-default login"
  "$PYTHON" -c 'import grading.cli, google.cloud.bigquery' 2>/dev/null \
    || lacks "$PYTHON cannot run python -m grading" "python3.11 -m venv .venv && .venv/bin/pip install -r requirements.txt"
  if ! PROJECT_NUMBER=$(gcloud projects describe "$PROJECT" '--format=value(projectNumber)' 2>/dev/null); then
    lacks "project $PROJECT is not there, or not yours" "gcloud projects list   # then --project ID"
  elif [ "$(gcloud billing projects describe "$PROJECT" --format='value(billingEnabled)' 2>/dev/null)" = False ]; then
    lacks "project $PROJECT has no billing account" "gcloud billing projects link $PROJECT --billing-account=ACCOUNT_ID"
  fi
  [ "$MISSING" -eq 0 ] || die "$MISSING things are missing; nothing was changed"

  check_inputs_and_datasets
  # Without these APIs there is neither a function nor a job yet.
  look_at_apis
  look_at_function
  check_old_function
  look_at_accounts
  check_accounts
  look_at_topics
  check_topics
  look_at_jobs
  check_jobs
  [ "$MISSING" -eq 0 ] || die "$MISSING things are missing or in the way; nothing was changed"
}

# bq's description of a dataset or table, on one line; nothing if it is absent.
describe_data() { find_one '' bq --headless --format=json show "$@"; }

# The same for what is optional: one that may not be read is as good as absent. The function thinks so, too.
describe_optional_data() {
  local ABSENCE="$NOT_FOUND|access denied"
  describe_data "$@"
}

location_in() { printf '%s' "$1" | sed -n 's/.*"location": *"\([^"]*\)".*/\1/p'; }

check_inputs_and_datasets() {
  local name table found staging target
  for name in $INPUTS; do
    table=$(input_table "$name")
    found=$(describe_data "$(bq_table "$table")")
    if [ -z "$found" ]; then
      lacks "the input table $table is not there" "load it, or name yours in --env-file: ${name%%:*}=dataset.table"
    else
      check_location "the input table $table" "$found"
    fi
  done
  for name in $OPTIONAL_INPUTS; do
    table=$(input_table "$name")
    [ -n "$table" ] || continue
    found=$(describe_optional_data "$(bq_table "$table")")
    if [ -z "$found" ]; then
      warn "the optional input table $table is not there or may not be read: grading goes on without it. To say so: ${name%%:*}=none"
    else
      check_location "the optional input table $table" "$found"
    fi
  done
  staging=$(setting STAGING_DATASET nba_staging)
  target=$(setting TARGET_DATASET nba_predictions)
  found=$(describe_data --dataset "$PROJECT:$target")
  TARGET_STATE=$(state_of_dataset "$found")
  [ -z "$found" ] || check_location "the dataset $target" "$found"
  found=$(describe_data --dataset "$PROJECT:$staging")
  STAGING_STATE=$(state_of_dataset "$found")
  [ -z "$found" ] || check_location "the dataset $staging" "$found"
  # The expiration that staging needs would delete the tables of whoever owns the dataset.
  [ "$STAGING_STATE" != theirs ] \
    || lacks "the dataset $staging exists and is not ours (it has no label $LABEL_KEY:$LABEL_VALUE): a default expiration would delete its tables" \
      "name another one in --env-file, as STAGING_DATASET=nba_grading_staging; deploy.sh creates it"
}

state_of_dataset() {
  if [ -z "$1" ]; then
    printf absent
  elif grep -q "\"$LABEL_KEY\": *\"$LABEL_VALUE\"" <<<"$1"; then
    printf ours
  else
    printf theirs
  fi
}

# check_location NAME DESCRIPTION: BigQuery joins and copies within one location only.
check_location() {
  local is wanted
  is=$(location_in "$2" | tr '[:lower:]' '[:upper:]')
  wanted=$(setting BIGQUERY_LOCATION US | tr '[:lower:]' '[:upper:]')
  [ -n "$is" ] && [ "$is" != "$wanted" ] || return 0
  lacks "$1 is in $is, and BIGQUERY_LOCATION is $wanted: all datasets must be in one location" \
    "BIGQUERY_LOCATION=$is in --env-file, if all of them are there"
}

# One message if something of ours has the name of something that we did not create.
check_accounts() {
  local name
  for name in $ACCOUNTS; do
    state_of "$name@$ACCOUNT_DOMAIN" "$MARK" "$SERVICE_ACCOUNTS"
    [ "$STATE" != theirs ] \
      || lacks "a service account $name exists that deploy.sh did not create (its description does not begin with \"$MARK\")" \
        "give it the description, if it is free: gcloud iam service-accounts update $name@$ACCOUNT_DOMAIN --description='$MARK' --project=$PROJECT"
  done
}

check_topics() {
  state_of "$DEAD_LETTER_TOPIC" "$LABEL_VALUE" "$TOPICS"
  [ "$STATE" != theirs ] \
    || lacks "a topic $DEAD_LETTER_TOPIC exists that deploy.sh did not create" \
      "label it, if it is free: gcloud pubsub topics update $DEAD_LETTER_TOPIC --update-labels=$LABEL --project=$PROJECT"
}

check_jobs() {
  local name
  for name in $(our_job_names) "$SELF_CHECK_JOB"; do
    row "$name" "$JOBS"
    case $ROW in
      '' | *"|$MARK"*) ;;
      *) lacks "a scheduler job $name exists that deploy.sh did not create (its description does not begin with \"$MARK\")" \
        "gcloud scheduler jobs delete $name --location=$REGION --project=$PROJECT, if it is free" ;;
    esac
  done
}
