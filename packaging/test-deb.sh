#!/usr/bin/env bash
# Installs the package of packaging/build-deb.sh into a small Debian in a folder, starts log and monitor as their users, asks how they
# are, installs it again, removes and purges it. Needs root, mmdebstrap, and a Debian mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

package=$(ls target/debian/tnlog_*.deb)
root=$(mktemp -d "${TMPDIR:-/tmp}/tnlog-debian.XXXXXX")
running=()
# Starts one after the other as its user.
end() {
    for pid in "${running[@]}"; do kill -TERM "$pid" 2> /dev/null && wait "$pid" || true; done
    running=()
}
trap 'end; rm -rf "$root"' EXIT

say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
in_root() { chroot "$root" "$@"; }
as() { local user=$1; shift; chroot --userspec="$user" "$root" /usr/bin/env -i HOME=/ PATH=/usr/bin:/bin "$@"; }

say 'a small Debian'
mmdebstrap --quiet --variant=apt --include=ca-certificates,systemd "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root"
cp "$package" "$root/tnlog.deb"

say 'install'
in_root apt-get install -y -qq --no-install-recommends ./tnlog.deb > /dev/null
in_root tnlog --version
in_root tnlog-monitor --version
[ "$(in_root stat -c '%U %a' /var/lib/tnlog)" = 'tnlog 750' ] || fail 'the folder of the logs is not theirs'
complaints=$(in_root systemd-analyze verify --man=no /usr/lib/systemd/system/tnlog@.service /usr/lib/systemd/system/tnlog-monitor.service 2>&1 | grep tnlog || true)
[ -z "$complaints" ] || fail "$complaints"

# What a unit starts, with its umask, as its user; its output goes to a file.
start() {
    local unit=$1 instance=$2 user=$3 output=$4
    local command
    command=$(sed -n "s/^ExecStart=//p" "$root/usr/lib/systemd/system/$unit" | sed "s/%i/$instance/g")
    # shellcheck disable=SC2086
    (umask "$(sed -n 's/^UMask=//p' "$root/usr/lib/systemd/system/$unit")"; as "$user" $command > "$output" 2>&1) &
    running+=($!)
}
port=$((20000 + RANDOM % 20000))
answers() {
    for _ in $(seq 100); do
        if bash -c "exec 3<> /dev/tcp/127.0.0.1/$1 && printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200 '" 2> /dev/null; then return; fi
        sleep 0.1
    done
    cat "$2"
    fail "nobody is well at $1"
}

say 'a log without a name does not start'
cp "$root/usr/share/tnlog/tnlog.toml" "$root/etc/tnlog/2026.toml"
if as tnlog tnlog serve --config /etc/tnlog/2026.toml --data /var/lib/tnlog/2026 > "$root/out" 2>&1; then fail 'it starts'; fi
grep -q 'cannot name a log' "$root/out" || fail "$(cat "$root/out")"

say 'a log'
sed -i -e 's|^origin = .*|origin = "log.example.com/2026"|' -e "s|^#= listen = .*|listen = \"127.0.0.1:$port\"|" "$root/etc/tnlog/2026.toml"
start tnlog@.service 2026 tnlog "$root/log"
answers "$port" "$root/log"
as nobody:tnlog cat /var/lib/tnlog/2026/public/checkpoint > /dev/null || fail 'a web server in the group cannot read'
if as nobody:tnlog cat /var/lib/tnlog/2026/keys/label.key 2> /dev/null; then fail 'others can read the keys'; fi
if as nobody ls /var/lib/tnlog/2026/public > /dev/null 2>&1; then fail 'the folder is open to everybody'; fi

say 'a monitor of it'
as tnlog-monitor tnlog-monitor --folder /var/lib/tnlog-monitor init "http://127.0.0.1:$port" > /dev/null
sed -i "s|^#= listen = .*|listen = \"127.0.0.1:$((port + 1))\"|" "$root/var/lib/tnlog-monitor/tnlog-monitor.toml"
start tnlog-monitor.service - tnlog-monitor "$root/monitor"
answers "$((port + 1))" "$root/monitor"

say 'upgrade, with a changed conffile'
echo 'TNLOG_LOG=debug' >> "$root/etc/default/tnlog"
in_root dpkg -i --force-confold /tnlog.deb > /dev/null
grep -q 'TNLOG_LOG=debug' "$root/etc/default/tnlog" || fail 'the conffile was overwritten'
end

say 'remove and purge'
in_root dpkg -r tnlog > /dev/null
[ ! -e "$root/usr/bin/tnlog" ] && [ -e "$root/etc/default/tnlog" ] || fail 'remove left or took too much'
in_root dpkg -P tnlog > /dev/null 2>&1
[ ! -e "$root/etc/default/tnlog" ] || fail 'purge left the conffile'
[ -e "$root/var/lib/tnlog/2026/keys/checkpoint.key" ] && [ -e "$root/etc/tnlog/2026.toml" ] || fail 'purge took a log'
say 'all is well'
