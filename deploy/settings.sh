# shellcheck shell=bash
# The settings file, and the names that follow from the settings.

# setting NAME DEFAULT: the value from --env-file, or the service's own default; an empty value keeps the default.
setting() {
  local line
  while IFS= read -r line; do
    if [ "${line%%=*}" = "$1" ] && [ -n "${line#*=}" ]; then
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
    # Each field of `Settings` is a setting. A misspelt one would be ignored by the function without a word.
    grep -qx "    $(printf '%s' "$key" | tr '[:upper:]' '[:lower:]'): .*" grading/settings.py \
      || die "$1, line $number: there is no setting $key; docs/settings.md lists them" 2
    case $'\n'$ENV_LINES in *$'\n'"$key="*) die "$1, line $number: $key is there twice: remove one of the lines" 2 ;; esac
    case $line in *'|'*) die "$1, line $number: a value cannot hold |" 2 ;; esac
    ENV_LINES="$ENV_LINES$line"$'\n'
  done <"$1"
}

# What the function's process and `init` receive, one KEY=VALUE a line.
environment() {
  printf '%s\n' "GOOGLE_CLOUD_PROJECT=$PROJECT" "FUNCTION_TIMEOUT_SECONDS=$TIMEOUT_SECONDS" \
    "FUNCTION_REGION=$REGION" "PUBLISH_METRICS=$(setting PUBLISH_METRICS true)"
  printf '%s' "$ENV_LINES" | grep -v '^PUBLISH_METRICS=' || true
}

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

# setting:default of the inputs that must be there, and of those that grading can do without.
readonly INPUTS="PREDICTIONS_TABLE:nba_predictions.player_prop_predictions BOX_SCORES_TABLE:nba_box_scores.player_game_summary"
readonly OPTIONAL_INPUTS="INJURY_REPORT_TABLE:nba_raw.nbac_injury_report ARCHETYPES_TABLE:nba_analytics.player_archetypes"

# input_table SETTING:DEFAULT: the table, or nothing if the setting is the word `none`.
input_table() {
  local table
  table=$(setting "${1%%:*}" "${1#*:}")
  case $table in [Nn][Oo][Nn][Ee]) ;; *) printf '%s' "$table" ;; esac
}

# Our own tables, by the names that the settings give them: each schema, and a fence beside each one that a processor
# fills.
own_tables() {
  local file name
  for file in grading/sql/schema/create_*.sql; do
    name=${file##*/}
    name=${name%.sql}
    name=${name#create_}
    [ "$name" != fence ] || continue
    if [ -e "grading/sql/$name.sql" ]; then
      name=$(setting "$(printf '%s' "${name}_table" | tr '[:lower:]' '[:upper:]')" "$name")
      say "${name}_fence"
    fi
    say "$name"
  done
}
