# shellcheck shell=bash
# The function. One of the same name is replaced in place: traffic stays on the revision that serves until the new one
# has checked itself. What the old function was is recorded once, in labels that the first deployment of ours sets.
#
# Traffic tags of the Cloud Run service: `candidate` is under check, `finished` is the revision of the last deployment
# that came to its end, `previous` the one before it, which `rollback` returns to.

look_at_function() {
  FUNCTION_STATE=absent GENERATION='' TRIGGER_TOPIC='' TRIGGER_ACCOUNT='' RETRY='' INGRESS=''
  OLD_REVISION='' OLD_ACCOUNT='' OLD_DOMAIN='' OLD_RETRY='' OLD_INGRESS='' OWNER=''
  SERVING='' FINISHED='' PREVIOUS='' PINNED=yes CANDIDATE_URL=''
  enabled cloudfunctions || return 0
  local fields
  fields=$(find_one '' gcloud functions describe "$FUNCTION" "--region=$REGION" "--format=value[separator=\"|\"](environment,eventTrigger.pubsubTopic.basename(),eventTrigger.serviceAccountEmail,eventTrigger.retryPolicy,serviceConfig.ingressSettings,labels.$LABEL_KEY,labels.grading_old_revision,labels.grading_old_account,labels.grading_old_domain,labels.grading_old_retry,labels.grading_old_ingress)" "--project=$PROJECT")
  [ -n "$fields" ] || return 0
  IFS='|' read -r GENERATION TRIGGER_TOPIC TRIGGER_ACCOUNT RETRY INGRESS OWNER OLD_REVISION OLD_ACCOUNT OLD_DOMAIN OLD_RETRY \
    OLD_INGRESS <<<"$fields"
  FUNCTION_STATE=theirs
  [ "$OWNER" != "$LABEL_VALUE" ] || FUNCTION_STATE=ours
  [ "$GENERATION" != GEN_1 ] || return 0
  look_at_traffic
}

look_at_traffic() {
  SERVING='' FINISHED='' PREVIOUS='' PINNED=yes CANDIDATE_URL=''
  local rows revision percent latest tag url
  rows=$(find_one '' gcloud run services describe "$FUNCTION" "--region=$REGION" '--flatten=status.traffic[]' \
    '--format=value[separator="|"](status.traffic.revisionName,status.traffic.percent,status.traffic.latestRevision,status.traffic.tag,status.traffic.url)' \
    "--project=$PROJECT")
  while IFS='|' read -r revision percent latest tag url; do
    case $percent in
      '' | 0) ;;
      *)
        case " $SERVING " in *" $revision "*) ;; *) SERVING="${SERVING:+$SERVING }$revision" ;; esac
        [ "$latest" != True ] || PINNED=no ;;
    esac
    case $tag in
      candidate) CANDIDATE_URL=$url ;;
      finished) FINISHED=$revision ;;
      previous) PREVIOUS=$revision ;;
    esac
  done <<<"$rows"
}

# Whether what has the function's name can be replaced in place.
check_old_function() {
  case $FUNCTION_STATE in absent) return 0 ;; esac
  if [ "$GENERATION" = GEN_1 ]; then
    lacks "an old first-generation function has the name $FUNCTION; it cannot be replaced in place. Pause its schedule, let it end" \
      "gcloud functions delete $FUNCTION --no-gen2 --region=$REGION --project=$PROJECT"
    return
  fi
  # A deployment of ours that stopped between function and trigger has none yet.
  [ "$TRIGGER_TOPIC" = "$TOPIC" ] || { [ "$FUNCTION_STATE" = ours ] && [ -z "$TRIGGER_TOPIC" ]; } \
    || lacks "the function $FUNCTION is there and is not triggered by the topic $TOPIC: it cannot be replaced in place" \
      "deploy it under another name first, then: gcloud functions delete $FUNCTION --gen2 --region=$REGION --project=$PROJECT"
  case $SERVING in
    *' '*) lacks "$FUNCTION splits its traffic between $SERVING: which of them should be returned to?" \
      "gcloud run services update-traffic $FUNCTION --to-revisions=${SERVING##* }=100 --region=$REGION --project=$PROJECT" ;;
  esac
}

