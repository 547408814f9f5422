# shellcheck shell=bash
# gcloud and bq for deploy.sh: a function each, which sends its command line to the fake project's server and prints
# the answer. bash reads this file before a script if BASH_ENV names it: no call starts a process, and one test makes
# thousands of them.
fake_call() {
  local fake_word fake_data='' fake_code='' fake_output='' fake_errors=''
  for fake_word in "${@:2}"; do
    [ "$fake_word" != --data-file=- ] || IFS= read -r -d '' fake_data || :
  done
  exec 9<>"/dev/tcp/127.0.0.1/$FAKE_CLOUD_PORT"
  printf '%s\0' "$(($# + 3))" "$FAKE_CLOUD_RUN" "$fake_data" "$@" '' >&9
  IFS= read -r -d '' fake_code <&9 || :
  IFS= read -r -d '' fake_output <&9 || :
  IFS= read -r -d '' fake_errors <&9 || :
  exec 9>&-
  printf '%s' "$fake_output"
  printf '%s' "$fake_errors" >&2
  [ -n "$fake_code" ] || printf 'FAKE: no answer to: %s\n' "$*" >&2
  return "${fake_code:-70}"
}
gcloud() { fake_call gcloud "$@"; }
bq() { fake_call bq "$@"; }
# What the script waits for in between is up to the fake.
sleep() { :; }

# With FAKE_CLOUD_EXPLORE=yes, each command of each step of `deploy` and `destroy` fails once, before it takes effect: in
# a copy of the shell, made where the step begins, which goes on to the script's end unless the failure ends it. So no
# command of the steps before is carried out again. The steps are functions that the command calls one by one.
FAKE_IN_COPY=no FAKE_STEPS=''
if [ "${FAKE_CLOUD_EXPLORE:-no}" = yes ]; then
  # deploy.sh sets its trap when everything is defined, just before it carries out its command.
  trap() {
    builtin trap "$@"
    local fake_step
    # All but the first step, which only looks: what it sets is used outside of the steps.
    for fake_step in $(declare -f "$COMMAND" | sed -n 's/^    \([a-z_]*\);*$/\1/p' | tail -n +2); do
      declare -F "$fake_step" >/dev/null || continue
      FAKE_STEPS="$FAKE_STEPS $fake_step"
      eval "fake_original_$(declare -f "$fake_step")"
      eval "$fake_step() { if [ \"\$FAKE_IN_COPY\" = no ]; then fake_explore $fake_step; fi; fake_original_$fake_step; }"
    done
  }
fi

fake_explore() {
  local fake_number=0 fake_code
  while :; do
    fake_call fake branch "$fake_number"
    set +e
    ( set -e; fake_go_on "$1" ) <"$FAKE_CLOUD_RUN/stdin"
    fake_code=$?
    set -e
    fake_call fake end "$fake_code" || return 0
    fake_number=$((fake_number + 1))
  done
}

# From this step to the end; only to the end of the step if it has no command that was to fail.
fake_go_on() {
  FAKE_IN_COPY=yes
  local fake_step fake_begun=no
  for fake_step in $FAKE_STEPS; do
    [ "$fake_step" != "$1" ] || fake_begun=yes
    if [ "$fake_begun" = yes ]; then
      "$fake_step"
      fake_call fake reached || exit 0
    fi
  done
}
