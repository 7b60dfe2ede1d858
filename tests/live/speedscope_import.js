// SPDX-License-Identifier: MIT
// speedscope's own importer, out of the page that its package ships: everything up to where it would draw.
//
//     node speedscope_import.js node_modules/speedscope FILE
//
// Prints as JSON what the three views of each profile are made of: `order` (time order) and `heavy` (left heavy) as
// trees of [frame, weight, children], `frames` (sandwich) with their own and total weight.
const fs = require('fs'), path = require('path'), vm = require('vm');

const [folder, file] = process.argv.slice(2);
const release = path.join(folder, 'dist/release');
const bundle = fs.readdirSync(release).find(name => /^speedscope-.*\.js$/.test(name));
const text = fs.readFileSync(path.join(release, bundle), 'utf8');
// What the page calls for a file that it is given, and the statement with which it begins to draw.
const entry = text.match(/loadFileFromBase64:\(\w+,\w+\)=>\{this\.loadProfile\(\(\)=>([\w$]+)\(/);
const end = text.lastIndexOf('console.log(`speedscope v');
if (!entry || end < 0) throw new Error('this speedscope is built in another way');

// A page that does nothing: importing needs none of it.
const nothing = () => new Proxy(function () {}, {
    get: (_, key) => key === Symbol.toPrimitive ? () => '' : nothing(),
    apply: nothing, construct: nothing, set: () => true,
});
const page = {
    TextDecoder, TextEncoder, URL, URLSearchParams, Uint8Array, ArrayBuffer, atob, btoa, setTimeout,
    document: nothing(), localStorage: nothing(), matchMedia: nothing(), addEventListener() {},
    location: {protocol: 'file:', hash: '', href: 'file:///'}, navigator: {userAgent: '', platform: ''},
    console: {...console, log() {}, time() {}, timeEnd() {}},
};
page.window = page.self = page;
vm.runInNewContext(`${text.slice(0, end)};window.importBase64=${entry[1]}})();`, page);

function describe(profile) {
    const frames = [], index = new Map();
    profile.forEachFrame(frame => {
        index.set(frame, frames.length);
        frames.push({name: frame.name, file: frame.file, line: frame.line,
                     own: frame.getSelfWeight(), total: frame.getTotalWeight()});
    });
    const tree = node => [index.has(node.frame) ? index.get(node.frame) : null, node.getTotalWeight(), node.children.map(tree)];
    return {name: profile.getName(), unit: profile.valueFormatter.unit, weight: profile.getTotalWeight(), frames,
            order: tree(profile.getAppendOrderCalltreeRoot()), heavy: tree(profile.getGroupedCalltreeRoot())};
}

page.importBase64(path.basename(file), fs.readFileSync(file).toString('base64')).then(group => {
    if (!group) throw new Error('no format that speedscope knows');
    console.log(JSON.stringify({name: group.name, view: group.indexToView, profiles: group.profiles.map(describe)}));
});