# The labels that record the old function; a label's value is at most 63 of a-z, 0-9, - and _
# (https://cloud.google.com/resource-manager/docs/labels-overview#requirements).
record_of_old_function() {
  local name=none domain=none retry=no
  if [ -n "$TRIGGER_ACCOUNT" ]; then
    name=${TRIGGER_ACCOUNT%%@*}
    domain=$(printf '%s' "${TRIGGER_ACCOUNT#*@}" | tr . _)
  fi
  [ "$RETRY" != RETRY_POLICY_RETRY ] || retry=yes
  printf 'grading_old_revision=%s,grading_old_account=%s,grading_old_domain=%s,grading_old_retry=%s,grading_old_ingress=%s' \
    "$SERVING" "$name" "$domain" "$retry" "$(printf '%s' "${INGRESS:-allow_all}" | tr '[:upper:]' '[:lower:]')"
}

old_trigger_account() {
  case $OLD_ACCOUNT in
    none | '') printf '%s-compute@developer.gserviceaccount.com' "$PROJECT_NUMBER" ;;
    *) printf '%s@%s' "$OLD_ACCOUNT" "$(printf '%s' "$OLD_DOMAIN" | tr _ .)" ;;
  esac
}

pin_traffic() {
  [ -n "$SERVING" ] || return 0
  # Until the switch the old revision serves, and the trigger calls it as our account.
  allow_trigger
  [ "$PINNED" = yes ] \
    || run gcloud run services update-traffic "$FUNCTION" "--to-revisions=$SERVING=100" "--region=$REGION" "--project=$PROJECT"
}

allow_trigger() {
  run_patiently gcloud functions add-invoker-policy-binding "$FUNCTION" "--region=$REGION" \
    "--member=serviceAccount:$TRIGGER_CALLER" --format=none "--project=$PROJECT"
}

# One event an instance, on its main thread (THREADS=1): only there can it take notice of SIGTERM.
deploy_function() {
  say "Function"
  look_at_function
  local variables='' line labels=$LABEL replaced=()
  while IFS= read -r line; do variables="$variables|$line"; done < <(environment)
  if [ "$DRY_RUN" = yes ]; then
    note "a function of this name that serves already keeps its traffic until ours has checked itself:"
    SERVING=serving-revision PINNED=no FUNCTION_STATE=theirs
  fi
  pin_traffic
  if [ "$FUNCTION_STATE" = theirs ]; then
    labels="$labels,$(record_of_old_function)"
    OLD_REVISION=$SERVING
  fi
  # The settings of an old function do not survive into ours; --set-env-vars replaces its variables.
  [ "$FUNCTION_STATE" = absent ] \
    || replaced=(--clear-secrets --clear-vpc-connector --clear-build-env-vars --clear-build-worker-pool)
  # The trigger of a project's first function fails until Eventarc's own account has its permissions.
  run_retrying 300 'Permission denied while using the Eventarc Service Agent|service account .* does not exist' \
    gcloud functions deploy "$FUNCTION" --gen2 --runtime=python311 "--region=$REGION" --source=. \
    "--entry-point=$ENTRY_POINT" "--trigger-topic=$TOPIC" --retry --memory=1Gi --cpu=1 "--timeout=${TIMEOUT_SECONDS}s" \
    --concurrency=1 --min-instances=0 --max-instances=10 --no-allow-unauthenticated --ingress-settings=internal-only \
    "--service-account=$FUNCTION_ACCOUNT" "--trigger-service-account=$TRIGGER_CALLER" \
    "--build-service-account=projects/$PROJECT/serviceAccounts/$BUILD_ACCOUNT" \
    "--update-labels=$labels" ${replaced[@]+"${replaced[@]}"} \
    "--set-env-vars=^|^THREADS=1$variables" "--project=$PROJECT"
  [ -n "$SERVING" ] || allow_trigger
  check_and_switch
}

check_and_switch() {
  local created ready url tags=''
  url=$(look 'NEW_REVISION|NEW_REVISION|https://SERVICE_URL' gcloud run services describe "$FUNCTION" "--region=$REGION" \
    '--format=value[separator="|"](status.latestCreatedRevisionName,status.latestReadyRevisionName,status.url)' "--project=$PROJECT")
  IFS='|' read -r created ready url <<<"$url"
  [ "$created" = "$ready" ] || die "the revision $created does not start; events still go to ${SERVING:-no revision}. Its log:
    gcloud functions logs read $FUNCTION --gen2 --region=$REGION --limit=50 --project=$PROJECT"
  NEW_REVISION=$created
  run gcloud run services update-traffic "$FUNCTION" "--update-tags=candidate=$created" "--region=$REGION" "--project=$PROJECT"
  look_at_traffic
  check_itself "$created" "${CANDIDATE_URL:-https://CANDIDATE_URL}" "$url"
  local before=${FINISHED:-$OLD_REVISION}
  if [ -n "$before" ] && [ "$before" != "$created" ]; then tags="--update-tags=previous=$before"; fi
  run gcloud run services update-traffic "$FUNCTION" "--to-revisions=$created=100" ${tags:+"$tags"} "--region=$REGION" "--project=$PROJECT"
}

