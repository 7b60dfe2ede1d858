// SPDX-License-Identifier: MIT
// ---- flame_view.js: search, the flame graph, its keys, and the same state in the address.
//
// A page defines: S, what is looked at (at least the fields of FIELDS below, `view`, `order`, `leaf`, `theme`; `own`: from
// where the user's code begins);
// initial, the same at the start; callTree(); valueType(); change(what, {step}), which sets S and shows it; showAll();
// viewBox(), what has the keyboard's focus; viewKeys(), key → action; stepOut(), for Esc; aim(fn), told of the function
// that is described; isOnTop(), whether the root is, and turnOver(); widthHint(); settle(), after S was read from the address.

const QUERY_MAX = 300;
const found = {key: '', expression: null, literal: false};
const ui = {};
let here = 0; // the node that the keyboard is at

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

// By node of the subtree of `top`: is it, or one between it and `top`, a hit? A node below several counts once.
function coveredBy(tree, top = 0) {
	const hits = hitsOf(tree.labels), covered = new Uint8Array(tree.count), inside = new Uint8Array(tree.count);
	const sums = {covered, total: 0, samples: 0, nodes: 0};
	for (let i = top; i < tree.count; i++) {
		const above = i > top && covered[tree.parent[i]], hit = i > 0 && hits[tree.label[i]];
		inside[i] = i === top || inside[tree.parent[i]];
		if (!inside[i])
			continue;
		covered[i] = above || hit;
		sums.nodes += hit && tree.total[i] ? 1 : 0;
		if (hit && !above) {
			sums.total += tree.total[i];
			sums.samples += tree.samples[i];
		}
	}
	return sums;
}

function showMatched() {
	const tree = callTree();
	ui.search.classList.toggle('literal', Boolean(S.query) && Boolean(expression()) && found.literal);
	ui.clear.disabled = !S.query;
	ui.matched.textContent = '';
	if (!S.query)
		return;
	const all = coveredBy(tree);
	let text = percent(all.total, tree.total[0]) + ' matched';
	if (S.zoom && S.view === 'flame')
		text += ', ' + percent(coveredBy(tree, S.zoom).total, tree.total[S.zoom]) + ' of zoom';
	ui.matched.textContent = text;
	ui.matched.title = (tree.compare ? '' : plural(all.samples, 'sample') + ' in ') + plural(all.nodes, 'frame');
}

// ---- the words about a node

function figuresOf(tree, node) {
	if (tree.compare)
		return [tree.compare(node), valueText(tree.total[node])];
	return [shareText(tree.total[node], tree.total[0], tree.samples[0]), valueText(tree.total[node]), plural(tree.samples[node], 'sample')];
}

function say(name, figures, fn = 0, isHint = false) {
	ui.name.classList.toggle('hint', isHint);
	ui.name.textContent = name;
	ui.figures.textContent = figures;
	aim(fn);
}

function describe(tree, node, zoom = 0, before = '') {
	const figures = figuresOf(tree, node);
	if (zoom && tree.depth[node] > tree.depth[zoom])
		figures.splice(1, 0, shareText(tree.total[node], tree.total[zoom], tree.samples[zoom]) + ' of the zoomed frame');
	if (tree.own[node] && !tree.compare && !S.leaf)
		figures.push('itself ' + shareText(tree.own[node], tree.total[0], tree.samples[0]) + ', ' + plural(tree.ownSamples[node], 'sample'));
	say(tree.text(node), before + figures.join(' · '), tree.labels.fn[tree.label[node]]);
}

function hint(text, figures = '') {
	say(text, figures, 0, true);
}

// ---- the flame graph

// A flame graph that is lower than its place stands on the ground.
function flameRow(tree, depth) {
	const air = Math.max(0, ui.flame.height - tree.rows * ROW - 2);
	return S.icicle ? depth * ROW + 1 : air + (tree.rows - 1 - depth) * ROW + 1;
}

// The keyboard's frame is outlined only while the keyboard is used.
function showsHere(pane) {
	return ui.byKeys && document.activeElement === pane.box;
}

