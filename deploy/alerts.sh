# shellcheck shell=bash
# Log-based metrics, alert policies, dashboard. Metrics take no labels: ours are named `grading_…` and described
# beginning with our mark.

look_at_monitoring() {
  METRICS='' POLICIES='' DASHBOARDS=''
  ! enabled logging \
    || METRICS=$(look '' gcloud logging metrics list '--format=value[separator="|"](name,description)' "--project=$PROJECT")
  enabled monitoring || return 0
  POLICIES=$(look '' gcloud alpha monitoring policies list --filter=userLabels.service=grading \
    '--format=value[separator="|"](userLabels.grading_policy,name)' "--project=$PROJECT")
  # A filter cannot ask for a label whose value is empty, as a dashboard's is.
  DASHBOARDS=$(look '' gcloud monitoring dashboards list '--format=value[separator="|"](labels.list(),name,etag)' "--project=$PROJECT")
  DASHBOARDS=$(grep '^grading=|' <<<"$DASHBOARDS" || true)
}

create_monitoring() {
  say "Log-based metrics, alert policies, dashboard"
  local file name id etag
  look_at_monitoring
  for file in monitoring/log_metrics/*.json; do
    name=${file##*/}
    name=${name%.json}
    state_of "$name" "$MARK" "$METRICS"
    [ "$STATE" != theirs ] || warn "a log-based metric $name exists that deploy.sh did not create: it was left alone"
    ensure "$STATE" \
      -- gcloud logging metrics create "$name" "--config-from-file=$file" "--project=$PROJECT" \
      -- gcloud logging metrics update "$name" "--config-from-file=$file" "--project=$PROJECT"
  done
  local channels=() changed=()
  if [ -n "$CHANNELS" ]; then
    channels=("--notification-channels=$CHANNELS")
    changed=("--set-notification-channels=$CHANNELS")
  fi
  for file in monitoring/alert_policies/*.json; do
    name=${file##*/}
    name=${name%.json}
    row "$name" "$POLICIES"
    id=$ROW
    [ "$DRY_RUN" = no ] || id=POLICY
    ensure "$(known "$id")" \
      -- gcloud alpha monitoring policies create "--policy-from-file=$file" ${channels[@]+"${channels[@]}"} "--project=$PROJECT" \
      -- gcloud alpha monitoring policies update "$id" "--policy-from-file=$file" ${changed[@]+"${changed[@]}"} "--project=$PROJECT"
  done
  [ -n "$CHANNELS" ] || note "the policies page no one yet: give --notification-channel (gcloud beta monitoring channels list)"
  IFS='|' read -r _ id etag <<<"$DASHBOARDS"
  file=monitoring/dashboard.json
  if [ -n "$id" ]; then
    # An update names the version that it replaces.
    file=$SCRATCH/dashboard.json
    sed "1s/{/{\"etag\": \"$etag\",/" monitoring/dashboard.json >"$file"
  fi
  [ "$DRY_RUN" = no ] || id=DASHBOARD
  ensure "$(known "$id")" \
    -- gcloud monitoring dashboards create "--config-from-file=$file" "--project=$PROJECT" \
    -- gcloud monitoring dashboards update "$id" "--config-from-file=$file" "--project=$PROJECT"
}
