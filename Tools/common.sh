# Shared by the tools: where the project is, and what a fresh Debian machine lacks. Sourced, not run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*" >&2; }

# Libraries that the build needs, the tools to find them, and uap-core's rules, which the service reads when it starts.
build_packages=(liblz4-dev libsnappy-dev libzstd-dev libdeflate-dev libsimdjson-dev libre2-dev libmaxminddb-dev libyaml-dev libhiredis-dev librabbitmq-dev librdkafka-dev libcurl4-openssl-dev uap-core libsqlite3-dev pkg-config g++)

# What builds the browser SDK from its modules and checks their types; its result is kept with the sources, so that the service needs none.
sdk_packages=(esbuild node-typescript gzip)

# need_packages NAME...: installs the Debian packages that are missing. Nothing to do takes a few milliseconds.
need_packages() {
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "Installing Debian packages: ${missing[*]}"
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    # A server that a package brings is started by who needs it, not by its installation.
    local policy=/usr/sbin/policy-rc.d made_policy=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        made_policy=1
    fi
    local log status=0
    log=$(mktemp)
    { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 || status=$?
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"
    [ "$status" -eq 0 ] || { cat "$log" >&2; say "Could not install: ${missing[*]}"; exit 1; }
    rm -f "$log"
}

need_swift() {
    command -v swift >/dev/null || { say "Swift is missing: install the toolchain (6.1 or later) from swift.org and put it on the PATH."; exit 1; }
}

# need_python PACKAGE==VERSION...: a private Python environment with exactly these packages, in .venv or in $python_folder; and those of
# $python_alone without what they depend on.
need_python() {
    need_packages python3-venv
    local wanted="$* ${python_alone:-}" folder=${python_folder:-.venv}
    [ "$(cat "$folder/wanted" 2>/dev/null)" = "$wanted" ] && return
    say "Installing Python packages into $folder: $wanted"
    /usr/bin/python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
    # shellcheck disable=SC2086
    [ -z "${python_alone:-}" ] || "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps $python_alone
    printf '%s' "$wanted" >"$folder/wanted"
}

# build CONFIGURATION [ARGS]: quiet while it goes well.
build() {
    local log
    log=$(mktemp)
    say "Building ($1); the first time takes several minutes."
    if ! swift build -c "$@" >"$log" 2>&1; then
        grep -E 'error|warning' "$log" >&2 || tail -n 40 "$log" >&2
        say "The build failed; all of its output: $log"
        exit 1
    fi
    # A warning in our own sources is an error. SwiftPM shows it when it compiles the file, so a clean build shows all.
    if grep -E "^$root/(Sources|Tests|Package).*warning:" "$log" | sort -u | grep . >&2; then
        say "Warnings count as errors."
        exit 1
    fi
    rm -f "$log"
}

# need_schema_suite: the official test suite of JSON Schema, and the meta-schemas, in .build/json-schema-suite. Two PyPI packages have them.
need_schema_suite() {
    need_packages python3-venv unzip
    local folder=.build/json-schema-suite versions="jsonschema==4.26.0 jsonschema-specifications==2025.9.1"
    [ "$(cat "$folder/versions" 2>/dev/null)" = "$versions" ] && return
    say "Fetching the official test suite of JSON Schema."
    local work
    work=$(mktemp -d)
    /usr/bin/python3 -m venv "$work/venv"
    local pip=("$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$work")
    "${pip[@]}" --no-binary jsonschema jsonschema==4.26.0
    "${pip[@]}" jsonschema-specifications==2025.9.1
    rm -rf "$folder"
    mkdir -p "$folder"
    tar xzf "$work"/jsonschema-4.26.0.tar.gz --strip-components=2 -C "$folder" jsonschema-4.26.0/json/tests jsonschema-4.26.0/json/remotes
    unzip -q "$work"/jsonschema_specifications-*.whl 'jsonschema_specifications/schemas/draft202012/*' -d "$work"
    mv "$work/jsonschema_specifications/schemas/draft202012" "$folder/metaschemas"
    rm -rf "$work"
    printf '%s' "$versions" >"$folder/versions"
}
