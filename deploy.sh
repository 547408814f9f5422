#!/usr/bin/env bash
# Deploys the grading service to a Google Cloud project, rolls it back, or takes it away again.
# Each step looks first and changes only what is missing or different: run it as often as you like.
# Runs on bash 3.2 and later. What each account may do, and why: docs/security.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# A prompt inside a loop would read the loop's own lines as its answer.
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

readonly FUNCTION=phase5b-grading
readonly ENTRY_POINT=handle_event
readonly TOPIC=nba-grading-trigger
readonly DEAD_LETTER_TOPIC=nba-grading-dead-letter
readonly DEAD_LETTER_SUBSCRIPTION=nba-grading-dead-letter-sub
readonly SECRET=slack-webhook-url
readonly DASHBOARD="Grading service"
readonly TIMEOUT_SECONDS=300
readonly TIME_ZONE_OF_SCHEDULE=America/New_York

readonly APIS="artifactregistry bigquery cloudbuild cloudfunctions cloudscheduler eventarc firestore iam logging \
monitoring pubsub run secretmanager"

# Collections whose documents carry `expires_at`. Firestore's TTL removes what a crash left behind.
readonly TTL_COLLECTIONS="grading_locks daily_performance_locks performance_summary_locks consolidation_locks \
publish_locks waiters grading_alerts grading_breakers"

# name | cron | message. The daily run names yesterday in the service's own time zone.
readonly SCHEDULE='grading-daily|0 6 * * *|{"target_date":"yesterday","trigger_source":"scheduler"}
grading-catch-up|30 */4 * * *|{"task":"catch_up","days":7}
grading-quality-check|0 9 * * *|{"task":"quality_check"}
grading-duplicate-trend|0 10 * * 1|{"task":"duplicate_trend"}
grading-stuck-locks|*/15 * * * *|{"task":"stuck_locks"}'

usage() {
  cat <<'HELP'
Usage: ./deploy.sh [deploy] [options]      deploy, or bring a deployment up to date
       ./deploy.sh rollback [REVISION]     send events to the previous (or the named) revision
       ./deploy.sh destroy [--yes]         remove all but the data; asks first

Options:
  --project ID             the project; by default gcloud's configured one
  --region REGION          where the function runs (default us-west2)
  --env-file FILE          KEY=VALUE lines: the service's settings, in upper case (see grading/settings.py)
  --notification-channel C whom the alert policies page: projects/ID/notificationChannels/N; may be repeated
  --old-schedule JOB       a Cloud Scheduler job of the replaced system, to be paused; may be repeated.
                           Jobs in the region that publish to the topic, and are not ours, are found anyway
  --skip-scheduler         leave our own schedule alone (events are then published by hand)
  --dry-run                print every command on a line that starts with "+ ", change nothing, need no login
  --yes                    destroy without asking
  --help                   this text

The Slack webhook is read on stdin, never from an argument:
  ./deploy.sh --project ID < webhook.txt     or type it when asked
Exit codes: 0 done, 1 failed or something is missing, 2 usage.
HELP
}

say() { printf '%s\n' "$*"; }
note() { printf '# %s\n' "$*"; }
warn() { printf 'deploy.sh: %s\n' "$*" >&2; }
die() { warn "$1"; exit "${2:-1}"; }

