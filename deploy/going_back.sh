# shellcheck shell=bash
# rollback and destroy.

rollback() {
  look_ahead
  local target=$REVISION
  if [ "$DRY_RUN" = yes ]; then
    note "the revision to return to is the one that carries the tag 'previous', or that was recorded as the old system's:"
    show gcloud run services describe "$FUNCTION" "--region=$REGION" '--flatten=status.traffic[]' \
      '--format=value(status.traffic.revisionName,status.traffic.tag)' "--project=$PROJECT"
    run gcloud run services update-traffic "$FUNCTION" "--to-revisions=${target:-PREVIOUS_REVISION}=100" --update-tags=finished="${target:-PREVIOUS_REVISION}" \
      "--region=$REGION" "--project=$PROJECT"
    note "or, if that is the old system's:"
    return_to_old_system
    return
  fi
  [ "$FUNCTION_STATE" != absent ] || die "there is no function $FUNCTION in $REGION"
  [ "$FUNCTION_STATE" = ours ] || die "the function $FUNCTION was not deployed by deploy.sh; nothing was changed"
  if [ -z "$target" ]; then
    for target in "$PREVIOUS" "$OLD_REVISION" ''; do
      [ -z "$target" ] || [ "$target" = "$SERVING" ] || break
    done
    # An interrupted return to the old system is completed.
    [ -n "$target" ] || [ -z "$OLD_REVISION" ] || [ "$SERVING" != "$OLD_REVISION" ] || target=$OLD_REVISION
    [ -n "$target" ] || die "there is no revision before ${SERVING:-this one}"
  fi
  if [ "$target" = "$OLD_REVISION" ]; then
    return_to_old_system
    say "Events go to the old system ($target) again, as it was; our schedule is paused. Tables and alerts stay."
    say "Forward again: ./deploy.sh"
    return
  fi
  [ "$SERVING" != "$OLD_REVISION" ] || [ -z "$OLD_REVISION" ] \
    || die "the old system serves; its schedule and trigger are as they were. To go forward to ours: ./deploy.sh"
  run gcloud run services update-traffic "$FUNCTION" "--to-revisions=$target=100" "--update-tags=finished=$target" \
    "--region=$REGION" "--project=$PROJECT"
  say "Events go to $target; code, settings and accounts are those of its deployment. Tables, schedule and alerts stay."
  say "Forward again: ./deploy.sh"
  [ -z "$OLD_REVISION" ] || say "Back to the system before ours: ./deploy.sh rollback $OLD_REVISION --project $PROJECT --region $REGION"
}

# What rollback and destroy must know.
look_ahead() {
  if [ "$DRY_RUN" = no ]; then
    PROJECT_NUMBER=$(look '' gcloud projects describe "$PROJECT" '--format=value(projectNumber)')
  else
    OLD_ACCOUNT=OLD_TRIGGER_ACCOUNT OLD_DOMAIN=DOMAIN
  fi
  PUBSUB_AGENT="service-$PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com"
  look_at_apis
  [ "$DRY_RUN" = yes ] || look_at_function
}

# Traffic first: it takes seconds. Then the schedule, the subscription, the trigger.
return_to_old_system() {
  local revision=${OLD_REVISION:-OLD_REVISION}
  pause_our_schedule
  run gcloud run services update-traffic "$FUNCTION" "--to-revisions=$revision=100" --remove-tags=candidate,finished,previous \
    "--region=$REGION" "--project=$PROJECT"
  return_subscription
  return_trigger
  resume_old_schedule
}

