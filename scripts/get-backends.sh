#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds back ends from their published modules: Parca, with its web page, and an OpenTelemetry Collector that takes profiles.
# Pinned to one version each, into build/backends/; quick when they are there.
#
#   scripts/get-backends.sh [parca|collector]…    default: both. Prints the path of each; what it does goes to stderr
#   PAGE=no scripts/get-backends.sh parca         without the page, so without npm: it only answers queries
#
# Some 10 minutes and 4.3 GB for Parca on two idle cores, 3 minutes and 1.3 GB for the Collector; only the programs are kept. Caches of Go's that
# the environment names (GOMODCACHE, GOCACHE) are used, and kept. Any Go will do: one that is older than they want fetches a newer one as
# a module.
set -euo pipefail
cd "$(dirname "$0")/.."

parca=v0.28.0 collector=v0.165.0
providers=v1.71.0            # of the Collector's configuration: they have versions of their own
go_least=1.25 go_newer=1.26.8 # what both want, and what is fetched for those who have less
here=$PWD/${BUILD:-build}/backends
work=$here/work
parca_module=github.com/parca-dev/parca
declare -A program=([parca]=$here/parca [collector]=$here/otelcol)
declare -A version=([parca]="$parca${PAGE:+ PAGE=$PAGE}" [collector]=$collector)

say() {
	echo "get-backends: $*" >&2
}

die() {
	say "$*"
	exit 1
}

# logged COMMAND…: says what was wrong only if something was.
logged() {
	nice -n 10 "$@" >>"$log" 2>&1 && return
	tail -n 15 "$log" >&2
	die "failed: $* (all of it: $log)"
}

go_is_new() {
	printf '%s\n' "$go_least" "$(go env GOVERSION | sed 's/^go//;s/[-+ ].*//')" | sort -V -C
}

# module NAME@VERSION: its folder in the cache, checked by Go as everything that it fetches.
module() {
	go mod download -json "$1" 2>>"$log" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p' || true
}

# A Go that is new enough comes first in PATH. Go's releases are modules, too, which lack the right to be executed.
have_go() {
	local folder
	command -v go >/dev/null || die "needs Go, any version: scripts/install-deps.sh --backends"
	go_is_new && return
	say "$(go env GOVERSION) is older than $go_least: fetching $go_newer"
	folder=$(module "golang.org/toolchain@v0.0.1-go$go_newer.linux-$(go env GOARCH)")
	[[ -d $folder ]] || die "could not fetch it: $(tail -n 1 "$log")"
	chmod +x "$folder"/bin/* "$folder"/pkg/tool/*/* 2>/dev/null || true
	export PATH=$folder/bin:$PATH GOROOT=$folder GOTOOLCHAIN=local
	go_is_new || die "$folder is not what was asked for"
}

# The package manager that Parca's sources name, by their hash.
fetch_pnpm() {
	local wanted file
	wanted=$(sed -n 's/.*"packageManager": "\([^"]*\)".*/\1/p' "$source/package.json")
	file=$(cd "$work" && npm pack --silent "${wanted%+sha512.*}" 2>>"$log") || die "npm could not fetch ${wanted%+*} (see $log)"
	sha512sum --quiet -c <<<"${wanted##*.}  $work/$file" || die "what npm fetched is not the ${wanted%+*} of Parca's sources"
	mkdir "$work/pnpm" && tar -xf "$work/$file" -C "$work/pnpm" --strip-components=1
}

have_node() {
	command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && return
	die "Parca's page needs npm and Node 18 or newer: scripts/install-deps.sh --backends. PAGE=no builds Parca without it"
}

# parca_page FOLDER: the module has the page's sources only. As its own build does it, but for type checks and declarations.
parca_page() {
	local ui=$1 part
	local bin=$ui/node_modules/.bin
	fetch_pnpm
	logged env -C "$ui" npm_config_cache="$work/npm" node "$work/pnpm/bin/pnpm.cjs" install --frozen-lockfile --ignore-scripts \
		--filter '@parca/web...' --store-dir "$work/store" --reporter=append-only
	for part in "$ui"/packages/shared/*/src; do
		part=${part%/src}
		logged env -C "$part" "$bin/babel" src --out-dir dist --config-file "$ui/babel.react-compiler.cjs" \
			--extensions .ts,.tsx --copy-files --no-copy-ignored
		[[ ! -e $part/tailwind.config.js ]] || logged env -C "$part" "$bin/tailwindcss" -o dist/styles.css --minify
	done
	logged env -C "$ui/packages/app/web" "$bin/vite" build
	[[ -s $ui/packages/app/web/build/index.html ]] || die "Parca's page was not built (see $log)"
}

build_parca() {
	[[ ${PAGE:-} == no ]] || have_node
	have_go
	source=$(module "$parca_module@$parca")
	[[ -d $source ]] || die "could not fetch $parca_module: $(tail -n 1 "$log")"
	mkdir "$work/parca"
	cp -r --no-preserve=mode "$source"/{cmd,gen,pkg,ui,go.mod,go.sum} "$work/parca"
	if [[ ${PAGE:-} != no ]]; then
		say "its page (2 minutes)"
		parca_page "$work/parca/ui"
	fi
	say "its program (5 minutes and more)"
	logged go -C "$work/parca" build -p 2 -trimpath -ldflags="-s -w -X main.version=$parca" -o "$1" ./cmd/parca
}

build_collector() {
	have_go
	GOBIN=$work logged go install -p 2 "go.opentelemetry.io/collector/cmd/builder@$collector"
	cat >"$work/builder.yaml" <<-END
		dist: {name: otelcol, output_path: $work/otelcol, version: ${collector#v}}
		receivers: [{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver $collector}]
		exporters:
		  - gomod: go.opentelemetry.io/collector/exporter/debugexporter $collector
		  - gomod: go.opentelemetry.io/collector/exporter/otlpexporter $collector
		  - gomod: go.opentelemetry.io/collector/exporter/otlphttpexporter $collector
		providers:
		  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider $providers
		  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider $providers
		  - gomod: go.opentelemetry.io/collector/confmap/provider/yamlprovider $providers
	END
	logged "$work/builder" --config "$work/builder.yaml" --skip-compilation
	logged go -C "$work/otelcol" build -p 2 -trimpath -ldflags='-s -w' -o "$1" .
}

# Go's cache of modules is write-protected.
clear_work() {
	[[ ! -e $work ]] || { chmod -R u+w "$work" && rm -rf "$work"; }
}

is_there() {
	[[ -x ${program[$1]} && $(cat "${program[$1]}.version" 2>/dev/null) == "${version[$1]}" ]]
}

get() {
	local began=$SECONDS
	is_there "$1" && return
	log=$here/$1.log
	say "building ${version[$1]} of $1 in ${work%/*} (takes minutes, the first time only; log: $log)"
	: >"$log"
	clear_work
	mkdir -p "$work"
	export GOPATH=$work/go GOCACHE=${GOCACHE:-$work/cache} GOMODCACHE=${GOMODCACHE:-$work/go/pkg/mod}
	"build_$1" "${program[$1]}.new"
	mv "${program[$1]}.new" "${program[$1]}"
	echo "${version[$1]}" >"${program[$1]}.version"
	say "$1: built in $((SECONDS - began)) s"
}

(($#)) || set -- parca collector
for each; do
	[[ ${program[$each]:-} ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
done
mkdir -p "$here"
exec 9>"$here/lock"
flock 9 # another may be at it
trap clear_work EXIT
for each; do
	(get "$each") # what is exported for one is not for the other
	echo "${program[$each]}"
done
