#!/usr/bin/env bash
# Judges the monitor by simulated worlds, with attacks and without, whose seeds follow from a commit: docs/monitoring.md, "How good it is".
#
#   scripts/judge.sh [COMMIT] [WITH_ATTACKS] [WITHOUT]     by default HEAD, 20 and 100
#
# The seed of world N is the first 12 hexadecimal digits of the SHA-256 of "<commit> <N>", with attacks and without.
# JUDGE names the folder that the worlds happen in, JUDGE_BIN that of the programs. What is there already is not done again, and
# nothing is removed at the end: a megabyte or two of truth and findings for each world.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git rev-parse "${1:-HEAD}")
attacked=${2:-20} calm=${3:-100}
place=${JUDGE:-/dev/shm/tnlog-judge}
address=127.0.0.1:${JUDGE_PORT:-18320}
bin=${JUDGE_BIN:-target/release}

[ -n "${JUDGE_BIN:-}" ] || cargo build --release --workspace --bins --locked
mkdir -p "$place"

# Lets the world of a seed happen, follows its log, and keeps the truth and what was found.
world() {
    local folder=$1 seed=$2
    [ -e "$folder/judged" ] && return
    if [ ! -e "$folder/truth/world.toml" ]; then
        rm -rf "$folder"
        "$bin/tnlog" simulate --data "$folder" --seed "$seed" "${@:3}" >"$folder.said" 2>&1
    fi
    "$bin/tnlog" serve --data "$folder" --listen "$address" >>"$folder.said" 2>&1 &
    local log=$!
    until (: <"/dev/tcp/${address/://}") 2>/dev/null; do sleep 0.1; done
    "$bin/tnlog-monitor" score --log "http://$address/" "$folder" >"$folder/score" 2>>"$folder.said"
    kill "$log" && wait "$log" || true
    find "$folder" -mindepth 1 -maxdepth 1 ! -name truth ! -name monitor ! -name score -exec rm -r {} +
    rm -r "$folder/monitor/logs"
    touch "$folder/judged"
}

seed() { echo $((16#$(printf '%s %d' "$commit" "$1" | sha256sum | cut -c1-12))); }

for ((n = 1; n <= attacked; n++)); do world "$place/attacks-$n" "$(seed $n)"; done
for ((n = 1; n <= calm; n++)); do world "$place/calm-$n" "$(seed $n)" --no-attacks; done
echo "Seeds of $commit."
((attacked == 0)) || "$bin/tnlog-monitor" score "$place"/attacks-*
((calm == 0)) || "$bin/tnlog-monitor" score "$place"/calm-*
