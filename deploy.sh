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
# What deploy.sh created carries this label, or, if gcloud takes none there, a description that begins with the mark.
# Only that is ever updated or destroyed.
readonly LABEL_KEY=managed_by LABEL_VALUE=grading-deploy
readonly LABEL=$LABEL_KEY=$LABEL_VALUE
readonly MARK="Grading service (deploy.sh)"
readonly SELF_CHECK_JOB=grading-service-self-check
readonly TIMEOUT_SECONDS=300
readonly TIME_ZONE_OF_SCHEDULE=America/New_York

readonly APIS="artifactregistry bigquery cloudbuild cloudfunctions cloudscheduler eventarc firestore iam logging \
monitoring pubsub run secretmanager"

# Collections whose documents carry `expires_at`. Firestore's TTL removes what a crash left behind.
readonly TTL_COLLECTIONS="grading_locks daily_performance_locks performance_summary_locks consolidation_locks \
publish_locks grading_waiters grading_alerts grading_breakers grading_first_deliveries grading_failures"

# name | cron | message. The daily run names yesterday in the service's own time zone. No name is one that an old system
# may have used, as grading-daily.
readonly SCHEDULE='grading-service-daily|0 6 * * *|{"target_date":"yesterday","trigger_source":"scheduler"}
grading-service-catch-up|30 */4 * * *|{"task":"catch_up","days":7}
grading-service-quality-check|0 9 * * *|{"task":"quality_check"}
grading-service-duplicate-trend|0 10 * * 1|{"task":"duplicate_trend"}
grading-service-stuck-locks|*/15 * * * *|{"task":"stuck_locks"}'

usage() {
  cat <<'HELP'
Usage: ./deploy.sh [deploy] [options]      deploy, or bring a deployment up to date
       ./deploy.sh rollback [REVISION]     send events to the revision before (or the named one); the old system's
                                           revision comes with its trigger and schedule as they were
       ./deploy.sh destroy [--yes]         remove what was created, all but the data; return to the old system; asks first

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

# shellcheck source=deploy/output.sh
. deploy/output.sh
# shellcheck source=deploy/settings.sh
. deploy/settings.sh
# shellcheck source=deploy/preflight.sh
. deploy/preflight.sh
# shellcheck source=deploy/project.sh
. deploy/project.sh
# shellcheck source=deploy/tables.sh
. deploy/tables.sh
# shellcheck source=deploy/function.sh
. deploy/function.sh
# shellcheck source=deploy/schedule.sh
. deploy/schedule.sh
# shellcheck source=deploy/alerts.sh
. deploy/alerts.sh
# shellcheck source=deploy/going_back.sh
. deploy/going_back.sh

tell_what_is_next() {
  cat <<END

Done. If a system before this one wrote to the same tables: a writer of two jobs respects neither lock nor fence.
Let it run dry before the first event:
  1. No other subscription turns our messages into its runs. Ours is $SUBSCRIPTION.
       gcloud pubsub topics list-subscriptions $TOPIC --project=$PROJECT
       gcloud pubsub subscriptions delete NAME --project=$PROJECT      for each one that belongs to it
  2. No job of it is under way. This lists none:
       bq query --use_legacy_sql=false --project_id=$PROJECT "SELECT job_id, user_email, creation_time FROM \\\`region-$(setting BIGQUERY_LOCATION US | tr '[:upper:]' '[:lower:]')\\\`.INFORMATION_SCHEMA.JOBS_BY_PROJECT WHERE state != 'DONE' AND destination_table.table_id = '$(setting PREDICTION_ACCURACY_TABLE prediction_accuracy)'"
  3. Its function says nothing more, for as long as its timeout:
       gcloud logging read 'resource.labels.service_name="$FUNCTION" AND resource.labels.revision_name!="$NEW_REVISION"' --freshness=15m --project=$PROJECT
  Back to it: ./deploy.sh rollback, or ./deploy.sh destroy: traffic, trigger and schedule become what they were

Try it:   gcloud pubsub topics publish $TOPIC --message='{"target_date":"yesterday","trigger_source":"manual"}' --project=$PROJECT
Watch it: gcloud logging read 'resource.labels.service_name="$FUNCTION" AND jsonPayload.event:*' --freshness=10m --project=$PROJECT
Undo it:  ./deploy.sh rollback --project $PROJECT --region $REGION
What to do when: docs/runbook.md
END
}

deploy() {
  preflight
  PUBSUB_AGENT="service-$PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com"
  enable_apis
  create_topics
  pause_old_schedule
  create_accounts
  allow_publishing
  prepare_firestore
  store_webhook
  prepare_tables
  deploy_function
  configure_delivery
  create_schedule
  create_monitoring
  finish_deployment
  tell_what_is_next
}

COMMAND=deploy PROJECT='' REGION=us-west2 REVISION='' CHANNELS='' OLD_SCHEDULES='' ENV_LINES=''
DRY_RUN=no SKIP_SCHEDULER=no ASSUME_YES=no MISSING=0 SUBSCRIPTION='' PUBSUB_AGENT='' PROJECT_NUMBER=''
ENABLED='' JOBS='' RECORDS='' TOPICS='' SERVICE_ACCOUNTS='' STAGING_STATE='' TARGET_STATE='' NEW_REVISION=''
FUNCTION_STATE=absent GENERATION='' TRIGGER_ACCOUNT='' SERVING='' FINISHED='' PREVIOUS='' OLD_REVISION='' OLD_ACCOUNT='' OLD_DOMAIN='' OLD_RETRY='' OLD_INGRESS=''
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
  ACCOUNT_DOMAIN=$PROJECT.iam.gserviceaccount.com
  FUNCTION_ACCOUNT=grading-function@$ACCOUNT_DOMAIN
  SCHEDULER_ACCOUNT=grading-scheduler@$ACCOUNT_DOMAIN
  TRIGGER_CALLER=grading-trigger@$ACCOUNT_DOMAIN
  BUILD_ACCOUNT=grading-build@$ACCOUNT_DOMAIN
  SCRATCH='' ERRORS=/dev/null
  if [ "$DRY_RUN" = no ]; then
    SCRATCH=$(mktemp -d)
    trap 'rm -rf "$SCRATCH"' EXIT
    ERRORS=$SCRATCH/errors
  else
    # A dry run reads nothing: it prints these words instead.
    PROJECT_NUMBER=PROJECT_NUMBER
  fi
  "$COMMAND"
}

main "$@"
