#!/usr/bin/env bash
# Runs the runtime on cgroup version 2 alone: a Debian kernel in qemu, emulated (no KVM needed), boots into tests/cgroup-v2/cases. About a minute.
#   KERNEL=PACKAGE chooses another kernel of Debian's; VERBOSE=1 shows the guest's console.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh v2
cache=.cache/v2
mkdir -p $cache
runtime=${ORC_RUNTIME:-out/bin/orc-runtime}
[ -x "$runtime" ] || { echo "test-v2: $runtime is missing: make publish" >&2; exit 1; }

newest_kernel() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image/ { print $2; exit }'; }
package=${KERNEL:-$(newest_kernel)}
[ -n "$package" ] || { apt-get update >/dev/null && package=$(newest_kernel); }
[ -n "$package" ] || { echo "test-v2: Debian offers no linux-image-cloud-amd64 here; name a kernel with KERNEL=PACKAGE" >&2; exit 1; }
kernel=$cache/$package
if [ ! -d "$kernel" ]; then
  echo "fetching $package (once, cached in $cache)"
  download=$(mktemp -d)
  (cd "$download" && { apt-get download "$package" || { apt-get update && apt-get download "$package"; }; }) >"$download/log" 2>&1 || { cat "$download/log" >&2; exit 1; }
  rm -rf "$kernel.new"
  dpkg -x "$download"/*.deb "$kernel.new"
  mv "$kernel.new" "$kernel"
  rm -rf "$download"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin" "$work/root/modules"
install -m 755 "$(type -P busybox)" "$work/root/bin/busybox"
install -m 755 "$runtime" "$work/root/bin/orc-runtime"
install -m 755 tests/cgroup-v2/init "$work/root/init"
install -m 644 tests/cgroup-v2/cases "$work/root/cases"
find "$kernel" \( -name configfs.ko -o -name null_blk.ko \) -exec cp {} "$work/root/modules/" \;
(cd "$work/root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd"

timeout --kill-after=10 "${TIMEOUT:-280}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1024 -smp 2 -nodefaults -no-user-config -display none -no-reboot \
  -serial stdio -kernel "$kernel"/boot/vmlinuz-* -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1 hugepages=4" </dev/null >"$work/console" 2>&1 || true
tr -d '\r' <"$work/console" >"$work/lines"
if [ -n "${VERBOSE:-}" ]; then cat "$work/lines"; else grep -E '^(ok|not ok|version 2:)' "$work/lines" || tail -40 "$work/lines"; fi
grep -q '^version 2: [0-9]* passed, 0 failed' "$work/lines"