// How nodes of a tree look: a function of a node. `refOf` names its box.
function lookOf(pane, tree, isHere, refOf = node => node) {
	const hits = hitsOf(tree.labels);
	return node => {
		const label = tree.label[node], hit = Boolean(hits && node && hits[label]), ref = refOf(node);
		return {text: tree.labels.texts[label], colour: tree.labels.colour[label], ref, hit,
			dim: Boolean(hits) && !hit, here: isHere(ref) && showsHere(pane)};
	};
}

function paintFlame(pane) {
	const tree = callTree(), look = lookOf(pane, tree, node => node === here), rowTop = depth => flameRow(tree, depth);
	if (!tree.total[0])
		return paintNothing(pane);
	for (let i = tree.parent[S.zoom]; i >= 0; i = tree.parent[i])
		pane.frame(0, rowTop(tree.depth[i]), pane.width, {...look(i), above: !S.query});
	drawTree(pane, tree, S.zoom, 0, pane.width, rowTop, look);
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
	for (const child of tree.children(node))
		if (tree.total[child] && (best === node || tree.total[child] > tree.total[best]))
			best = child;
	return best;
}

// Above the zoomed frame there is one way down: towards it.
function deeper() {
	const tree = callTree();
	for (let i = S.zoom; i > here; i = tree.parent[i])
		if (tree.parent[i] === here)
			return i;
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
	const shown = ui.flame.boxes.filter(b => b.hit && b.width >= THIN), at = shown.findIndex(b => b.ref === here);
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
	i: () => turnOver(),
	'/': () => { ui.search.focus(); ui.search.select(); },
};

function buildFlame() {
	const pane = ui.flame = new Pane('flame', 'Flame graph', paintFlame);
	pane.onGround = () => !S.icicle;
	pane.listen({
		click: box => zoomTo(box.ref),
		over: box => box ? describe(callTree(), box.ref, S.zoom) : flameHint(),
		title: box => callTree().text(box.ref) + ' (' + figuresOf(callTree(), box.ref).join(' · ') + ')',
	});
	return pane.box;
}

function flameHint() {
	const tree = callTree();
	if (S.zoom || showsHere(ui.flame) && here)
		describe(tree, showsHere(ui.flame) ? here : S.zoom, S.zoom);
	else
		hint(widthHint(), figuresOf(tree, 0).slice(tree.compare ? 0 : 1).join(' · '));
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

// ---- what is around it

function buildSearch() {
	ui.search = make('input', {type: 'search', id: 'search', maxlength: QUERY_MAX, placeholder: 'Search (regular expression)',
		spellcheck: 'false', autocomplete: 'off', 'aria-label': 'Search, a regular expression', title: 'Search: /'});
	let timer = 0;
	const searchNow = () => {
		clearTimeout(timer);
		if (ui.search.value !== S.query)
			change({query: ui.search.value});
	};
	ui.search.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(searchNow, 60);
	});
	ui.search.addEventListener('change', searchNow); // Enter does not wait
	ui.caseButton = button('case', 'Aa', 'Match upper and lower case', () => change({matchCase: !S.matchCase}));
	ui.clear = button('clear', 'Clear', 'Clear the search: Esc', () => change({query: ''}));
	ui.matched = make('output', {id: 'matched', class: 'matched', 'aria-live': 'polite'});
	return make('div', {class: 'tools search', role: 'search'}, ui.search, ui.caseButton, ui.clear, ui.matched);
}

// `can`: is there anything before the user's code?
function buildOwnButton(can) {
	ui.own = button('own', 'From your code', 'Begin where your code begins, or where threads do: u', () => change({own: !S.own}));
	ui.own.hidden = !can;
	flameKeys.u = () => can && change({own: !S.own});
	return ui.own;
}

function buildLayoutButton() {
	return ui.icicle = button('layout', '', 'Turn it over: i', () => turnOver());
}

// `names`: [kind, text, shade] of what frames are of; without a shade it is the heading of those that follow
function legend(names) {
	return make('div', {class: 'legend', 'aria-hidden': 'true'}, names.map(([kind, name, shade]) =>
		make('span', {}, shade === undefined ? null : make('span', {class: 'swatch', 'data-colour': kind * SHADES + shade}), name)));
}

