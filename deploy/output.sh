# shellcheck shell=bash
# What is printed, what is run, and how an absence is distinguished from a failed read.

say() { printf '%s\n' "$*"; }
note() { printf '# %s\n' "$*"; }
warn() { printf 'deploy.sh: %s\n' "$*" >&2; }
die() { warn "$1"; exit "${2:-1}"; }

# Print a command as one can paste it into a shell. No process is started for it: there are hundreds.
show() {
  local word line='+' quote="'" quoted="'\\''"
  for word in "$@"; do
    case $word in
      '' | *[!A-Za-z0-9_./:=@,%+-]*) line="$line '${word//$quote/$quoted}'" ;;
      *) line="$line $word" ;;
    esac
  done
  say "$line"
}

# Print a command that changes something, and run it unless this is a dry run.
run() {
  show "$@"
  [ "$DRY_RUN" = yes ] || "$@"
}

# run_retrying SECONDS PATTERN COMMAND…: run it; as long as it fails with an error that matches the pattern, try again
# every 10 s, for so many seconds. Any other error ends the script.
run_retrying() {
  local seconds=$1 pattern=$2 waited=0
  shift 2
  show "$@"
  [ "$DRY_RUN" = no ] || return 0
  while ! "$@" 2>&1 | tee "$ERRORS"; do
    grep -qiE "$pattern" "$ERRORS" || die "that command failed; correct the cause and run deploy.sh again"
    [ "$waited" -lt "$seconds" ] || die "still refused after $seconds s; run deploy.sh again later"
    say "  not yet; trying again in 10 s ($waited of $seconds s)"
    sleep 10
    waited=$((waited + 10))
  done
}

# For grants: IAM takes up to some minutes to know an account that was created a moment ago
# (https://cloud.google.com/iam/docs/access-change-propagation).
run_patiently() {
  run_retrying 120 'does not exist|not found|invalid.?argument|permission|denied|concurrent|aborted' "$@"
}

# look PLACEHOLDER COMMAND…: what a command prints that only reads. A failure ends the script: it is no absence.
# A dry run prints the placeholder.
look() {
  local placeholder=$1
  shift
  if [ "$DRY_RUN" = yes ]; then
    printf '%s' "$placeholder"
  elif ! "$@" 2>"$ERRORS"; then
    cat "$ERRORS" >&2
    die "could not read the project: $*"
  fi
}

# find_one PLACEHOLDER COMMAND…: the same for one thing that may be absent: then nothing is printed.
readonly NOT_FOUND='not[ _]?found|cannot find|does not exist'
ABSENCE=$NOT_FOUND
find_one() {
  local placeholder=$1 answer
  shift
  if [ "$DRY_RUN" = yes ]; then
    printf '%s' "$placeholder"
  elif answer=$("$@" 2>"$ERRORS"); then
    printf '%s' "$answer"
  else
    # bq writes its errors to stdout. Not through a pipe: `grep -q` ends before its writer does, which pipefail reports.
    answer="$(cat "$ERRORS")$answer"
    ! grep -qiE "$ABSENCE" <<<"$answer" || return 0
    say "$answer" >&2
    die "could not read the project: $*"
  fi
}

# ensure STATE -- CREATE… [-- UPDATE…]: create what is absent, update what is ours, leave what is theirs.
# A dry run cannot look, so it prints both.
ensure() {
  local state=$1 create=() update=() part=create word
  shift 2
  for word in "$@"; do
    if [ "$word" = -- ]; then
      part=update
    elif [ "$part" = create ]; then
      create+=("$word")
    else
      update+=("$word")
    fi
  done
  if [ "$DRY_RUN" = yes ]; then
    show "${create[@]}"
    if [ ${#update[@]} -gt 0 ]; then
      note "or, if that exists already and is ours:"
      show "${update[@]}"
    fi
  elif [ "$state" = absent ]; then
    run "${create[@]}"
  elif [ "$state" = ours ] && [ ${#update[@]} -gt 0 ]; then
    run "${update[@]}"
  fi
}

# row KEY LINES: sets ROW to what follows `KEY|` in the line that begins so; empty if there is none.
row() {
  ROW=''
  case $'\n'$2 in
    *$'\n'"$1|"*)
      ROW=$'\n'$2
      ROW=${ROW#*$'\n'"$1|"}
      ROW=${ROW%%$'\n'*} ;;
  esac
}

# state_of KEY MARK LINES: sets STATE to absent, ours (the rest of the line begins with the mark) or theirs.
state_of() {
  row "$1" "$3"
  case $'\n'$3 in
    *$'\n'"$1|"*) case $ROW in "$2"*) STATE=ours ;; *) STATE=theirs ;; esac ;;
    *) STATE=absent ;;
  esac
}

# For `ensure`: ours if there is a name or state.
known() { if [ -n "$1" ]; then printf ours; else printf absent; fi; }
