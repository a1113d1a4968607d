#!/usr/bin/env bash
# Vendors Apache ECharts for the page: one module with what tools/echarts.mjs names, its licence
# and notice. Needs npm and the network; neither users nor tests run it.
set -euo pipefail
cd "$(dirname "$0")/.."
echarts=6.1.0
esbuild=0.28.2
work=.make/echarts
vendor=greendc/web/static/vendor

mkdir -p "$work" "$vendor"
cp tools/echarts.mjs "$work/"
(cd "$work" && npm install --silent --no-save "echarts@$echarts" "esbuild@$esbuild")
"$work/node_modules/.bin/esbuild" "$work/echarts.mjs" --bundle --minify --format=esm \
    --target=es2020 --legal-comments=none --define:process.env.NODE_ENV='"production"' \
    --banner:js="/*! Apache ECharts $echarts, Apache-2.0; LICENSE and NOTICE beside this file */" \
    --outfile="$vendor/echarts.js" --log-level=warning
for licence in LICENSE NOTICE; do
    cp "$work/node_modules/echarts/$licence" "$vendor/echarts.$licence.txt"
done
cp "$work/node_modules/echarts/licenses/LICENSE-d3" "$vendor/echarts.LICENSE-d3.txt"
{
    cat <<END
echarts.js is Apache ECharts $echarts as tools/echarts.sh makes it from npm, with
zrender $(node -p "require('./$work/node_modules/zrender/package.json').version") (BSD-3-Clause) and tslib (0BSD) in it.

zrender:
END
    cat "$work/node_modules/zrender/LICENSE"
    printf '\ntslib:\n'
    cat "$work/node_modules/tslib/LICENSE.txt"
} >"$vendor/README.txt"
