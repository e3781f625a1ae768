#!/usr/bin/env bash
# Builds target/debian/tnlog_VERSION_ARCH.deb on a Debian machine with cargo and dpkg-dev.
#
#   packaging/build-deb.sh               builds the programs, optimised, and packs them
#   packaging/build-deb.sh target/debug  packs the programs that are in this folder
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${1:-target/release}
[ $# -gt 0 ] || cargo build --release --locked -p tnlog -p tnlog-monitor --bins

version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
root=target/debian/root
rm -rf target/debian
mkdir -p "$root/DEBIAN" "$root/etc/tnlog"

put() { install -D -m 644 "$1" "$root/$2"; }

for program in tnlog tnlog-monitor; do
    install -D -m 755 "$programs/$program" "$root/usr/bin/$program"
    strip "$root/usr/bin/$program"
done
put packaging/tnlog@.service usr/lib/systemd/system/tnlog@.service
put packaging/tnlog-monitor.service usr/lib/systemd/system/tnlog-monitor.service
put packaging/sysusers.conf usr/lib/sysusers.d/tnlog.conf
put packaging/default etc/default/tnlog
for file in nginx.conf grafana.json alerts.yml; do put "packaging/$file" "usr/share/tnlog/$file"; done
for file in README.md CHANGELOG.md docs/*.md; do put "$file" "usr/share/doc/tnlog/$(basename "$file")"; done
put LICENSE usr/share/doc/tnlog/copyright
# A log of no name does not start, and says what a name is.
sed 's|^origin = .*|origin = ""|' src/server/tnlog.toml > target/debian/tnlog.toml
put target/debian/tnlog.toml usr/share/tnlog/tnlog.toml

# From the programs themselves, where they can.
for program in tnlog tnlog-monitor; do
    if "$programs/$program" completions --help > /dev/null 2>&1; then
        for shell in bash zsh fish; do "$programs/$program" completions "$shell" > "target/debian/$program.$shell"; done
        put "target/debian/$program.bash" "usr/share/bash-completion/completions/$program"
        put "target/debian/$program.zsh" "usr/share/zsh/vendor-completions/_$program"
        put "target/debian/$program.fish" "usr/share/fish/vendor_completions.d/$program.fish"
    fi
    if "$programs/$program" man --help > /dev/null 2>&1; then
        mkdir -p target/debian/man
        "$programs/$program" man target/debian/man
    fi
done
for page in target/debian/man/*.1; do
    [ -e "$page" ] || continue
    gzip -n9 "$page"
    put "$page.gz" "usr/share/man/man1/$(basename "$page").gz"
done

# dpkg-shlibdeps reads the name of the package in a file of this name.
mkdir -p target/debian/shlibs/debian
printf 'Source: tnlog\n\nPackage: tnlog\nArchitecture: any\n' > target/debian/shlibs/debian/control
libraries=$(cd target/debian/shlibs && dpkg-shlibdeps -O --ignore-missing-info ../root/usr/bin/* | sed -n 's/^shlibs:Depends=//p')

cat > "$root/DEBIAN/control" <<CONTROL
Package: tnlog
Version: $version
Architecture: $architecture
Maintainer: The tnlog authors <tnlog@example.com>
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: $libraries, systemd | systemd-standalone-sysusers | systemd-sysusers
Recommends: ca-certificates
Suggests: nginx, prometheus-node-exporter
Section: net
Priority: optional
Description: transparency log of telephone number certificates, and its monitor
 tnlog runs a log, submits to logs, audits and mirrors them, and shows the life
 of a number. tnlog-monitor follows logs and reports what should not have been
 issued. Nothing is started when it is installed: a log wants a name first.
CONTROL
(cd "$root" && find etc -type f -printf '/%p\n' > DEBIAN/conffiles)
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
for script in postinst prerm postrm; do install -m 755 "packaging/deb-$script" "$root/DEBIAN/$script"; done

package="target/debian/tnlog_${version}_${architecture}.deb"
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" > /dev/null
echo "$package"
