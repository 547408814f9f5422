# shellcheck shell=bash
# The project's parts that others stand on: APIs, accounts and roles, topics, Firestore, the secret.

readonly ACCOUNTS="grading-function grading-scheduler grading-trigger grading-build"

look_at_apis() {
  ENABLED=$(look '' gcloud services list --enabled '--format=value(config.name)' "--project=$PROJECT")
}

# Whether an API is enabled: a command that reads from one that is not fails.
enabled() { case $'\n'$ENABLED$'\n' in *$'\n'"$1.googleapis.com"$'\n'*) return 0 ;; *) return 1 ;; esac; }

enable_apis() {
  say "APIs"
  local api services=()
  for api in $APIS; do services+=("$api.googleapis.com"); done
  run gcloud services enable "${services[@]}" "--project=$PROJECT"
  # The account in whose name Pub/Sub moves dead letters exists only once it was asked for. Eventarc's, too, and its
  # permissions take minutes to arrive: asked for early, they are there when the function is deployed
  # (https://cloud.google.com/eventarc/docs/troubleshooting).
  run gcloud beta services identity create --service=eventarc.googleapis.com "--project=$PROJECT"
  run gcloud beta services identity create --service=pubsub.googleapis.com "--project=$PROJECT"
  for api in $APIS; do ENABLED="$ENABLED"$'\n'"$api.googleapis.com"; done
}

look_at_accounts() {
  SERVICE_ACCOUNTS=''
  enabled iam || return 0
  SERVICE_ACCOUNTS=$(look '' gcloud iam service-accounts list '--format=value[separator="|"](email,description)' "--project=$PROJECT")
}

create_account() {
  state_of "$1@$ACCOUNT_DOMAIN" "$MARK" "$SERVICE_ACCOUNTS"
  ensure "$STATE" \
    -- gcloud iam service-accounts create "$1" "--display-name=Grading: $2" "--description=$MARK: $2" "--project=$PROJECT"
}

# What Firestore grants is a database, never a collection: bind the role to this one.
readonly CONDITION_TITLE=default-database-only
firestore_condition() {
  printf 'expression=resource.name=="projects/%s/databases/(default)",title=%s' "$PROJECT" "$CONDITION_TITLE"
}

look_at_policy() {
  POLICY=$(look '' gcloud projects get-iam-policy "$PROJECT" '--flatten=bindings[].members[]' \
    '--format=value[separator="|"](bindings.members,bindings.role,bindings.condition.title)')
}

# grant_project_role ACCOUNT ROLE [TITLE CONDITION]
grant_project_role() {
  local member
  member="serviceAccount:$1@$ACCOUNT_DOMAIN"
  case $'\n'$POLICY$'\n' in *$'\n'"$member|$2|${3:-}"$'\n'*) return 0 ;; esac
  run_patiently gcloud projects add-iam-policy-binding "$PROJECT" "--member=$member" "--role=$2" \
    "--condition=${4:-None}" --format=none
}

create_accounts() {
  say "Service accounts, each with what it needs and no more"
  look_at_policy
  create_account grading-function "runs the function"
  create_account grading-scheduler "publishes the schedule's messages"
  create_account grading-trigger "delivers events to the function"
  create_account grading-build "builds the function's image"
  grant_project_role grading-function roles/bigquery.jobUser
  grant_project_role grading-function roles/datastore.user "$CONDITION_TITLE" "$(firestore_condition)"
  case $(setting PUBLISH_METRICS true) in
    [Ff]alse | FALSE | 0) ;;
    *) grant_project_role grading-function roles/monitoring.metricWriter ;;
  esac
  # Cloud Build's own list: https://cloud.google.com/functions/docs/securing/build-custom-sa
  local role
  for role in roles/logging.logWriter roles/artifactregistry.writer roles/storage.objectViewer; do
    grant_project_role grading-build "$role"
  done
}

look_at_topics() {
  TOPICS=''
  enabled pubsub || return 0
  TOPICS=$(look '' gcloud pubsub topics list "--format=value[separator=\"|\"](name.basename(),labels.$LABEL_KEY)" "--project=$PROJECT")
}