function buildFooter(...buttons) {
	ui.name = make('span', {id: 'name', class: 'name'});
	ui.figures = make('span', {id: 'figures', class: 'figures'});
	return make('footer', {}, make('div', {class: 'words', 'aria-live': 'polite'}, ui.name, ui.figures), buttons);
}

// Everything of the above that shows state.
function showTools() {
	if (ui.search.value !== S.query)
		ui.search.value = S.query;
	ui.caseButton.setAttribute('aria-pressed', String(S.matchCase));
	ui.own.setAttribute('aria-pressed', String(S.own));
	ui.icicle.textContent = isOnTop() ? 'Flame' : 'Icicle';
	for (const swatch of document.querySelectorAll('.legend .swatch'))
		swatch.style.background = fills()[Number(swatch.dataset.colour)];
	showMatched();
}

// ---- the keyboard

function onKey(event) {
	const typing = event.target === ui.search, control = event.ctrlKey || event.metaKey;
	const tag = event.target.localName, act = viewKeys()[event.key];
	const isControl = tag === 'button' && 'Enter '.includes(event.key) || tag === 'select';
	if (control && event.key.toLowerCase() === 'f' && !typing) {
		flameKeys['/'](); // a second Ctrl-F is the browser's own
	} else if (control || event.altKey) {
		return;
	} else if (event.key === 'Escape') {
		if (typing)
			viewBox().focus({preventScroll: true});
		stepOut();
	} else if (typing && event.key === 'Enter') {
		viewBox().focus({preventScroll: true});
	} else if (typing || isControl || !act) {
		return;
	} else {
		act();
	}
	event.preventDefault();
}

function listen(key) {
	document.addEventListener('keydown', key);
	document.addEventListener('keydown', event => { ui.byKeys = event.key.startsWith('Arrow') || ui.byKeys; }, true);
	document.addEventListener('pointerdown', () => { ui.byKeys = false; }, true);
	window.addEventListener('popstate', restoreState);
	window.addEventListener('hashchange', restoreState);
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', showAll);
}

// ---- the address: a link shows the same view, also of another file of that program

// name in the address → how to read and write it; null: as it is at the start
const FIELDS = {
	case: flag('matchCase'),
	own: flag('own'),
	layout: {
		get: () => S.icicle === initial.icicle ? null : S.icicle ? 'icicle' : 'flame',
		set: text => { S.icicle = text ? text === 'icicle' : initial.icicle; },
	},
	search: {get: () => S.query || null, set: text => { S.query = (text || '').slice(0, QUERY_MAX); }},
	zoom: {
		get: () => S.zoom ? (callTree().paths()[S.zoom] >>> 0).toString(16) : null,
		set: text => { S.zoomPath = text ? parseInt(text, 16) | 0 : 0; },
	},
};

function flag(name) {
	return {
		get: () => S[name] === initial[name] ? null : S[name] ? '1' : '0',
		set: text => { S[name] = text === null ? initial[name] : text === '1'; },
	};
}

function nodeWithPath(path) {
	return path ? Math.max(0, callTree().paths().indexOf(path)) : 0;
}

function saveState(isStep) {
	const words = new URLSearchParams();
	for (const key in FIELDS) {
		const text = FIELDS[key].get();
		if (text !== null && text !== undefined)
			words.set(key, text);
	}
	const hash = '#' + words;
	if (hash === (location.hash || '#'))
		return;
	try {
		history[isStep ? 'pushState' : 'replaceState'](null, '', hash);
	} catch (e) {
		location.hash = hash; // viewers that forbid history
	}
}

function restoreState() {
	const words = new URLSearchParams(location.hash.slice(1));
	for (const key in FIELDS)
		FIELDS[key].set(words.get(key));
	settle();
	S.zoom = here = nodeWithPath(S.zoomPath);
	showAll();
	if (S.zoom)
		ui.flame.reveal(flameRow(callTree(), callTree().depth[S.zoom]));
}
