# shellcheck shell=bash
# The scheduler jobs: theirs, which are paused, and ours. Jobs take no labels: ours have the prefix `grading-service-`
# and a description that begins with our mark. Which jobs deploy.sh paused itself is recorded in labels of the
# dead-letter topic, which is always ours: only those are resumed.

our_job_names() {
  local name rest
  # shellcheck disable=SC2034
  while IFS='|' read -r name rest; do say "$name"; done <<<"$SCHEDULE"
}

look_at_jobs() {
  JOBS=''
  enabled cloudscheduler || return 0
  # The description comes last: it may hold a |.
  JOBS=$(look '' gcloud scheduler jobs list "--location=$REGION" \
    '--format=value[separator="|"](name.basename(),state,pubsubTarget.topicName,httpTarget.uri,description)' "--project=$PROJECT")
}

look_at_records() {
  RECORDS=$(find_one '' gcloud pubsub topics describe "$DEAD_LETTER_TOPIC" '--format=value(labels.list(separator=" "))' "--project=$PROJECT")
}

# The label that records that deploy.sh paused a job: of any name, by its checksum.
record_key() { printf 'paused_%s' "$(printf '%s' "$1" | cksum | cut -d' ' -f1)"; }
recorded() { case " $RECORDS" in *" $1="*) return 0 ;; *) return 1 ;; esac; }

record() {
  run gcloud pubsub topics update "$DEAD_LETTER_TOPIC" "--update-labels=$1" "--project=$PROJECT"
}
forget() {
  run gcloud pubsub topics update "$DEAD_LETTER_TOPIC" "--remove-labels=$1" "--project=$PROJECT"
}

# Sets STATE to the state of a job; empty if there is none.
job_state() {
  row "$1" "$JOBS"
  STATE=${ROW%%|*}
}

# The jobs that start the old system: those that publish to the topic and are not ours, and those that were named.
old_jobs() {
  local name state topic uri description job
  {
    while IFS='|' read -r name state topic uri description; do
      case $description in "$MARK"*) continue ;; esac
      case "${topic##*/}|$uri" in "$TOPIC|"* | *"/topics/$TOPIC:publish") say "$name" ;; esac
    done <<<"$JOBS"
    for job in $OLD_SCHEDULES; do say "$job"; done
  } | sort -u
}

pause_old_schedule() {
  say "Old system: pause its schedule"
  look_at_records
  local job key
  if [ "$DRY_RUN" = yes ]; then
    note "jobs that publish to the topic, and are not ours, are looked up with:"
    show gcloud scheduler jobs list "--location=$REGION" "--filter=pubsubTarget.topicName:$TOPIC AND state=ENABLED" \
      '--format=value(name.basename())' "--project=$PROJECT"
    for job in $OLD_SCHEDULES; do run gcloud scheduler jobs pause "$job" "--location=$REGION" "--project=$PROJECT"; done
    return
  fi
  for job in $(old_jobs); do
    key=$(record_key "$job")
    job_state "$job"
    case $STATE in
      ENABLED)
        # Recorded first: a pause without a record would never be undone.
        record "$key=yes,drain=${FINISHED:-none}"
        run gcloud scheduler jobs pause "$job" "--location=$REGION" "--project=$PROJECT" ;;
      PAUSED)
        recorded "$key" || say "  $job was paused by a person: it stays so, and going back will not resume it" ;;
      *) say "  $job is not enabled" ;;
    esac
  done
  look_at_records
}

# Resume what deploy.sh paused of the old system; report what a person paused.
resume_old_schedule() {
  local job key
  [ "$DRY_RUN" = no ] || note "jobs that deploy.sh paused are resumed"
  look_at_jobs
  look_at_records
  for job in $(old_jobs); do
    key=$(record_key "$job")
    job_state "$job"
    if recorded "$key"; then
      [ "$STATE" != PAUSED ] || run gcloud scheduler jobs resume "$job" "--location=$REGION" "--project=$PROJECT"
      forget "$key"
    elif [ "$STATE" = PAUSED ]; then
      say "  $job was paused by a person: it stays so. To resume it: gcloud scheduler jobs resume $job --location=$REGION --project=$PROJECT"
    fi
  done
  case " $RECORDS" in *' drain='*) forget drain ;; esac
}

# Pause our own jobs while the old system runs again; the next deployment resumes them.
pause_our_schedule() {
  local name key
  look_at_jobs
  look_at_records
  for name in $(our_job_names); do
    job_state "$name"
    [ "$STATE" = ENABLED ] || continue
    key=$(record_key "$name")
    record "$key=yes"
    run gcloud scheduler jobs pause "$name" "--location=$REGION" "--project=$PROJECT"
  done
}

# Jobs call Pub/Sub's API as an account that may only publish to this topic; a job with a Pub/Sub target would
# publish as the project's scheduler agent instead.
create_schedule() {
  if [ "$SKIP_SCHEDULER" = yes ]; then
    say "Schedule: skipped (--skip-scheduler)"
    return
  fi
  # The words on draining are printed at a deployment's end: the schedule starts with the first run after one has ended.
  case " $RECORDS " in
    *" drain=${FINISHED:-none} "*)
      say "Schedule: not yet. The old one was paused just now; when the old system is drained (below), run this again"
      return ;;
  esac
  say "Schedule"
  local name cron message body common key
  while IFS='|' read -r name cron message; do
    body="{\"messages\":[{\"data\":\"$(printf '%s' "$message" | base64 | tr -d '\n')\"}]}"
    common=("--location=$REGION" "--schedule=$cron" "--time-zone=$TIME_ZONE_OF_SCHEDULE"
      "--uri=https://pubsub.googleapis.com/v1/projects/$PROJECT/topics/$TOPIC:publish" --http-method=post
      "--message-body=$body" "--description=$MARK: $message" --max-retry-attempts=5
      "--oauth-service-account-email=$SCHEDULER_ACCOUNT" "--project=$PROJECT")
    job_state "$name"
    ensure "$(known "$STATE")" \
      -- gcloud scheduler jobs create http "$name" "${common[@]}" --headers=Content-Type=application/json \
      -- gcloud scheduler jobs update http "$name" "${common[@]}" --update-headers=Content-Type=application/json
    [ "$DRY_RUN" = no ] || continue
    key=$(record_key "$name")
    if recorded "$key"; then
      [ "$STATE" != PAUSED ] || run gcloud scheduler jobs resume "$name" "--location=$REGION" "--project=$PROJECT"
      forget "$key"
    elif [ "$STATE" = PAUSED ]; then
      say "  $name was paused by a person: it stays so. To resume it: gcloud scheduler jobs resume $name --location=$REGION --project=$PROJECT"
    fi
  done <<<"$SCHEDULE"
}