# A word as one can paste it into a shell.
quoted() {
  case $1 in
    '' | *[!A-Za-z0-9_./:=@,%+-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s' "$1" ;;
  esac
}

show() {
  local word line='+'
  for word in "$@"; do line="$line $(quoted "$word")"; done
  say "$line"
}

# Print a command that changes something, and run it unless this is a dry run.
run() {
  show "$@"
  [ "$DRY_RUN" = yes ] || "$@"
}

# The same for grants to an account that was created a moment ago: IAM takes some seconds to know it.
run_patiently() {
  show "$@"
  [ "$DRY_RUN" = yes ] && return
  local attempt
  for attempt in 1 2 3 4 5; do
    if "$@" >/dev/null; then return; fi
    say "  not yet (attempt $attempt of 6); trying again in 10 s"
    sleep 10
  done
  "$@" >/dev/null
}

# ask PLACEHOLDER COMMAND…: a value read from the project; the placeholder in a dry run.
ask() {
  local placeholder=$1
  shift
  if [ "$DRY_RUN" = yes ]; then printf '%s' "$placeholder"; else "$@"; fi
}

# upsert PROBE… -- CREATE… [-- UPDATE…]: create what the probe does not find, else update it.
# A dry run cannot look, so it prints both.
upsert() {
  local probe=() create=() update=() part=probe
  local word
  for word in "$@"; do
    if [ "$word" = -- ]; then
      if [ "$part" = probe ]; then part=create; else part=update; fi
      continue
    fi
    case $part in
      probe) probe+=("$word") ;;
      create) create+=("$word") ;;
      update) update+=("$word") ;;
    esac
  done
  if [ "$DRY_RUN" = yes ]; then
    show "${create[@]}"
    if [ ${#update[@]} -gt 0 ]; then
      note "or, where that exists already:"
      show "${update[@]}"
    fi
  elif ! "${probe[@]}" >/dev/null 2>&1; then
    run "${create[@]}"
  elif [ ${#update[@]} -gt 0 ]; then
    run "${update[@]}"
  fi
}

# --- settings ---

# setting NAME DEFAULT: the value from --env-file, or the service's own default.
setting() {
  local line
  while IFS= read -r line; do
    if [ "${line%%=*}" = "$1" ]; then
      printf '%s' "${line#*=}"
      return
    fi
  done <<<"$ENV_LINES"
  printf '%s' "$2"
}

read_env_file() {
  [ -r "$1" ] || die "there is no file $1 (--env-file)" 2
  local line key number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    case $line in '' | '#'*) continue ;; esac
    key=${line%%=*}
    case $key in
      "$line" | '' | *[!A-Z0-9_]*) die "$1, line $number: write KEY=VALUE with an upper-case key" 2 ;;
      SLACK_WEBHOOK_URL) die "$1, line $number: the webhook is a secret: remove the line and give the URL on stdin" 2 ;;
      GOOGLE_CLOUD_PROJECT | FUNCTION_TIMEOUT_SECONDS | FUNCTION_REGION | FUNCTION_NAME | SLACK_SECRET_ID)
        die "$1, line $number: $key is decided by deploy.sh (see --help)" 2 ;;
      LOCK_STORE | LOCK_SQLITE_PATH | BIGQUERY_API_ENDPOINT)
        die "$1, line $number: $key is for one machine, not for a deployment" 2 ;;
    esac
    case $line in *'|'*) die "$1, line $number: a value cannot hold |" 2 ;; esac
    ENV_LINES="$ENV_LINES$line"$'\n'
  done <"$1"
}

# What the function's process and `init` are told, one KEY=VALUE a line.
environment() {
  printf '%s\n' "GOOGLE_CLOUD_PROJECT=$PROJECT" "FUNCTION_TIMEOUT_SECONDS=$TIMEOUT_SECONDS" \
    "FUNCTION_REGION=$REGION" "PUBLISH_METRICS=$(setting PUBLISH_METRICS true)"
  printf '%s' "$ENV_LINES" | grep -v '^PUBLISH_METRICS=' || true
}

account() { printf '%s@%s.iam.gserviceaccount.com' "$1" "$PROJECT"; }

# A table name of the settings in bq's form: project:dataset.table.
bq_table() {
  case $1 in
    *.*.*) printf '%s:%s' "${1%%.*}" "${1#*.}" ;;
    *) printf '%s:%s' "$PROJECT" "$1" ;;
  esac
}

# The dataset of a table name, in SQL's form: project.dataset.
dataset_of() {
  case $1 in
    *.*.*) printf '%s' "${1%.*}" ;;
    *) printf '%s.%s' "$PROJECT" "${1%.*}" ;;
  esac
}

# Our own tables: each schema, and a fence beside each one that a processor fills.
own_tables() {
  local file name
  for file in grading/sql/schema/create_*.sql; do
    name=$(basename "$file" .sql)
    name=${name#create_}
    [ "$name" != fence ] || continue
    say "$name"
    [ ! -e "grading/sql/$name.sql" ] || say "${name}_fence"
  done
}

# --- preflight ---

# lacks SENTENCE COMMAND: one thing that is missing, and what mends it.
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
  if gcloud projects describe "$PROJECT" >/dev/null 2>&1; then
    [ "$(gcloud billing projects describe "$PROJECT" --format='value(billingEnabled)' 2>/dev/null)" != False ] \
      || lacks "project $PROJECT has no billing account" "gcloud billing projects link $PROJECT --billing-account=ACCOUNT_ID"
  else
    lacks "project $PROJECT is not there, or not yours" "gcloud projects list   # then --project ID"
  fi
  [ "$(gcloud functions describe "$FUNCTION" "--region=$REGION" '--format=value(environment)' "--project=$PROJECT" 2>/dev/null)" != GEN_1 ] \
    || lacks "an old first-generation function has the name $FUNCTION; it cannot be replaced in place. Pause its schedule, let it end" \
      "gcloud functions delete $FUNCTION --no-gen2 --region=$REGION --project=$PROJECT"
  "$PYTHON" -c 'import grading.cli, google.cloud.bigquery' 2>/dev/null \
    || lacks "$PYTHON cannot run python -m grading" "python3.11 -m venv .venv && .venv/bin/pip install -r requirements.txt"
  local name table
  for name in PREDICTIONS_TABLE:nba_predictions.player_prop_predictions BOX_SCORES_TABLE:nba_box_scores.player_game_summary; do
    table=$(setting "${name%%:*}" "${name#*:}")
    bq --headless show --format=none "$(bq_table "$table")" >/dev/null 2>&1 \
      || lacks "the input table $table is not there, or not readable" "load it, or name yours in --env-file: ${name%%:*}=dataset.table"
  done
  [ "$MISSING" -eq 0 ] || die "$MISSING things are missing; nothing was changed"
}