return_subscription() {
  look_at_subscription
  local deadline minimum maximum retention expiration letters attempts changed=() labels
  # The first seven are what is set now, the rest what is recorded.
  IFS='|' read -r _ _ _ _ _ _ _ deadline minimum maximum retention expiration letters attempts <<<"$SUBSCRIPTION_FIELDS"
  if [ "$DRY_RUN" = yes ]; then
    note "the values are those that the first deployment recorded in the subscription's labels"
    deadline=10 minimum=10s maximum=600s retention=86400s expiration=never letters=none
  fi
  [ -n "$deadline" ] || return 0
  labels=grading_old_ack_deadline,grading_old_min_retry,grading_old_max_retry,grading_old_retention,grading_old_expiration,grading_old_dead_letter,grading_old_attempts
  if [ "$minimum" = none ]; then
    changed+=(--clear-retry-policy)
  else
    changed+=("--min-retry-delay=$minimum" "--max-retry-delay=$maximum")
  fi
  if [ "$letters" = none ]; then
    changed+=(--clear-dead-letter-policy)
  else
    changed+=("--dead-letter-topic=projects/$PROJECT/topics/$letters" "--max-delivery-attempts=$attempts")
  fi
  run gcloud pubsub subscriptions update "$SUBSCRIPTION" "--ack-deadline=$deadline" "${changed[@]}" \
    "--message-retention-duration=$retention" "--expiration-period=$expiration" "--remove-labels=$labels" "--project=$PROJECT"
}

# return_trigger [FLAG…]: the trigger's account and retries, and the ingress, by the one command that sets them. It
# builds a revision, which serves nothing: traffic is pinned.
return_trigger() {
  local flags=("--trigger-topic=$TOPIC" "--trigger-service-account=$(old_trigger_account)")
  if [ "$OLD_RETRY" = yes ]; then flags+=(--retry); else flags+=(--no-retry); fi
  case $OLD_INGRESS in
    allow_internal_only) flags+=(--ingress-settings=internal-only) ;;
    allow_internal_and_gclb) flags+=(--ingress-settings=internal-and-gclb) ;;
    *) flags+=(--ingress-settings=all) ;;
  esac
  if [ $# -eq 0 ] && [ "$TRIGGER_ACCOUNT" = "$(old_trigger_account)" ]; then
    return 0
  fi
  run gcloud functions deploy "$FUNCTION" --gen2 "--region=$REGION" --source=. "${flags[@]}" "$@" "--project=$PROJECT"
}

# Delete something of ours.
remove() { run "$@"; }

# unbind NAME MEMBER ROLE GROUP…: take a binding away if it is there; GROUP is such as `pubsub topics`.
unbind() {
  local name=$1 member="serviceAccount:$2" role=$3 there
  shift 3
  there=$(find_one "$role" gcloud "$@" get-iam-policy "$name" '--flatten=bindings[].members[]' \
    "--filter=bindings.role=$role AND bindings.members=$member" '--format=value(bindings.role)' "--project=$PROJECT")
  [ -z "$there" ] || run gcloud "$@" remove-iam-policy-binding "$name" "--member=$member" "--role=$role" --format=none "--project=$PROJECT"
}

destroy() {
  if [ "$DRY_RUN" = no ] && [ "$ASSUME_YES" = no ]; then
    say "This removes what deploy.sh created (function, schedule, topics, alerts, accounts, the webhook's secret) from $PROJECT."
    say "A function and a schedule that were there before are returned to what they were."
    say "Tables, grades and the audit stay. Events that are on their way are lost."
    printf 'Type the project id to go on: '
    local typed=''
    IFS= read -r typed || true
    [ "$typed" = "$PROJECT" ] || die "nothing was removed"
  fi
  look_ahead
  remove_schedule
  remove_function
  remove_topics
  remove_monitoring
  remove_secret
  remove_accounts
  say "What stays: the datasets (bq ls --project_id=$PROJECT), the Firestore database with its locks, and the enabled APIs."
  [ -z "$OLD_REVISION" ] || say "$FUNCTION sends its events to $OLD_REVISION. Its newest revision is ours and serves nothing:
    the next deployment of the old system needs --serve-all-traffic-latest-revision."
}