create_topics() {
  say "Topic, dead letters"
  local name subscription
  for name in "$DEAD_LETTER_TOPIC" "$TOPIC"; do
    state_of "$name" "$LABEL_VALUE" "$TOPICS"
    ensure "$STATE" \
      -- gcloud pubsub topics create "$name" "--labels=$LABEL" "--project=$PROJECT"
  done
  subscription=$(look '' gcloud pubsub subscriptions list "--filter=name:$DEAD_LETTER_SUBSCRIPTION" \
    "--format=value[separator=\"|\"](name.basename(),labels.$LABEL_KEY)" "--project=$PROJECT")
  state_of "$DEAD_LETTER_SUBSCRIPTION" "$LABEL_VALUE" "$subscription"
  [ "$STATE" != theirs ] \
    || die "a subscription $DEAD_LETTER_SUBSCRIPTION exists that deploy.sh did not create. Label it, if it is free:
    gcloud pubsub subscriptions update $DEAD_LETTER_SUBSCRIPTION --update-labels=$LABEL --project=$PROJECT"
  ensure "$STATE" \
    -- gcloud pubsub subscriptions create "$DEAD_LETTER_SUBSCRIPTION" "--topic=$DEAD_LETTER_TOPIC" "--labels=$LABEL" \
    --message-retention-duration=31d --expiration-period=never --ack-deadline=60 "--project=$PROJECT"
}

# Who may publish to which topic.
allow_publishing() {
  run_patiently gcloud pubsub topics add-iam-policy-binding "$TOPIC" \
    "--member=serviceAccount:$SCHEDULER_ACCOUNT" --role=roles/pubsub.publisher --format=none "--project=$PROJECT"
  run_patiently gcloud pubsub topics add-iam-policy-binding "$DEAD_LETTER_TOPIC" \
    "--member=serviceAccount:$PUBSUB_AGENT" --role=roles/pubsub.publisher --format=none "--project=$PROJECT"
  local complete
  complete=$(setting GRADING_COMPLETE_TOPIC '')
  if [ -n "$complete" ]; then
    run_patiently gcloud pubsub topics add-iam-policy-binding "$complete" \
      "--member=serviceAccount:$FUNCTION_ACCOUNT" --role=roles/pubsub.publisher --format=none "--project=$PROJECT"
  fi
}

prepare_firestore() {
  say "Firestore: the locks"
  local type
  type=$(find_one '' gcloud firestore databases describe '--database=(default)' '--format=value(type)' "--project=$PROJECT")
  case $type in
    FIRESTORE_NATIVE) ;;
    '')
      run gcloud firestore databases create '--database=(default)' "--location=$REGION" --type=firestore-native "--project=$PROJECT" ;;
    *)
      die "the project's (default) database is in Datastore mode; locks need native mode. Use another project, or, if it is
    empty: gcloud firestore databases update --database='(default)' --type=firestore-native --project=$PROJECT" ;;
  esac
  local collection policies
  policies=$(look '' gcloud firestore fields ttls list '--format=value(name)' "--project=$PROJECT")
  for collection in $TTL_COLLECTIONS; do
    case $policies in *"/collectionGroups/$collection/fields/expires_at"*) continue ;; esac
    run gcloud firestore fields ttls update expires_at "--collection-group=$collection" --enable-ttl --async "--project=$PROJECT"
  done
}

store_webhook() {
  say "Secret: the Slack webhook"
  local state versions='' secrets
  local add=(gcloud secrets versions add "$SECRET" --data-file=- "--project=$PROJECT")
  secrets=$(look '' gcloud secrets list "--filter=name:$SECRET" \
    "--format=value[separator=\"|\"](name.basename(),labels.$LABEL_KEY)" "--project=$PROJECT")
  state_of "$SECRET" "$LABEL_VALUE" "$secrets"
  state=$STATE
  ensure "$state" -- gcloud secrets create "$SECRET" --replication-policy=automatic "--labels=$LABEL" "--project=$PROJECT"
  run_patiently gcloud secrets add-iam-policy-binding "$SECRET" "--member=serviceAccount:$FUNCTION_ACCOUNT" \
    --role=roles/secretmanager.secretAccessor --format=none "--project=$PROJECT"
  if [ "$DRY_RUN" = yes ]; then
    note "the URL is read on stdin, unless the secret has one already:"
    show "${add[@]}"
    return
  fi
  versions=$(look '' gcloud secrets versions list "$SECRET" --filter=state=ENABLED --limit=1 '--format=value(name)' "--project=$PROJECT")
  if [ -n "$versions" ]; then
    say "  there already; to change it: printf '%s' \"\$URL\" | ${add[*]}"
    return
  fi
  if [ "$state" = theirs ]; then
    warn "the secret $SECRET is not ours and has no enabled version: alerts reach the logs only. To add one: ${add[*]} < webhook.txt"
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