# --- the steps of a deployment ---

pause_old_schedule() {
  say "Old system: pause its schedule"
  local job jobs=$OLD_SCHEDULES
  local look=(gcloud scheduler jobs list "--location=$REGION" "--filter=pubsubTarget.topicName:$TOPIC AND state=ENABLED"
    '--format=value(name.basename())' "--project=$PROJECT")
  if [ "$DRY_RUN" = yes ]; then
    note "jobs that publish to the topic, and are not ours, are looked up with:"
    show "${look[@]}"
  else
    jobs="$jobs $("${look[@]}" | tr '\n' ' ')"
  fi
  for job in $jobs; do
    [ "$(ask ENABLED gcloud scheduler jobs describe "$job" "--location=$REGION" '--format=value(state)' "--project=$PROJECT")" = ENABLED ] || continue
    run gcloud scheduler jobs pause "$job" "--location=$REGION" "--project=$PROJECT"
    PAUSED="$PAUSED $job"
  done
}

enable_apis() {
  say "APIs"
  local api services=()
  for api in $APIS; do services+=("$api.googleapis.com"); done
  run gcloud services enable "${services[@]}" "--project=$PROJECT"
  # The account in whose name Pub/Sub moves dead letters exists only once it was asked for.
  run gcloud beta services identity create --service=pubsub.googleapis.com "--project=$PROJECT"
}

create_account() {
  upsert gcloud iam service-accounts describe "$(account "$1")" "--project=$PROJECT" \
    -- gcloud iam service-accounts create "$1" "--display-name=$2" "--project=$PROJECT"
}

grant_project_role() {
  run_patiently gcloud projects add-iam-policy-binding "$PROJECT" "--member=serviceAccount:$(account "$1")" \
    "--role=$2" "--condition=${3:-None}"
}

# What Firestore grants is a database, never a collection: bind the role to this one.
firestore_condition() {
  printf 'expression=resource.name=="projects/%s/databases/(default)",title=default-database-only' "$PROJECT"
}

create_accounts() {
  say "Service accounts, each with what it needs and no more"
  create_account grading-function "Grading: runs the function"
  create_account grading-scheduler "Grading: publishes the schedule's messages"
  create_account grading-trigger "Grading: delivers events to the function"
  create_account grading-build "Grading: builds the function's image"
  grant_project_role grading-function roles/bigquery.jobUser
  grant_project_role grading-function roles/datastore.user "$(firestore_condition)"
  grant_project_role grading-function roles/monitoring.metricWriter
  grant_project_role grading-function roles/logging.logWriter
  local role
  for role in roles/logging.logWriter roles/artifactregistry.writer roles/storage.objectViewer; do
    grant_project_role grading-build "$role"
  done
}

create_topics() {
  say "Topic, dead letters"
  local name
  for name in "$TOPIC" "$DEAD_LETTER_TOPIC"; do
    upsert gcloud pubsub topics describe "$name" "--project=$PROJECT" \
      -- gcloud pubsub topics create "$name" "--project=$PROJECT"
  done
  upsert gcloud pubsub subscriptions describe "$DEAD_LETTER_SUBSCRIPTION" "--project=$PROJECT" \
    -- gcloud pubsub subscriptions create "$DEAD_LETTER_SUBSCRIPTION" "--topic=$DEAD_LETTER_TOPIC" \
    --message-retention-duration=31d --expiration-period=never --ack-deadline=60 "--project=$PROJECT"
  run_patiently gcloud pubsub topics add-iam-policy-binding "$TOPIC" \
    "--member=serviceAccount:$(account grading-scheduler)" --role=roles/pubsub.publisher "--project=$PROJECT"
  run_patiently gcloud pubsub topics add-iam-policy-binding "$DEAD_LETTER_TOPIC" \
    "--member=serviceAccount:$PUBSUB_AGENT" --role=roles/pubsub.publisher "--project=$PROJECT"
  local complete
  complete=$(setting GRADING_COMPLETE_TOPIC '')
  if [ -n "$complete" ]; then
    run_patiently gcloud pubsub topics add-iam-policy-binding "$complete" \
      "--member=serviceAccount:$(account grading-function)" --role=roles/pubsub.publisher "--project=$PROJECT"
  fi
}

