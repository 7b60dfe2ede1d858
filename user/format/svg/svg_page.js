// SPDX-License-Identifier: MIT
// ---- svg_page.js: the page of an SVG. It runs when the SVG is a document of its own and replaces the still picture,
// which has no room for all frames, by the flame graph of flame_view.js.

const island = $('data');
// Pasted into another page, or in a browser of before 2023, the still picture stays.
if (document.documentElement.localName !== 'svg' || !island || !CanvasRenderingContext2D.prototype.roundRect)
	return;

const data = JSON.parse(island.textContent), compared = data.compared; // of two recordings; none otherwise
const S = {view: 'flame', query: '', matchCase: false, icicle: data.icicle, zoom: 0, order: 'name', theme: 'auto',
	leaf: data.from_leaf, own: data.from_user};
const initial = {...S};
const tree = buildTree();
const canSkip = !S.leaf && !compared && skips();
let ownTree = null;

function callTree() {
	if (!S.own || !canSkip)
		return tree;
	if (!ownTree) {
		ownTree = treeFromUser(tree);
		ownTree.key = 'own';
		ownTree.from.forEach((node, i) => {
			for (const [sum, had] of [['own', tree.own], ['ownSamples', tree.ownSamples], ['total', data.pruned],
				['samples', data.pruned_samples]])
				ownTree[sum][node] += had[i];
		});
		ownTree.addUp();
	}
	return ownTree;
}

// Is there user code behind frames that are none?
function skips() {
	const kind = tree.labels.colour.map(colour => Math.floor(colour / SHADES)), isInside = new Uint8Array(tree.count);
	return tree.label.some((label, i) => {
		const parent = tree.parent[i];
		isInside[i] = kind[label] === KIND_USER || i && isInside[parent];
		return i && isInside[i] && !isInside[parent] && kind[tree.label[parent]] !== KIND_ROOT;
	});
}

const valueType = () => data.value;
const viewBox = () => ui.flame.box;
const viewKeys = () => flameKeys;
const aim = () => {};
const isOnTop = () => S.icicle;
const turnOver = () => change({icicle: !S.icicle});
const settle = () => {};

// Totals are what nodes have of their own, what their children had that were left out, and what their children have.
function buildTree() {
	const texts = data.texts, labels = {texts, colour: data.colours, fn: texts.map(() => 0)}, t = new Tree(labels), trail = [];
	labels.id = (text, colour) => {
		labels.colour.push(colour);
		labels.fn.push(0);
		return texts.push(text) - 1;
	};
	data.label.forEach((label, i) => {
		const depth = data.depth[i];
		trail[depth] = t.add(depth ? trail[depth - 1] : -1, label);
	});
	t.finish();
	for (const [name, column] of [['own', 'own'], ['total', 'pruned'], ['ownSamples', 'own_samples'], ['samples', 'pruned_samples']])
		t[name].set(data[column]);
	t.addUp();
	t.compare = compared && compareText;
	return t;
}

// A frame in both recordings of a comparison: shares of each, or values.
function compareText(i) {
	const scale = data.value.scale, short = data.value.short && ' ' + data.value.short;
	const part = (values, at) => compared.absolute ? values[at] / scale : values[0] ? 100 * values[at] / values[0] : 0;
	const a = part(compared.a, i), b = part(compared.b, i), by = b - a, sign = by < 0 ? '−' : '+';
	const [unit, points, digits] = compared.absolute ? [short, short, scale === 1 ? 0 : 3] : ['%', ' pp', 2];
	const ratio = a ? sign + Math.abs(100 * by / a).toFixed(0) + '%' : b ? 'new' : '';
	return 'A ' + a.toFixed(digits) + unit + ', B ' + b.toFixed(digits) + unit + ': ' +
		sign + Math.abs(by).toFixed(digits) + points + (ratio ? ', ' + ratio : '');
}

function widthHint() {
	const merged = S.leaf ? 'Each function that was running, and its callers above it, or below it in an icicle. ' : '';
	const what = compared ? 'Red had more of the ' + data.value.sentence + ' in B than in A, blue less, grey is within chance.' :
		'Width is the share of ' + data.value.sentence + '; left to right is the alphabet, not time.';
	return merged + (S.own && canSkip ? 'From where your code begins; u shows the whole. ' : '') + what + ' Click a frame or press Enter to zoom, / to search.';
}

function change(what, {step = false} = {}) {
	if ('own' in what)
		S.zoom = here = 0;
	Object.assign(S, what);
	showAll();
	saveState(step);
}

function stepOut() {
	if (S.query)
		change({query: ''});
	else if (S.zoom)
		zoomTo(0);
}

function showAll() {
	ui.reset.disabled = !S.zoom;
	showFlame();
	showTools();
}

function buildPage() {
	const root = document.documentElement, SVG = root.namespaceURI;
	const command = data.lines[0] && data.lines[0].startsWith('$ ') ? data.lines[0] : '';
	const facts = data.lines.slice(command ? 1 : 0).filter(line => line).join(' · ');
	ui.reset = button('reset', 'Reset zoom', 'Show everything: Home', () => zoomTo(0));
	const app = make('div', {id: 'app'},
		make('header', {class: 'top'}, make('h1', {}, data.title), command && make('p', {class: 'command', title: command}, command),
			make('p', {class: 'facts'}, facts)),
		make('div', {class: 'strip'}, legend(data.legend), buildSearch(), make('div', {class: 'tools'},
			buildOwnButton(canSkip), buildLayoutButton(), ui.reset)),
		make('main', {}, buildFlame()), buildFooter());
	const frame = document.createElementNS(SVG, 'foreignObject');
	$('still').remove();
	for (const name of ['viewBox', 'role'])
		root.removeAttribute(name);
	for (const e of [root, frame])
		e.setAttribute('height', '100%');
	frame.setAttribute('width', '100%');
	frame.append(app);
	root.append(make('meta', {name: 'viewport', content: 'width=device-width'}), frame); // phones take 980 px otherwise
}

readPalettes();
buildPage();
listen(onKey);
restoreState();
