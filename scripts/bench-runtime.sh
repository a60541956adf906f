#!/usr/bin/env bash
# From the command to the exit of /bin/true in a container: the same bundle with orc-runtime, crun and runc in turn, ROUNDS batches of BATCH runs each.
# Medians of wall and CPU time (the runtime's and the container's) per run, and ratios of the medians.
# crun refuses a hybrid layout of cgroups, so all three run in a mount namespace from which cgroup version 2 is unmounted when version 1 is there too.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "bench-runtime: root is needed" >&2; exit 1; }
if [ -z "${ORC_BENCH_INSIDE:-}" ]; then
  [ -n "${ORC_RUNTIME:-}" ] || scripts/publish.sh
  ORC_BENCH_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi
rounds=${ROUNDS:-15} batch=${BATCH:-20}
layout="version 2"
if grep -q ' cgroup ' /proc/mounts; then
  layout="version 1"
  umount -l /sys/fs/cgroup/unified 2>/dev/null || true
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
orc=${ORC_RUNTIME:-out/bin/orc-runtime}
mkdir -p "$dir"/bundle/rootfs/{bin,proc,sys,dev,tmp,etc}
cp "$(type -P busybox)" "$dir/bundle/rootfs/bin/busybox"
ln -s busybox "$dir/bundle/rootfs/bin/true"
"$orc" spec --bundle "$dir/bundle"
# A version that Debian's crun takes. No terminal, no limits that need privileges: the rest is Docker's profile, filter and all. Limits on memory, CPU and processes as people set them.
sed -i -e 's/"ociVersion":"[^"]*"/"ociVersion":"1.0.2"/' -e 's/"terminal":true/"terminal":false/' -e 's/"args":\["sh"\]/"args":["\/bin\/true"]/' -e 's/"rlimits":\[[^]]*\]/"rlimits":[]/' \
  -e 's/"cgroupsPath":"[^"]*",//' -e 's/"resources":{/"cgroupsPath":"\/orc-bench\/c","resources":{"memory":{"limit":268435456},"cpu":{"shares":512,"quota":100000,"period":100000},"pids":{"limit":100},/' \
  "$dir/bundle/config.json"

declare -A commands=([orc]="$orc --root $dir/orc" [crun]="crun --root $dir/crun" [runc]="runc --root $dir/runc")
TIMEFORMAT='%R %U %S'
measure() { # NAME: appends "wall cpu" in ms per run
  local i
  { time for ((i = 0; i < batch; i++)); do ${commands[$1]} run --bundle "$dir/bundle" "c$i" </dev/null >/dev/null 2>"$dir/errors" || touch "$dir/failed"; done; } 2>"$dir/time"
  [ ! -e "$dir/failed" ] || { echo "bench-runtime: $1 failed: $(cat "$dir/errors")" >&2; exit 1; }
  awk -v n="$batch" '{ printf "%.3f %.3f\n", $1 * 1000 / n, ($2 + $3) * 1000 / n }' "$dir/time" >>"$dir/$1.times"
}
for name in orc crun runc; do measure $name; done
rm -f "$dir"/*.times
for ((round = 0; round < rounds; round++)); do
  for name in orc crun runc; do measure $name; done
done

median() { cut -d ' ' -f "$2" "$dir/$1.times" | sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
echo "run to exit of /bin/true, cgroup $layout, $rounds x $batch runs, medians; $(crun --version | head -1), $(runc --version | head -1)"
printf '%-12s %10s %8s %10s %8s\n' runtime "wall ms" "ratio" "CPU ms" "ratio"
for name in orc crun runc; do
  awk -v name=$name -v wall="$(median $name 1)" -v cpu="$(median $name 2)" -v base_wall="$(median orc 1)" -v base_cpu="$(median orc 2)" \
    'BEGIN { printf "%-12s %10.2f %8.2f %10.2f %8.2f\n", name, wall, base_wall / wall, cpu, base_cpu / cpu }'
done
echo "ratio: orc-runtime's time over this one's"
rmdir /sys/fs/cgroup/*/orc-bench /sys/fs/cgroup/orc-bench 2>/dev/null || true