prepare_firestore() {
  say "Firestore: the locks"
  local type
  type=$(ask '' gcloud firestore databases describe '--database=(default)' '--format=value(type)' "--project=$PROJECT" 2>/dev/null || true)
  case $type in
    FIRESTORE_NATIVE) ;;
    '')
      run gcloud firestore databases create '--database=(default)' "--location=$REGION" --type=firestore-native "--project=$PROJECT" ;;
    *)
      die "the project's (default) database is in Datastore mode; locks need native mode. Use another project, or, if it is
    empty: gcloud firestore databases update --database='(default)' --type=firestore-native --project=$PROJECT" ;;
  esac
  local collection
  for collection in $TTL_COLLECTIONS; do
    run gcloud firestore fields ttls update expires_at "--collection-group=$collection" --enable-ttl --async "--project=$PROJECT"
  done
}

store_webhook() {
  say "Secret: the Slack webhook"
  upsert gcloud secrets describe "$SECRET" "--project=$PROJECT" \
    -- gcloud secrets create "$SECRET" --replication-policy=automatic "--project=$PROJECT"
  run_patiently gcloud secrets add-iam-policy-binding "$SECRET" "--member=serviceAccount:$(account grading-function)" \
    --role=roles/secretmanager.secretAccessor "--project=$PROJECT"
  local add=(gcloud secrets versions add "$SECRET" --data-file=- "--project=$PROJECT")
  if [ "$DRY_RUN" = yes ]; then
    note "the URL is read on stdin, unless the secret has one already:"
    show "${add[@]}"
    return
  fi
  if [ -n "$(gcloud secrets versions list "$SECRET" --filter=state=ENABLED --limit=1 '--format=value(name)' "--project=$PROJECT")" ]; then
    say "  there already; to change it: printf '%s' \"\$URL\" | ${add[*]}"
    return
  fi
  local url=''
  [ ! -t 0 ] || printf 'Slack incoming webhook (https://hooks.slack.com/…, not shown; empty to go on without): '
  IFS= read -rs url || true
  [ ! -t 0 ] || say
  url=${url%$'\r'}
  case $url in
    '') warn "no webhook was given: alerts reach the logs only. To add it: ${add[*]} < webhook.txt" ;;
    https://*)
      show "${add[@]}"
      # printf is part of the shell: the URL is in no process's arguments.
      printf '%s' "$url" | "${add[@]}" ;;
    *) die "that is not an https:// address; nothing was stored" ;;
  esac
}

prepare_tables() {
  say "Datasets, tables, and who may touch them"
  local location staging target function scripted dataset table line
  location=$(setting BIGQUERY_LOCATION US)
  staging=$(setting STAGING_DATASET nba_staging)
  target=$(setting TARGET_DATASET nba_predictions)
  function="serviceAccount:$(account grading-function)"
  local expiration
  expiration=$(setting STAGING_EXPIRATION_SECONDS 86400)
  upsert bq --headless show --format=none --dataset "$PROJECT:$staging" \
    -- bq --headless "--location=$location" mk --dataset "--default_table_expiration=$expiration" "$PROJECT:$staging" \
    -- bq --headless update --dataset "--default_table_expiration=$expiration" "$PROJECT:$staging"
  upsert bq --headless show --format=none --dataset "$PROJECT:$target" \
    -- bq --headless "--location=$location" mk --dataset "$PROJECT:$target"

  local environment=()
  while IFS= read -r line; do environment+=("$line"); done < <(environment)
  run env "${environment[@]}" "$PYTHON" -m grading init

  # Predictions live in the dataset that we write to, so editing is granted on our own tables, not on the dataset.
  scripted="GRANT \`roles/bigquery.dataEditor\` ON SCHEMA \`$PROJECT.$staging\` TO \"$function\";"
  for table in $(own_tables); do
    scripted="$scripted GRANT \`roles/bigquery.dataEditor\` ON TABLE \`$PROJECT.$target.$table\` TO \"$function\";"
  done
  for dataset in $(input_datasets "$target"); do
    scripted="$scripted GRANT \`roles/bigquery.dataViewer\` ON SCHEMA \`$dataset\` TO \"$function\";"
  done
  run_patiently bq --headless "--location=$location" query --use_legacy_sql=false "--project_id=$PROJECT" "$scripted"
}

