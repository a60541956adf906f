#!/usr/bin/env bash
# What size costs in the scheduler, the reconciler and the state: placements per second, one change in a small and in a large cluster, memory and bytes
# of a replica, a million containers. Options: --nodes N --containers N (0: without the million).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/sdk.sh
dotnet build bench/Orchestrator.Bench -c Release -v quiet -nologo
exec bench/Orchestrator.Bench/bin/Release/net10.0/Orchestrator.Bench scale "$@"
