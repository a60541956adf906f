#!/usr/bin/env bash
# The three programs as they ship, in out/bin. Skips what is newer than every source.
#   --quick: for a first look. Compiling orcd and orc wholly ahead of time takes minutes on a small machine; unless out/bin is up to date, out/quick
#   holds them half compiled (they need the SDK's runtime, and start slower). The container runtime is the shipped one.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p out/bin

is_new() { # PROGRAM
  [ -e "$1" ] && [ -z "$(find src Directory.*.props global.json \( -name obj -o -name bin \) -prune -o -type f -newer "$1" -print -quit)" ]
}

publish() { # PROJECT PROGRAM
  is_new "out/bin/$2" && return
  echo "publishing $2"
  dotnet publish "src/Orchestrator.$1" -c Release -o "out/publish/$2" -v quiet -nologo
  install -m 755 "out/publish/$2/$2" out/bin/
}

quick() { # PROJECT PROGRAM
  is_new "out/quick/$2" && return
  echo "building $2 (quick form; make publish compiles it ahead of time)"
  dotnet publish "src/Orchestrator.$1" -c Release -p:PublishAot=false -p:PublishReadyToRun=true -r linux-x64 --self-contained false -o out/quick -v quiet -nologo
  touch "out/quick/$2"
}

if [ "${1:-}" = --quick ]; then
  if is_new out/bin/orcd && is_new out/bin/orc && is_new out/bin/orc-runtime; then
    rm -rf out/quick
    ln -s bin out/quick
    exit
  fi
  [ ! -L out/quick ] || rm out/quick
  # make test and make lint analyze; a first look does not.
  export RunAnalyzers=false
  publish Runtime orc-runtime
  quick Daemon orcd
  quick Cli orc
  install -m 755 out/bin/orc-runtime out/quick/
  exit
fi
publish Daemon orcd
publish Runtime orc-runtime
publish Cli orc