# The datasets that are only read, each once. Two are optional: what is missing is not granted.
input_datasets() {
  {
    say "$PROJECT.$1"
    dataset_of "$(setting PREDICTIONS_TABLE nba_predictions.player_prop_predictions)" && say
    dataset_of "$(setting BOX_SCORES_TABLE nba_box_scores.player_game_summary)" && say
    local dataset
    for dataset in "$(dataset_of "$(setting INJURY_REPORT_TABLE nba_raw.nbac_injury_report)")" \
      "$(dataset_of "$(setting ARCHETYPES_TABLE nba_analytics.player_archetypes)")"; do
      if [ "$DRY_RUN" = yes ] || bq --headless show --format=none --dataset "${dataset%%.*}:${dataset#*.}" >/dev/null 2>&1; then
        say "$dataset"
      else
        warn "the optional dataset $dataset is not there: grading goes on without it"
      fi
    done
  } | sort -u
}

# One event an instance, on its main thread (THREADS=1): only there can it take notice of SIGTERM.
deploy_function() {
  say "Function"
  local variables='' line
  while IFS= read -r line; do variables="$variables|$line"; done < <(environment)
  run gcloud functions deploy "$FUNCTION" --gen2 --runtime=python311 "--region=$REGION" --source=. \
    "--entry-point=$ENTRY_POINT" "--trigger-topic=$TOPIC" --retry --memory=1Gi --cpu=1 "--timeout=${TIMEOUT_SECONDS}s" \
    --concurrency=1 --min-instances=0 --max-instances=10 --no-allow-unauthenticated --ingress-settings=internal-only \
    "--service-account=$(account grading-function)" "--trigger-service-account=$(account grading-trigger)" \
    "--build-service-account=projects/$PROJECT/serviceAccounts/$(account grading-build)" \
    "--set-env-vars=^|^THREADS=1$variables" "--project=$PROJECT"
  run_patiently gcloud functions add-invoker-policy-binding "$FUNCTION" "--region=$REGION" \
    "--member=serviceAccount:$(account grading-trigger)" "--project=$PROJECT"
  # After a rollback, traffic stays pinned to the old revision until told otherwise.
  run gcloud run services update-traffic "$FUNCTION" --to-latest "--region=$REGION" "--project=$PROJECT"
}

# The trigger made its own subscription: its retries, dead letters and deadline are set there
# (https://cloud.google.com/eventarc/docs/retry-events).
configure_delivery() {
  say "Delivery: retries, dead letters"
  local trigger subscription
  trigger=$(ask TRIGGER gcloud functions describe "$FUNCTION" --gen2 "--region=$REGION" \
    '--format=value(eventTrigger.trigger)' "--project=$PROJECT")
  note "the trigger's subscription is looked up with:"
  show gcloud functions describe "$FUNCTION" --gen2 "--region=$REGION" '--format=value(eventTrigger.trigger)' "--project=$PROJECT"
  show gcloud eventarc triggers describe "$trigger" "--location=$REGION" '--format=value(transport.pubsub.subscription)' "--project=$PROJECT"
  subscription=$(ask "projects/$PROJECT/subscriptions/SUBSCRIPTION" gcloud eventarc triggers describe "$trigger" \
    "--location=$REGION" '--format=value(transport.pubsub.subscription)' "--project=$PROJECT")
  [ -n "$subscription" ] || die "the trigger of $FUNCTION has no subscription: gcloud eventarc triggers list --location=$REGION --project=$PROJECT"
  # 100 attempts of at most 300 s, 600 s apart, take 25 h: longer than Eventarc's retention of one day.
  run gcloud pubsub subscriptions update "$subscription" --ack-deadline=600 --min-retry-delay=60s --max-retry-delay=600s \
    "--dead-letter-topic=projects/$PROJECT/topics/$DEAD_LETTER_TOPIC" --max-delivery-attempts=100 \
    --message-retention-duration=7d --expiration-period=never "--project=$PROJECT"
  run_patiently gcloud pubsub subscriptions add-iam-policy-binding "$subscription" \
    "--member=serviceAccount:$PUBSUB_AGENT" --role=roles/pubsub.subscriber "--project=$PROJECT"
  OUR_SUBSCRIPTION=$subscription
}

