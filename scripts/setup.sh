#!/usr/bin/env bash
# Installs what the given uses need from Debian, and nothing that is already there. Uses: build, test, v2, demo, bench.
set -euo pipefail

declare -A packages=(
  [build]="gcc libc6-dev zlib1g-dev"
  [demo]="gcc libc6-dev zlib1g-dev iproute2 libnftables1 mmdebstrap docker-registry curl util-linux procps"
  [test]="runc gcc libc6-dev zlib1g-dev iproute2 nftables libnftables1 docker-registry busybox-static curl util-linux bsdutils procps iputils-ping docker.io tini podman conmon"
  [v2]="qemu-system-x86 cpio busybox-static"
  [bench]="gcc libc6-dev zlib1g-dev iproute2 nftables libnftables1 docker-registry busybox-static curl util-linux procps docker.io podman conmon etcd-server etcd-client crun runc"
)

command -v dotnet >/dev/null || { echo "setup: the .NET SDK 10 is needed: https://dotnet.microsoft.com/download" >&2; exit 1; }

missing=()
for use in "${@:-build}"; do
  for package in ${packages[$use]:?setup: unknown use $use; one of: ${!packages[*]}}; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

[ "$(id -u)" -eq 0 ] || { echo "setup: run as root once, or install: ${missing[*]}" >&2; exit 1; }
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A package's own service must not start here: it would take ports that are somebody else's.
policy=/usr/sbin/policy-rc.d
made_policy=
[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made_policy=1; }
trap '[ -z "$made_policy" ] || rm -f $policy' EXIT
log=$(mktemp)
install() { apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
install || { apt-get update >>"$log" 2>&1 && install; } || { cat "$log" >&2; exit 1; }
rm -f "$log"
