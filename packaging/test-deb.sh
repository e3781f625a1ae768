#!/usr/bin/env bash
# Installs the package of packaging/build-deb.sh into a small Debian in a folder, boots that with systemd, apart from this machine
# (processes, files, network), follows docs/operations.md there, upgrades, removes and purges. Needs root, mmdebstrap, a Debian mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

package=$(ls target/debian/tnlog_*.deb)
root=$(mktemp -d "${TMPDIR:-/tmp}/tnlog-debian.XXXXXX")
booted=
trap '[ -z "$booted" ] || kill -KILL "$booted" 2> /dev/null; wait; rm -rf --one-file-system "$root"' EXIT

say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
if ! unshare --mount --pid --fork --net --uts --ipc --cgroup true 2> /dev/null; then
    echo 'SKIPPED: this machine lets nobody make namespaces'
    [ -z "${TNLOG_NO_SKIP:-}" ] || exit 1
    exit 0
fi

say 'a small Debian'
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mmdebstrap --quiet --dpkgopt=force-unsafe-io --variant=minbase --include=adduser,ca-certificates,curl,dbus,nginx,systemd,systemd-sysv "$release" "$root"
cp "$package" "$root/tnlog.deb"

# The first process of the new namespaces: it takes the folder for its root and becomes systemd.
cat > "$root/begin" <<'BOOT'
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
# RemoveIPC= of the units takes away what their users have there, which must not be this machine's.
mount -t tmpfs tmpfs dev/shm
mkdir -p outside
pivot_root . outside
umount -l /outside
ip link set lo up 2> /dev/null || true
exec env -i container=tnlog-test PATH=/usr/bin:/bin:/usr/sbin:/sbin /lib/systemd/systemd --system
BOOT
unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup bash "$root/begin" "$root" > "$root/console" 2>&1 &
outside=$!
for _ in $(seq 50); do booted=$(pgrep -P "$outside" || true); [ -z "$booted" ] || break; sleep 0.1; done
[ -n "$booted" ] || fail "it does not boot: $(cat "$root/console")"
# Commands inside, as on a machine of its own.
at() { nsenter -t "$booted" -m -p -n -u -i -C -r -w -- /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin:/usr/sbin:/sbin "$@"; }
for _ in $(seq 300); do [ "$(at systemctl is-system-running 2> /dev/null || true)" = running ] && break; sleep 0.1; done
[ "$(at systemctl is-system-running || true)" = running ] || fail 'systemd does not run'

say 'install'
at dpkg -i /tnlog.deb > /dev/null 2>&1
at tnlog --version
at tnlog-monitor --version
[ "$(at stat -c '%U %a' /var/lib/tnlog)" = 'tnlog 750' ] || fail 'the folder of the logs is not theirs'
complaints=$(at systemd-analyze verify --man=no /usr/lib/systemd/system/tnlog@.service /usr/lib/systemd/system/tnlog-monitor.service 2>&1 | grep tnlog || true)
[ -z "$complaints" ] || fail "$complaints"
failed() { at journalctl --no-pager -u "$1" | tail -20 >&2; fail "$1 $2"; }

say 'a log without a name does not start'
at cp /usr/share/tnlog/tnlog.toml /etc/tnlog/2026.toml
if at systemctl start tnlog@2026 2> /dev/null; then fail 'it starts'; fi
at journalctl --no-pager -u tnlog@2026 | grep 'cannot name a log' > /dev/null || failed tnlog@2026 'does not say why'

say 'first start'
at sed -i 's|^origin = .*|origin = "log.example.com/2026"|' /etc/tnlog/2026.toml
at systemctl reset-failed tnlog@2026
at systemctl enable --now tnlog@2026 2> /dev/null || failed tnlog@2026 'does not start'
# It counts as started when it serves: no waiting here.
at curl -fsS http://127.0.0.1:8080/healthz
at setpriv --reuid=nobody --regid=tnlog --clear-groups cat /var/lib/tnlog/2026/public/checkpoint > /dev/null || fail 'a web server in the group cannot read'
if at setpriv --reuid=nobody --regid=tnlog --clear-groups cat /var/lib/tnlog/2026/keys/label.key 2> /dev/null; then fail 'others can read the keys'; fi
if at setpriv --reuid=nobody --regid=nogroup --clear-groups ls /var/lib/tnlog/2026/public 2> /dev/null; then fail 'the folder is open to everybody'; fi

say 'nginx before it'
mkdir -p "$root/etc/ssl/log.example.com"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=log.example.com \
    -keyout "$root/etc/ssl/log.example.com/key.pem" -out "$root/etc/ssl/log.example.com/fullchain.pem" 2> /dev/null
at cp /usr/share/tnlog/nginx.conf /etc/nginx/conf.d/tnlog-2026.conf
at adduser --quiet www-data tnlog > /dev/null
at systemctl restart nginx || failed nginx 'does not start'
through() { at curl -sS -k -o /dev/null -w '%{http_code}' --resolve log.example.com:443:127.0.0.1 "https://log.example.com/2026/$1"; }
[ "$(through tn/v1/log)" = 200 ] || fail 'nginx does not reach the log'
at systemctl stop tnlog@2026
[ "$(through checkpoint) $(through tile/0/000.p/1) $(through tn/v1/log)" = '200 200 503' ] || fail 'nginx does not serve the folder'
at systemctl start tnlog@2026

say 'a monitor of it'
as_monitor() { at setpriv --reuid=tnlog-monitor --regid=tnlog-monitor --clear-groups "$@"; }
as_monitor tnlog-monitor --folder /var/lib/tnlog-monitor init http://127.0.0.1:8080 > /dev/null
at systemctl start tnlog-monitor || failed tnlog-monitor 'does not start'
for _ in $(seq 100); do at curl -fsS http://127.0.0.1:8095/healthz 2> /dev/null && break; sleep 0.1; done
at curl -fsS http://127.0.0.1:8095/healthz > /dev/null || failed tnlog-monitor 'is not well'

say 'upgrade, with a changed conffile: what runs goes on with the new version'
before=$(at systemctl show -P MainPID tnlog@2026)
echo 'TNLOG_LOG=debug' >> "$root/etc/default/tnlog"
at dpkg -i --force-confold /tnlog.deb > /dev/null 2>&1
at grep -q 'TNLOG_LOG=debug' /etc/default/tnlog || fail 'the conffile was overwritten'
[ "$(at systemctl show -P MainPID tnlog@2026)" != "$before" ] || fail 'the old version runs on'
at curl -fsS http://127.0.0.1:8080/healthz > /dev/null

say 'remove and purge'
at dpkg -r tnlog > /dev/null
at journalctl --no-pager -u tnlog@2026 | grep 'stopping: answering what was taken' > /dev/null || fail 'it was not stopped in order'
[ "$(at systemctl is-active tnlog@2026 || true)" != active ] || fail 'it runs on without its package'
[ ! -e "$root/usr/bin/tnlog" ] && [ -e "$root/etc/default/tnlog" ] || fail 'remove left or took too much'
at dpkg -P tnlog > /dev/null 2>&1
[ ! -e "$root/etc/default/tnlog" ] || fail 'purge left the conffile'
[ -e "$root/var/lib/tnlog/2026/keys/checkpoint.key" ] && [ -e "$root/etc/tnlog/2026.toml" ] || fail 'purge took a log'
say 'all is well'