# Jobs call Pub/Sub's API as an account that may only publish to this topic; a job with a Pub/Sub target would
# publish as the project's scheduler agent instead.
create_schedule() {
  if [ "$SKIP_SCHEDULER" = yes ]; then
    say "Schedule: skipped (--skip-scheduler)"
    return
  fi
  if [ -n "$PAUSED" ] && [ "$DRY_RUN" = no ]; then
    say "Schedule: not yet. The old one was paused just now ($PAUSED ); once the old system is drained (below), run this again"
    return
  fi
  say "Schedule"
  local name cron message body common
  while IFS='|' read -r name cron message; do
    body="{\"messages\":[{\"data\":\"$(printf '%s' "$message" | base64 | tr -d '\n')\"}]}"
    common=("--location=$REGION" "--schedule=$cron" "--time-zone=$TIME_ZONE_OF_SCHEDULE"
      "--uri=https://pubsub.googleapis.com/v1/projects/$PROJECT/topics/$TOPIC:publish" --http-method=post
      "--message-body=$body" "--description=$message" --max-retry-attempts=5
      "--oauth-service-account-email=$(account grading-scheduler)" "--project=$PROJECT")
    upsert gcloud scheduler jobs describe "$name" "--location=$REGION" "--project=$PROJECT" \
      -- gcloud scheduler jobs create http "$name" "${common[@]}" --headers=Content-Type=application/json \
      -- gcloud scheduler jobs update http "$name" "${common[@]}" --update-headers=Content-Type=application/json
  done <<<"$SCHEDULE"
}