remove_schedule() {
  local name
  look_at_jobs
  for name in $(our_job_names) "$SELF_CHECK_JOB"; do
    row "$name" "$JOBS"
    case $DRY_RUN$ROW in
      yes* | *"|$MARK"*) remove gcloud scheduler jobs delete "$name" "--location=$REGION" --quiet "--project=$PROJECT" ;;
    esac
  done
}

remove_function() {
  if [ "$DRY_RUN" = yes ]; then
    remove gcloud functions delete "$FUNCTION" --gen2 "--region=$REGION" --quiet "--project=$PROJECT"
    note "or, if it replaced an old function:"
    FUNCTION_STATE=ours OLD_REVISION=OLD_REVISION
  fi
  if [ "$FUNCTION_STATE" = ours ] && [ -z "$OLD_REVISION" ]; then
    remove gcloud functions delete "$FUNCTION" --gen2 "--region=$REGION" --quiet "--project=$PROJECT"
  elif [ "$FUNCTION_STATE" = ours ]; then
    run gcloud run services update-traffic "$FUNCTION" "--to-revisions=$OLD_REVISION=100" --remove-tags=candidate,finished,previous \
      "--region=$REGION" "--project=$PROJECT"
    return_subscription
    unbind "$SUBSCRIPTION" "$PUBSUB_AGENT" roles/pubsub.subscriber pubsub subscriptions
    resume_old_schedule
    local runtime
    runtime=$(look OLD_RUNTIME_ACCOUNT gcloud run revisions describe "$OLD_REVISION" "--region=$REGION" \
      '--format=value(spec.serviceAccountName)' "--project=$PROJECT")
    # With the labels goes the record of what the function was: it is the last step that needs it.
    return_trigger "--remove-labels=$LABEL_KEY,grading_old_revision,grading_old_account,grading_old_domain,grading_old_retry,grading_old_ingress" \
      "--service-account=$runtime" --clear-build-service-account
    forbid_trigger
  elif [ "$FUNCTION_STATE" = theirs ] && [ "$GENERATION" != GEN_1 ]; then
    forbid_trigger
  fi
}

# Our trigger's account may no longer call a function that stays.
forbid_trigger() {
  local there member
  member="serviceAccount:$TRIGGER_CALLER"
  there=$(look "$member" gcloud run services get-iam-policy "$FUNCTION" "--region=$REGION" '--flatten=bindings[].members[]' \
    "--filter=bindings.members=$member" '--format=value(bindings.members)' "--project=$PROJECT")
  [ -z "$there" ] || run gcloud functions remove-invoker-policy-binding "$FUNCTION" "--region=$REGION" "--member=$member" --format=none "--project=$PROJECT"
}

remove_topics() {
  look_at_topics
  enabled pubsub || [ "$DRY_RUN" = yes ] || return 0
  local there complete
  complete=$(setting GRADING_COMPLETE_TOPIC '')
  [ -z "$complete" ] || unbind "$complete" "$FUNCTION_ACCOUNT" roles/pubsub.publisher pubsub topics
  there=$(look "$DEAD_LETTER_SUBSCRIPTION|$LABEL_VALUE" gcloud pubsub subscriptions list "--filter=name:$DEAD_LETTER_SUBSCRIPTION" \
    "--format=value[separator=\"|\"](name.basename(),labels.$LABEL_KEY)" "--project=$PROJECT")
  state_of "$DEAD_LETTER_SUBSCRIPTION" "$LABEL_VALUE" "$there"
  [ "$STATE" != ours ] \
    || remove gcloud pubsub subscriptions delete "$DEAD_LETTER_SUBSCRIPTION" "--project=$PROJECT"
  [ "$DRY_RUN" = no ] || TOPICS="$TOPIC|$LABEL_VALUE"$'\n'"$DEAD_LETTER_TOPIC|$LABEL_VALUE"
  state_of "$TOPIC" "$LABEL_VALUE" "$TOPICS"
  case $STATE in
    ours) remove gcloud pubsub topics delete "$TOPIC" "--project=$PROJECT" ;;
    theirs) unbind "$TOPIC" "$SCHEDULER_ACCOUNT" roles/pubsub.publisher pubsub topics ;;
  esac
  # It holds the records of the paused jobs: last.
  state_of "$DEAD_LETTER_TOPIC" "$LABEL_VALUE" "$TOPICS"
  [ "$STATE" != ours ] \
    || remove gcloud pubsub topics delete "$DEAD_LETTER_TOPIC" "--project=$PROJECT"
}

