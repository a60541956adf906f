#!/usr/bin/env bash
# The three programs as they ship, in out/bin. Skips what is newer than every source.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p out/bin

publish() { # PROJECT PROGRAM
  if [ -e "out/bin/$2" ] && [ -z "$(find src Directory.*.props global.json \( -name obj -o -name bin \) -prune -o -type f -newer "out/bin/$2" -print -quit)" ]; then
    return
  fi
  echo "publishing $2"
  dotnet publish "src/Orchestrator.$1" -c Release -o "out/publish/$2" -v quiet -nologo
  install -m 755 "out/publish/$2/$2" out/bin/
}
publish Daemon orcd
publish Runtime orc-runtime
publish Cli orc
