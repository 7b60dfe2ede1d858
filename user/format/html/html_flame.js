// ---- html_flame.js: search, what is said of a frame, and the flame graph.

const found = {key: '', expression: null, literal: false};
const ui = {};
let here = 0; // the node that the keyboard is at, in the flame graph

// ---- search

function expression() {
	const key = S.query + '\0' + S.matchCase;
	if (found.key !== key)
		Object.assign(found, {key, ...expressionOf(S.query, S.matchCase)});
	return found.expression;
}

// By label: does its text match? Null without a search.
function hitsOf(labels) {
	if (!S.query)
		return null;
	const key = S.query + '\0' + S.matchCase + labels.texts.length;
	if (labels.hitsKey !== key) {
		const wanted = expression();
		labels.hitsKey = key;
		labels.hits = Uint8Array.from(labels.texts, text => wanted.test(text) ? 1 : 0);
	}
	return labels.hits;
}

// By node: is it, or is one above it, a hit? What is below several counts once.
function coveredBy(tree, top = 0) {
	const hits = hitsOf(tree.labels), covered = new Uint8Array(tree.count);
	let cpu = 0, samples = 0, nodes = 0;
	for (let i = 1; i < tree.count; i++) {
		const above = covered[tree.parent[i]], hit = hits[tree.label[i]];
		nodes += hit && tree.samples[i] ? 1 : 0;
		covered[i] = above || hit;
		if (hit && !above) {
			cpu += tree.total[i];
			samples += tree.samples[i];
		}
	}
	if (!top)
		return {covered, cpu, samples, nodes};
	cpu = samples = 0;
	const inside = new Uint8Array(tree.count), counted = new Uint8Array(tree.count);
	for (let i = top; i < tree.count; i++) {
		inside[i] = i === top || inside[tree.parent[i]];
		counted[i] = inside[i] && (i !== top && counted[tree.parent[i]] || hits[tree.label[i]]);
		if (counted[i] && (i === top || !counted[tree.parent[i]])) {
			cpu += tree.total[i];
			samples += tree.samples[i];
		}
	}
	return {covered, cpu, samples, nodes};
}

function showMatched() {
	const tree = callTree();
	ui.search.classList.toggle('literal', Boolean(S.query) && Boolean(expression()) && found.literal);
	ui.clear.disabled = !S.query;
	if (!S.query) {
		ui.matched.textContent = '';
		return;
	}
	const all = coveredBy(tree);
	let text = percent(all.cpu, tree.total[0]) + ' matched';
	if (S.zoom && S.view === 'flame')
		text += ', ' + percent(coveredBy(tree, S.zoom).cpu, tree.total[S.zoom]) + ' of zoom';
	ui.matched.textContent = text;
	ui.matched.title = plural(all.samples, 'sample') + ' in ' + plural(all.nodes, 'frame');
}

// ---- what is said of a node

function describe(tree, node, zoom = 0, whole = tree.total[0]) {
	const figures = [percent(tree.total[node], whole), cpuText(tree.total[node]), plural(tree.samples[node], 'sample')];
	if (zoom && tree.depth[node] > tree.depth[zoom])
		figures.splice(1, 0, percent(tree.total[node], tree.total[zoom]) + ' of the zoomed frame');
	if (tree.own[node])
		figures.push('itself ' + percent(tree.own[node], whole) + ', ' + plural(tree.ownSamples[node], 'sample'));
	ui.name.classList.remove('hint');
	ui.name.textContent = tree.text(node);
	ui.figures.textContent = figures.join(' · ');
	aim(tree.labels.fn[tree.label[node]]);
}

function hint(text, figures = '') {
	ui.name.classList.add('hint');
	ui.name.textContent = text;
	ui.figures.textContent = figures;
	aim(0);
}

// The function that "callers and callees" and "source" are about.
function aim(fn) {
	ui.aimed = fn;
	ui.toSandwich.disabled = ui.toSource.disabled = !fn || kindOfFunction(fn) === KIND_MARK;
}

function openSandwich(fn) {
	if (!fn)
		return;
	const g = grouping('function'), frame = D.frame_function.indexOf(fn, 1);
	if (S.view === 'sandwich')
		pair.trail.push(S.focus);
	change({view: 'sandwich', focus: frame > 0 ? g.ofFrame[frame] : -1}, {step: true});
	viewBox().focus();
}

function openSource(fn) {
	if (fn)
		change({view: 'source', file: D.function_file[fn], line: D.function_line[fn]}, {step: true});
}

// ---- the flame graph

const FLAME_HINT = 'Width is the share of CPU time. Click a frame or press Enter to zoom, / to search, ? for all keys.';

// A flame graph that is lower than its place stands on the ground.
function flameRow(tree, depth) {
	const air = Math.max(0, ui.flame.height - tree.rows * ROW - 2);
	return S.icicle ? depth * ROW + 1 : air + (tree.rows - 1 - depth) * ROW + 1;
}

// The keyboard's frame is marked only for who uses the keyboard.
function isMarked(pane) {
	return ui.byKeys && document.activeElement === pane.box;
}

function flameLook(tree) {
	const hits = hitsOf(tree.labels);
	return node => {
		const label = tree.label[node], hit = Boolean(hits && node && hits[label]);
		return {text: tree.labels.texts[label], colour: tree.labels.colour[label], ref: node, hit,
			dim: Boolean(hits) && !hit, here: node === here && isMarked(ui.flame)};
	};
}

