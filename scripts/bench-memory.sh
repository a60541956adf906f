#!/usr/bin/env bash
# What supervises COUNT running containers, in memory: our keeper, Podman's conmon, Docker's containerd-shim-runc-v2. busybox `sleep`, no network, each
# peer with runc. Proportional (PSS: shared pages divided among those that share them) and resident (RSS) size from /proc/PID/smaps_rollup, summed
# over the supervising processes; neither the containers' own processes nor the daemons that ask for them are counted.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "bench-memory: root is needed" >&2; exit 1; }
[ -n "${ORC_BIN:-}" ] || scripts/publish.sh
scripts/images.sh busybox

count=${COUNT:-100}
image=$PWD/.cache/images/busybox.tar
dir=$(mktemp -d /tmp/orc-m.XXXXXX)
group=/$(basename "$dir")

sum() { # NAME PIDS...: a line of the table
  local name=$1 pid
  shift
  # Whoever tidies up when it has been quiet for a while has done so.
  sleep 5
  for pid in "$@"; do cat "/proc/$pid/smaps_rollup"; done | awk -v name="$name" -v processes=$# -v count="$count" '
    /^Rss:/ { rss += $2 } /^Pss:/ { pss += $2 } /^Private_Dirty:/ { dirty += $2 }
    END { printf "%-28s %9d %10.1f %10.1f %10.1f %14.1f\n", name, processes, rss / 1024, pss / 1024, dirty / 1024, pss / count }'
}
await() { # SECONDS CMD...
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "bench-memory: gave up waiting for: $*" >&2; return 1; }
    sleep 0.05
  done
}
# Processes of a program with this benchmark's directory among their arguments.
of() { pgrep -f "^[^ ]*$1 .*$dir/" || true; }
are_gone() { [ -z "$(of "$1")" ]; }
are() { [ "$(of "$1" | wc -l)" -eq "$2" ]; }

machine() { local verb=$1; shift; integration/machine.sh "$verb" "$dir/ours" "$@"; }
ours() {
  machine up
  # What must outlive the counting is the keeper; a launcher ends two seconds after its last start.
  local empty
  await 10 are orc-runtime 1
  empty=$(sum "keeper, no containers" "$(of orc-runtime)")
  machine orc image pull 127.0.0.1:5000/busybox:1 >/dev/null 2>&1
  for ((i = 0; i < count; i++)); do machine orc run -d --network none 127.0.0.1:5000/busybox:1 sleep 100000 >/dev/null; done
  await 10 are orc-runtime 1
  sum "keeper" "$(of orc-runtime)"
  echo "$empty"
  machine down
}

podman() {
  command podman --root "$dir/p/root" --runroot "$dir/p/run" --tmpdir "$dir/p/tmp" --runtime runc --cgroup-manager cgroupfs --events-backend file \
    --storage-driver overlay "$@"
}
conmon() {
  podman import -q "$image" busybox >/dev/null 2>&1
  for ((i = 0; i < count; i++)); do
    podman run -d --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --cgroup-parent "$group" busybox sleep 100000 >/dev/null
  done
  mapfile -t pids < <(of conmon)
  [ ${#pids[@]} -eq "$count" ] || { echo "bench-memory: ${#pids[@]} conmon" >&2; return 1; }
  sum "conmon" "${pids[@]}"
}
end_conmon() {
  [ -d "$dir/p" ] || return 0
  podman rm -af -t 0 >/dev/null 2>&1 || true
  await 20 are_gone conmon
}

docker() { command docker -H "unix://$dir/d/socket" "$@"; }
shim() {
  mkdir "$dir/d"
  # A network and a mount namespace of its own: a Docker daemon changes the machine's firewall.
  setsid unshare --net --mount --propagation private dockerd --data-root "$dir/d/data" --exec-root "$dir/d/exec" -H "unix://$dir/d/socket" --pidfile "$dir/d/pid" \
    --cgroup-parent "$group" --exec-opt native.cgroupdriver=cgroupfs --bridge=none --iptables=false --ip6tables=false --ip-forward=false </dev/null >"$dir/d/log" 2>&1 &
  await 30 docker info
  docker import "$image" busybox >/dev/null
  for ((i = 0; i < count; i++)); do docker run -d --network none busybox sleep 100000 >/dev/null; done
  mapfile -t pids < <(of containerd-shim-runc-v2)
  [ ${#pids[@]} -eq "$count" ] || { echo "bench-memory: ${#pids[@]} shims" >&2; return 1; }
  sum "containerd-shim-runc-v2" "${pids[@]}"
}
end_shim() {
  [ -s "$dir/d/pid" ] || return 0
  docker ps -aq | xargs -r docker -H "unix://$dir/d/socket" rm -f >/dev/null || true
  kill "$(cat "$dir/d/pid")"
  await 30 are_gone dockerd
  await 30 are_gone containerd
}

clean_up() {
  machine down || true
  end_conmon || true
  end_shim || true
  findmnt -rno TARGET | grep -F "$dir/" | sort -r | xargs -rn1 umount -l 2>/dev/null || true
  find /sys/fs/cgroup -depth -type d \( -path "/sys/fs/cgroup$group*" -o -path "/sys/fs/cgroup/*$group*" \) -exec rmdir {} + 2>/dev/null || true
  rm -rf "$dir"
}
trap clean_up EXIT

echo "supervising $count containers of busybox sleep; $(command conmon --version | head -1), containerd $(containerd --version | awk '{ print $3 }'), $(runc --version | head -1)"
printf '%-28s %9s %10s %10s %10s %14s\n' supervisor processes "RSS MB" "PSS MB" "dirty MB" "PSS KB each"
ours
conmon
end_conmon
shim
