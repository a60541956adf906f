#!/usr/bin/env bash
# Runs every test suite and ends with one line for all: N passed, N failed, N skipped.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build test v2 || exit 1
. scripts/sdk.sh
scripts/publish.sh || exit 1
scripts/images.sh busybox || exit 1
dotnet build Orchestrator.slnx -c Release -v quiet -nologo || exit 1

# The launch stress, at a length that the fast suite has no time for.
export ORC_LAUNCHES=${ORC_LAUNCHES:-300}

passed=0 failed=0 skipped=0
suite() { # PROJECT DIRECTORY
  local program=$2/bin/Release/net10.0/$1 log totals
  [ -e "$program" ] || { echo "no such suite: $program"; failed=$((failed + 1)); return; }
  echo "== $1"
  log=$(mktemp)
  # A suite that hangs is a failed suite, and the others still run.
  timeout --kill-after=30 1500 "$program" -noColor -noLogo 2>&1 | tee "$log"
  totals=$(grep -E "^ +$1 +Total: " "$log" | tail -1 | tr -d ',')
  rm -f "$log"
  if [[ $totals =~ Total:\ ([0-9]+)\ Errors:\ ([0-9]+)\ Failed:\ ([0-9]+)\ Skipped:\ ([0-9]+) ]]; then
    passed=$((passed + BASH_REMATCH[1] - BASH_REMATCH[3] - BASH_REMATCH[4]))
    failed=$((failed + BASH_REMATCH[2] + BASH_REMATCH[3]))
    skipped=$((skipped + BASH_REMATCH[4]))
  else
    echo "$1 ended without a summary"
    failed=$((failed + 1))
  fi
}

for project in ${SUITES:-tests/Orchestrator.Tests tests/Orchestrator.Simulation tests/Orchestrator.Conformance tests/Orchestrator.Durability integration/Orchestrator.Machine integration/Orchestrator.Integration}; do
  [ -d "$project" ] && suite "$(basename "$project")" "$project"
done

# The runtime on cgroup version 2, in an emulated machine: its cases count like a suite's.
if [ -z "${SUITES:-}" ]; then
  echo "== cgroup version 2"
  counts=$(scripts/test-v2.sh | tee /dev/stderr | grep '^version 2:')
  if [[ $counts =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    echo "the emulated machine ended without a summary"
    failed=$((failed + 1))
  fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