function paintFlame(pane) {
	const tree = callTree(), look = flameLook(tree), rowTop = depth => flameRow(tree, depth);
	if (!tree.total[0])
		return paintNothing(pane);
	for (let i = tree.parent[S.zoom]; i >= 0; i = tree.parent[i])
		pane.frame(0, rowTop(tree.depth[i]), pane.width, {...look(i), above: !S.query});
	drawTree(pane, tree, S.zoom, 0, pane.width, rowTop, look);
}

function paintNothing(pane) {
	const words = D.head.samples ? 'Samples were taken, but none that this selection shows.' : 'No samples were taken.';
	pane.pen.fillStyle = pane.inks.quiet;
	pane.pen.font = '13px system-ui, sans-serif';
	pane.pen.fillText(words, 12, pane.top + 28);
	for (const [i, loss] of D.head.losses.slice(0, 12).entries())
		if (!D.head.samples)
			pane.pen.fillText(plural(loss.count, 'tick') + ': ' + (loss.sentence || loss.reason), 12, pane.top + 52 + 20 * i);
}

function zoomTo(node) {
	here = node;
	change({zoom: node}, {step: true});
	ui.flame.reveal(flameRow(callTree(), callTree().depth[node]));
}

function moveTo(node) {
	const tree = callTree();
	here = node;
	ui.flame.box.focus({preventScroll: true});
	ui.flame.reveal(flameRow(tree, tree.depth[node]));
	ui.flame.redraw();
	describe(tree, node, S.zoom);
}

function widestChild(tree, node) {
	let best = node;
	for (let i = tree.childBegin[node]; i < tree.childBegin[node + 1]; i++) {
		const child = tree.childList[i];
		if (tree.total[child] && (best === node || tree.total[child] > tree.total[best]))
			best = child;
	}
	return best;
}

function isBelow(tree, node, top) {
	while (node > top)
		node = tree.parent[node];
	return node === top;
}

// Above the zoomed frame there is one way down: towards it.
function deeper() {
	const tree = callTree();
	if (here !== S.zoom && isBelow(tree, S.zoom, here)) {
		let i = S.zoom;
		while (tree.parent[i] !== here)
			i = tree.parent[i];
		return i;
	}
	return widestChild(tree, here);
}

function shallower() {
	return Math.max(callTree().parent[here], 0);
}

function flameBeside(step) {
	const next = ui.flame.beside(here, step);
	return next ? next.ref : here;
}

// The next frame that the search found, in reading order.
function nextHit(step) {
	const tree = callTree(), hits = hitsOf(tree.labels);
	if (!hits)
		return;
	const shown = ui.flame.boxes.filter(b => hits[tree.label[b.ref]] && b.width >= THIN);
	const at = shown.findIndex(b => b.ref === here);
	if (shown.length)
		moveTo(shown[(at + step + shown.length) % shown.length].ref);
}

const flameKeys = {
	ArrowLeft: () => moveTo(flameBeside(-1)),
	ArrowRight: () => moveTo(flameBeside(1)),
	ArrowUp: () => moveTo(S.icicle ? shallower() : deeper()),
	ArrowDown: () => moveTo(S.icicle ? deeper() : shallower()),
	Enter: () => zoomTo(here),
	' ': () => zoomTo(here),
	Backspace: () => zoomTo(Math.max(callTree().parent[S.zoom], 0)),
	Home: () => zoomTo(0),
	n: () => nextHit(1),
	N: () => nextHit(-1),
};

function buildFlame() {
	const pane = ui.flame = new Pane('flame', 'Flame graph', paintFlame);
	const tree = () => callTree();
	pane.onGround = () => !S.icicle;
	pane.canvas.addEventListener('click', event => {
		const box = pane.at(event);
		if (box)
			zoomTo(box.ref);
	});
	pane.canvas.addEventListener('mousemove', event => {
		const box = pane.at(event);
		pane.canvas.style.cursor = box ? 'pointer' : '';
		pane.canvas.title = box ? tree().text(box.ref) : '';
		if (box)
			describe(tree(), box.ref, S.zoom);
	});
	pane.canvas.addEventListener('mouseleave', flameHint);
	pane.box.addEventListener('focus', () => pane.redraw());
	pane.box.addEventListener('blur', () => pane.redraw());
	return pane.box;
}

function flameHint() {
	const tree = callTree();
	if (S.zoom || document.activeElement === ui.flame.box && here)
		describe(tree, document.activeElement === ui.flame.box ? here : S.zoom, S.zoom);
	else
		hint(FLAME_HINT, cpuText(tree.total[0]) + ' · ' + plural(tree.samples[0], 'sample'));
}

let flameShape = '';

function showFlame() {
	const tree = callTree(), pane = ui.flame, shape = tree.key + S.icicle;
	pane.setHeight(tree.rows * ROW + 2);
	if (here >= tree.count || flameShape !== shape)
		here = S.zoom;
	if (flameShape !== shape)
		pane.box.scrollTop = S.icicle ? 0 : tree.rows * ROW;
	if (flameShape !== shape && S.zoom)
		pane.reveal(flameRow(tree, tree.depth[S.zoom]));
	flameShape = shape;
	flameHint();
	pane.redraw();
}