# The last step: from here on, a further deployment counts this one as the one before it.
finish_deployment() {
  run gcloud run services update-traffic "$FUNCTION" "--update-tags=finished=$NEW_REVISION" --remove-tags=candidate \
    "--region=$REGION" "--project=$PROJECT"
}

# check_itself REVISION URL AUDIENCE: have the function check its tables as itself, before events reach it.
# A Cloud Scheduler job sends the task: its requests pass an ingress of `internal`, which a person's do not
# (https://cloud.google.com/run/docs/securing/ingress). The audience is the service's URL even for a tag
# (https://cloud.google.com/run/docs/authenticating/service-to-service). The answer is read from the request log of
# the revision: no event reaches it yet, so the entry can only be this request's.
check_itself() {
  say "Self-check of $1"
  local data create remove answer='' tries=0
  data=$(printf '%s' '{"task":"self_check"}' | base64 | tr -d '\n')
  create=(gcloud scheduler jobs create http "$SELF_CHECK_JOB" "--location=$REGION" '--schedule=0 0 1 1 *' "--uri=$2" --http-method=post
    "--headers=Content-Type=application/json,ce-id=self-check-$1,ce-specversion=1.0,ce-type=google.cloud.pubsub.topic.v1.messagePublished,ce-source=//pubsub.googleapis.com/projects/$PROJECT/topics/$TOPIC"
    "--message-body={\"message\":{\"data\":\"$data\",\"messageId\":\"self-check-$1\"}}" "--description=$MARK: self-check"
    "--oidc-service-account-email=$TRIGGER_CALLER" "--oidc-token-audience=$3" "--attempt-deadline=${TIMEOUT_SECONDS}s" "--project=$PROJECT")
  remove=(gcloud scheduler jobs delete "$SELF_CHECK_JOB" "--location=$REGION" --quiet "--project=$PROJECT")
  # One that an interrupted run left has another revision's address.
  row "$SELF_CHECK_JOB" "$JOBS"
  [ -z "$ROW" ] || run "${remove[@]}"
  run_patiently "${create[@]}"
  run gcloud scheduler jobs run "$SELF_CHECK_JOB" "--location=$REGION" "--project=$PROJECT"
  note "the answer is read with:"
  local read=(gcloud logging read "$(answer_filter "$1")" --freshness=1h --limit=1 '--format=value(httpRequest.status)' "--project=$PROJECT")
  show "${read[@]}"
  [ "$DRY_RUN" = no ] || { show "${remove[@]}"; return 0; }
  while [ "$tries" -lt 60 ]; do
    answer=$(look '' "${read[@]}")
    case $answer in
      '') ;;
      # The permission to call the function, or its instance, is not there yet.
      403 | 404 | 429 | 503)
        [ "$((tries % 6))" -ne 5 ] || run gcloud scheduler jobs run "$SELF_CHECK_JOB" "--location=$REGION" "--project=$PROJECT" ;;
      *) break ;;
    esac
    tries=$((tries + 1))
    sleep 10
  done
  run "${remove[@]}"
  case $answer in
    2??) say "  passed ($answer)" ;;
    '') die "the self-check of $1 gave no answer in 10 minutes; events do not go to it. Run deploy.sh again, or see its log:
    gcloud logging read 'resource.labels.revision_name=\"$1\"' --freshness=1h --limit=20 --project=$PROJECT" ;;
    *)
      warn "the self-check of $1 failed ($answer). What it says:"
      gcloud logging read "resource.type=\"cloud_run_revision\" AND resource.labels.revision_name=\"$1\" AND severity>=ERROR" --freshness=1h --limit=5 \
        '--format=value(jsonPayload.message,textPayload)' "--project=$PROJECT" >&2 || true
      if [ -n "$SERVING" ] && [ "$SERVING" != "$1" ]; then
        die "events still go to $SERVING; correct the cause and run deploy.sh again"
      fi
      die "this is the function's first deployment, so events do go to it; no schedule was started. Correct the cause and run deploy.sh again" ;;
  esac
}