remove_monitoring() {
  local file name id
  look_at_monitoring
  for file in monitoring/alert_policies/*.json; do
    name=${file##*/}
    row "${name%.json}" "$POLICIES"
    id=$ROW
    [ "$DRY_RUN" = no ] || id=POLICY
    [ -z "$id" ] || remove gcloud alpha monitoring policies delete "$id" --quiet "--project=$PROJECT"
  done
  IFS='|' read -r _ id _ <<<"$DASHBOARDS"
  [ "$DRY_RUN" = no ] || id=DASHBOARD
  [ -z "$id" ] || remove gcloud monitoring dashboards delete "$id" --quiet "--project=$PROJECT"
  for file in monitoring/log_metrics/*.json; do
    name=${file##*/}
    name=${name%.json}
    state_of "$name" "$MARK" "$METRICS"
    if [ "$DRY_RUN" = yes ] || [ "$STATE" = ours ]; then
      remove gcloud logging metrics delete "$name" --quiet "--project=$PROJECT"
    fi
  done
}

remove_secret() {
  enabled secretmanager || [ "$DRY_RUN" = yes ] || return 0
  local secrets
  secrets=$(look "$SECRET|$LABEL_VALUE" gcloud secrets list "--filter=name:$SECRET" \
    "--format=value[separator=\"|\"](name.basename(),labels.$LABEL_KEY)" "--project=$PROJECT")
  state_of "$SECRET" "$LABEL_VALUE" "$secrets"
  case $STATE in
    ours) remove gcloud secrets delete "$SECRET" --quiet "--project=$PROJECT" ;;
    theirs) unbind "$SECRET" "$FUNCTION_ACCOUNT" roles/secretmanager.secretAccessor secrets ;;
  esac
}

# The grants first: one that outlives its account stays behind as `deleted:`.
remove_accounts() {
  local name role title member condition
  look_at_accounts
  look_at_policy
  [ "$DRY_RUN" = no ] || POLICY=$(expected_policy)
  for name in $ACCOUNTS; do
    member="serviceAccount:$name@$ACCOUNT_DOMAIN"
    state_of "$name@$ACCOUNT_DOMAIN" "$MARK" "$SERVICE_ACCOUNTS"
    [ "$DRY_RUN" = yes ] || [ "$STATE" = ours ] || continue
    while IFS='|' read -r _ role title; do
      [ -n "$role" ] || continue
      condition=None
      [ "$title" != "$CONDITION_TITLE" ] || condition=$(firestore_condition)
      run gcloud projects remove-iam-policy-binding "$PROJECT" "--member=$member" "--role=$role" "--condition=$condition" --format=none
    done <<<"$(grep -F "$member|" <<<"$POLICY" || true)"
    [ "$name" != grading-function ] || revoke_access
    remove gcloud iam service-accounts delete "$name@$ACCOUNT_DOMAIN" --quiet "--project=$PROJECT"
  done
}

# For a dry run: what create_accounts grants.
expected_policy() {
  local role
  for role in bigquery.jobUser monitoring.metricWriter; do say "serviceAccount:$FUNCTION_ACCOUNT|roles/$role|"; done
  say "serviceAccount:$FUNCTION_ACCOUNT|roles/datastore.user|$CONDITION_TITLE"
  for role in logging.logWriter artifactregistry.writer storage.objectViewer; do say "serviceAccount:$BUILD_ACCOUNT|roles/$role|"; done
}