create_monitoring() {
  say "Log-based metrics, alert policies, dashboard"
  local file name id
  for file in monitoring/log_metrics/*.json; do
    name=$(basename "$file" .json)
    upsert gcloud logging metrics describe "$name" "--project=$PROJECT" \
      -- gcloud logging metrics create "$name" "--config-from-file=$file" "--project=$PROJECT" \
      -- gcloud logging metrics update "$name" "--config-from-file=$file" "--project=$PROJECT"
  done
  local channels=() changed=()
  if [ -n "$CHANNELS" ]; then
    channels=("--notification-channels=$CHANNELS")
    changed=("--set-notification-channels=$CHANNELS")
  fi
  for file in monitoring/alert_policies/*.json; do
    name=$(basename "$file" .json)
    id=$(ask POLICY gcloud alpha monitoring policies list "--filter=userLabels.grading_policy=$name" '--format=value(name)' --limit=1 "--project=$PROJECT")
    upsert test -n "$id" \
      -- gcloud alpha monitoring policies create "--policy-from-file=$file" ${channels[@]+"${channels[@]}"} "--project=$PROJECT" \
      -- gcloud alpha monitoring policies update "$id" "--policy-from-file=$file" ${changed[@]+"${changed[@]}"} "--project=$PROJECT"
  done
  [ -n "$CHANNELS" ] || note "the policies page no one yet: give --notification-channel (gcloud beta monitoring channels list)"
  id=$(ask DASHBOARD gcloud monitoring dashboards list "--filter=displayName='$DASHBOARD'" '--format=value(name)' --limit=1 "--project=$PROJECT")
  file=monitoring/dashboard.json
  if [ "$DRY_RUN" = no ] && [ -n "$id" ]; then
    # An update names the version that it replaces.
    file=$(mktemp)
    sed "1s/{/{\"etag\": \"$(gcloud monitoring dashboards describe "$id" '--format=value(etag)' "--project=$PROJECT")\",/" \
      monitoring/dashboard.json >"$file"
  fi
  upsert test -n "$id" \
    -- gcloud monitoring dashboards create "--config-from-file=$file" "--project=$PROJECT" \
    -- gcloud monitoring dashboards update "$id" "--config-from-file=$file" "--project=$PROJECT"
  [ "$file" = monitoring/dashboard.json ] || rm -f "$file"
}

tell_what_is_next() {
  local revision
  revision=$(ask NEW_REVISION gcloud run services describe "$FUNCTION" "--region=$REGION" \
    '--format=value(status.latestReadyRevisionName)' "--project=$PROJECT")
  cat <<END

Done. If a system before this one wrote to the same tables: a writer of two jobs respects neither lock nor fence.
Let it run dry before the first event:
  1. No other subscription turns our messages into its runs. Ours is $OUR_SUBSCRIPTION.
       gcloud pubsub topics list-subscriptions $TOPIC --project=$PROJECT
       gcloud pubsub subscriptions delete NAME --project=$PROJECT      for each one that belongs to it
  2. No job of it is under way. This lists none:
       bq query --use_legacy_sql=false --project_id=$PROJECT "SELECT job_id, user_email, creation_time FROM \\\`region-$(setting BIGQUERY_LOCATION US | tr '[:upper:]' '[:lower:]')\\\`.INFORMATION_SCHEMA.JOBS_BY_PROJECT WHERE state != 'DONE' AND destination_table.table_id = 'prediction_accuracy'"
  3. Its function says nothing more, for as long as its timeout:
       gcloud logging read 'resource.labels.service_name="$FUNCTION" AND resource.labels.revision_name!="$revision"' --freshness=15m --project=$PROJECT
  Back to it: ./deploy.sh destroy, then gcloud scheduler jobs resume JOB --location=$REGION --project=$PROJECT

Try it:   gcloud pubsub topics publish $TOPIC --message='{"target_date":"yesterday","trigger_source":"manual"}' --project=$PROJECT
Watch it: gcloud logging read 'resource.labels.service_name="$FUNCTION" AND jsonPayload.event:*' --freshness=10m --project=$PROJECT
Undo it:  ./deploy.sh rollback --project $PROJECT --region $REGION
What to do when: docs/runbook.md
END
}

deploy() {
  preflight
  PUBSUB_AGENT="service-$(ask PROJECT_NUMBER gcloud projects describe "$PROJECT" '--format=value(projectNumber)')@gcp-sa-pubsub.iam.gserviceaccount.com"
  enable_apis
  pause_old_schedule
  create_accounts
  create_topics
  prepare_firestore
  store_webhook
  prepare_tables
  deploy_function
  configure_delivery
  create_schedule
  create_monitoring
  tell_what_is_next
}

# --- going back ---

rollback() {
  local revision=$REVISION serving
  if [ -z "$revision" ]; then
    serving=$(ask '' gcloud run services describe "$FUNCTION" "--region=$REGION" '--format=value(status.traffic[0].revisionName)' "--project=$PROJECT")
    note "the newest revision before the one that serves ($serving) is looked up with:"
    show gcloud run revisions list "--service=$FUNCTION" "--region=$REGION" '--sort-by=~metadata.creationTimestamp' \
      '--format=value(metadata.name)' "--project=$PROJECT"
    revision=$(ask PREVIOUS_REVISION previous_revision "$serving")
    [ -n "$revision" ] || die "there is no revision before $serving"
  fi
  run gcloud run services update-traffic "$FUNCTION" "--to-revisions=$revision=100" "--region=$REGION" "--project=$PROJECT"
  say "Events go to $revision; code, settings and accounts are those of its deployment. Tables, schedule and alerts stay."
  say "Forward again: gcloud run services update-traffic $FUNCTION --to-latest --region=$REGION --project=$PROJECT, or ./deploy.sh"
}

# The first ready revision that is older than the one that serves.
previous_revision() {
  gcloud run revisions list "--service=$FUNCTION" "--region=$REGION" '--sort-by=~metadata.creationTimestamp' \
    '--format=value(metadata.name)' "--project=$PROJECT" \
    | awk -v serving="$1" 'passed { print; exit } $0 == serving { passed = 1 }'
}

# Delete what is there; what is gone already is no error.
remove() {
  show "$@"
  [ "$DRY_RUN" = yes ] || "$@" 2>/dev/null || say "  not there"
}

destroy() {
  if [ "$DRY_RUN" = no ] && [ "$ASSUME_YES" = no ]; then
    say "This removes the function, schedule, topics, alerts, accounts and the webhook's secret from $PROJECT."
    say "Tables, grades and the audit stay. Events that are on their way are lost."
    printf 'Type the project id to go on: '
    local typed=''
    IFS= read -r typed || true
    [ "$typed" = "$PROJECT" ] || die "nothing was removed"
  fi
  local name file id role
  while IFS='|' read -r name _; do
    remove gcloud scheduler jobs delete "$name" "--location=$REGION" --quiet "--project=$PROJECT"
  done <<<"$SCHEDULE"
  remove gcloud functions delete "$FUNCTION" --gen2 "--region=$REGION" --quiet "--project=$PROJECT"
  remove gcloud pubsub subscriptions delete "$DEAD_LETTER_SUBSCRIPTION" "--project=$PROJECT"
  remove gcloud pubsub topics delete "$DEAD_LETTER_TOPIC" "--project=$PROJECT"
  remove gcloud pubsub topics delete "$TOPIC" "--project=$PROJECT"
  for file in monitoring/alert_policies/*.json; do
    id=$(ask POLICY gcloud alpha monitoring policies list "--filter=userLabels.grading_policy=$(basename "$file" .json)" \
      '--format=value(name)' "--project=$PROJECT")
    [ -z "$id" ] || remove gcloud alpha monitoring policies delete "$id" --quiet "--project=$PROJECT"
  done
  id=$(ask DASHBOARD gcloud monitoring dashboards list "--filter=displayName='$DASHBOARD'" '--format=value(name)' "--project=$PROJECT")
  [ -z "$id" ] || remove gcloud monitoring dashboards delete "$id" --quiet "--project=$PROJECT"
  for file in monitoring/log_metrics/*.json; do
    remove gcloud logging metrics delete "$(basename "$file" .json)" --quiet "--project=$PROJECT"
  done
  remove gcloud secrets delete "$SECRET" --quiet "--project=$PROJECT"
  for role in roles/bigquery.jobUser roles/monitoring.metricWriter roles/logging.logWriter; do
    remove gcloud projects remove-iam-policy-binding "$PROJECT" "--member=serviceAccount:$(account grading-function)" "--role=$role" --condition=None
  done
  remove gcloud projects remove-iam-policy-binding "$PROJECT" "--member=serviceAccount:$(account grading-function)" \
    --role=roles/datastore.user "--condition=$(firestore_condition)"
  for role in roles/logging.logWriter roles/artifactregistry.writer roles/storage.objectViewer; do
    remove gcloud projects remove-iam-policy-binding "$PROJECT" "--member=serviceAccount:$(account grading-build)" "--role=$role" --condition=None
  done
  for name in grading-function grading-scheduler grading-trigger grading-build; do
    remove gcloud iam service-accounts delete "$(account "$name")" --quiet "--project=$PROJECT"
  done
  say "What stays: the datasets (bq ls --project_id=$PROJECT), the Firestore database with its locks, and the enabled APIs."
}

# --- the command line ---

COMMAND=deploy PROJECT='' REGION=us-west2 REVISION='' CHANNELS='' OLD_SCHEDULES='' ENV_LINES=''
DRY_RUN=no SKIP_SCHEDULER=no ASSUME_YES=no MISSING=0 OUR_SUBSCRIPTION='' PUBSUB_AGENT='' PAUSED=''
if [ -n "${PYTHON:-}" ]; then :; elif [ -x .venv/bin/python ]; then PYTHON=.venv/bin/python; else PYTHON=python3; fi

argument() { [ $# -ge 2 ] && [ -n "$2" ] || die "$1 needs a value" 2; }

main() {
  case ${1:-} in
    deploy | destroy) COMMAND=$1; shift ;;
    rollback)
      COMMAND=$1
      shift
      case ${1:-} in '' | -*) ;; *) REVISION=$1; shift ;; esac ;;
  esac
  while [ $# -gt 0 ]; do
    case $1 in
      --project=* | --region=* | --env-file=* | --notification-channel=* | --old-schedule=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    esac
    case $1 in
      --project) argument "$@"; PROJECT=$2; shift 2 ;;
      --region) argument "$@"; REGION=$2; shift 2 ;;
      --env-file) argument "$@"; read_env_file "$2"; shift 2 ;;
      --notification-channel) argument "$@"; CHANNELS="${CHANNELS:+$CHANNELS,}$2"; shift 2 ;;
      --old-schedule) argument "$@"; OLD_SCHEDULES="$OLD_SCHEDULES $2"; shift 2 ;;
      --skip-scheduler) SKIP_SCHEDULER=yes; shift ;;
      --dry-run) DRY_RUN=yes; shift ;;
      --yes) ASSUME_YES=yes; shift ;;
      -h | --help) usage; exit 0 ;;
      *) warn "unknown: $1"; usage >&2; exit 2 ;;
    esac
  done
  if [ -z "$PROJECT" ]; then
    PROJECT=$(gcloud config get-value project 2>/dev/null || true)
    [ -n "$PROJECT" ] || die "which project? give --project ID, or: gcloud config set project ID" 2
  fi
  case $PROJECT in *[!a-z0-9:.-]*) die "--project $PROJECT: that is no project id" 2 ;; esac
  case $REGION in '' | *[!a-z0-9-]*) die "--region $REGION: that is no region, as us-west2" 2 ;; esac
  "$COMMAND"
}

main "$@"