answer_filter() {
  printf 'logName="projects/%s/logs/run.googleapis.com%%2Frequests" AND resource.labels.service_name="%s" AND resource.labels.revision_name="%s"' \
    "$PROJECT" "$FUNCTION" "$1"
}

look_at_subscription() {
  local trigger
  trigger=$(look TRIGGER gcloud functions describe "$FUNCTION" --gen2 "--region=$REGION" \
    '--format=value(eventTrigger.trigger)' "--project=$PROJECT")
  SUBSCRIPTION=$(look "projects/$PROJECT/subscriptions/SUBSCRIPTION" gcloud eventarc triggers describe "$trigger" \
    "--location=$REGION" '--format=value(transport.pubsub.subscription)' "--project=$PROJECT")
  [ -n "$SUBSCRIPTION" ] || die "the trigger of $FUNCTION has no subscription: gcloud eventarc triggers list --location=$REGION --project=$PROJECT"
  SUBSCRIPTION_FIELDS=$(look '||||||||||||' gcloud pubsub subscriptions describe "$SUBSCRIPTION" \
    "--format=value[separator=\"|\"](ackDeadlineSeconds,retryPolicy.minimumBackoff,retryPolicy.maximumBackoff,messageRetentionDuration,expirationPolicy.ttl,deadLetterPolicy.deadLetterTopic.basename(),deadLetterPolicy.maxDeliveryAttempts,labels.grading_old_ack_deadline,labels.grading_old_min_retry,labels.grading_old_max_retry,labels.grading_old_retention,labels.grading_old_expiration,labels.grading_old_dead_letter,labels.grading_old_attempts)" "--project=$PROJECT")
}

# The trigger made its own subscription: its retries, dead letters and deadline are set there
# (https://cloud.google.com/eventarc/docs/retry-events).
configure_delivery() {
  say "Delivery: retries, dead letters"
  local labels=() deadline minimum maximum retention expiration letters attempts recorded rest
  note "the trigger's subscription is looked up with:"
  show gcloud functions describe "$FUNCTION" --gen2 "--region=$REGION" '--format=value(eventTrigger.trigger)' "--project=$PROJECT"
  show gcloud eventarc triggers describe TRIGGER "--location=$REGION" '--format=value(transport.pubsub.subscription)' "--project=$PROJECT"
  look_at_subscription
  IFS='|' read -r deadline minimum maximum retention expiration letters attempts recorded rest <<<"$SUBSCRIPTION_FIELDS"
  if [ "$DRY_RUN" = no ] && [ -n "$OLD_REVISION" ] && [ -z "$recorded" ]; then
    case ${letters:-none} in *[!a-z0-9_-]* | ????????????????????????????????????????????????????????????????*)
      die "the dead-letter topic $letters of $SUBSCRIPTION cannot be recorded in a label. Clear it first, and note it:
    gcloud pubsub subscriptions update $SUBSCRIPTION --clear-dead-letter-policy --project=$PROJECT" ;;
    esac
    labels=("--update-labels=grading_old_ack_deadline=$deadline,grading_old_min_retry=${minimum:-none},grading_old_max_retry=${maximum:-none},grading_old_retention=$retention,grading_old_expiration=${expiration:-never},grading_old_dead_letter=${letters:-none},grading_old_attempts=${attempts:-none}")
  fi
  # 100 attempts of at most 300 s, 600 s apart, take 25 h: longer than Eventarc's retention of one day.
  run gcloud pubsub subscriptions update "$SUBSCRIPTION" --ack-deadline=600 --min-retry-delay=60s --max-retry-delay=600s \
    "--dead-letter-topic=projects/$PROJECT/topics/$DEAD_LETTER_TOPIC" --max-delivery-attempts=100 \
    --message-retention-duration=7d --expiration-period=never ${labels[@]+"${labels[@]}"} "--project=$PROJECT"
  run_patiently gcloud pubsub subscriptions add-iam-policy-binding "$SUBSCRIPTION" \
    "--member=serviceAccount:$PUBSUB_AGENT" --role=roles/pubsub.subscriber --format=none "--project=$PROJECT"
}
