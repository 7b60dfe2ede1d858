// The page of a flame graph. Runs when the SVG is a document of its own: it replaces the still
// picture by a page that follows the window, and draws from the data only what is in sight, so that
// 100,000 frames zoom at once. Names reach the page as text nodes and attribute values only, nothing
// is ever parsed as markup or code.
(function () {
'use strict';
const root = document.documentElement;
const island = document.getElementById('data');
if (root.localName !== 'svg' || !island)
	return; // pasted into another page: the still picture stays

const SVG = root.namespaceURI, XHTML = 'http://www.w3.org/1999/xhtml';
const ROW = 18;        // as in svg_still.h
const THIN = 3;        // px; narrower frames are drawn together
const HIDE = 0.15;     // px; narrower ones not at all
const TOUCH = 0.8;     // px; thin frames closer than this are drawn as one
const OVERSCAN = 200;  // px drawn above and below what is in sight
const KINDS = [['u', 'your code'], ['l', 'standard library'], ['s', 'site-packages'],
	['m', 'marks'], ['r', 'roots'],
	['p', 'more CPU time in B'], ['n', 'less'], ['e', 'no change beyond chance']];
const MERGED = 'Each function that was running, and its callers above it, or below it in an icicle. ';
const COMPARED = 'Red had more of the CPU time in B than in A, blue less, grey is within chance. ' +
	'Click a frame or press Enter to zoom, / to search.';
const HINT = 'Width is the share of CPU time; left to right is the alphabet, not time. ' +
	'Click a frame or press Enter to zoom, / to search.';

const data = JSON.parse(island.textContent);
const compared = data.compared; // of two recordings; none otherwise
const label = data.label, depth = data.depth, own = data.own; // CPU time in ns
const count = label.length;
const total = Float64Array.from(data.pruned), samples = Float64Array.from(data.pruned_samples);
const parent = new Int32Array(count), end = new Int32Array(count);
const left = new Float64Array(count), path = new Int32Array(count);
const classes = data.colours.map(colourClass);
const looks = classes.map(c => kindClass(c[0])); // of a kind as a whole
let rows = 0;

const state = {zoom: 0, query: '', matchCase: false, icicle: data.icicle};
let here = 0;                            // the frame the keyboard is at
let hits = null, matched = null;         // by text; what the search found
let letter = 6.6, pen = null;            // px of a letter; a canvas that measures other texts
let drawn = {from: 0, to: -1, width: 0}; // px of the pane's content that are drawn

// ---- data

function colourClass(colour) {
	return kindClass(KINDS[Math.floor(colour / data.shades)][0], colour % data.shades);
}

function kindClass(kind, shade = 5) {
	return 'ulspn'.includes(kind) ? kind + shade : kind;
}

// FNV-1a, as a number that is the same wherever the same names stand above each other.
function hashText(hash, text) {
	for (let i = 0; i < text.length; i++)
		hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
	return hash;
}

function readModel() {
	const texts = data.texts.map(text => hashText(-2128831035, text));
	const open = [], edge = [0];
	for (let i = 0; i < count; i++) {
		const d = depth[i];
		while (open.length > d)
			end[open.pop()] = i;
		parent[i] = d ? open[d - 1] : -1;
		path[i] = Math.imul((d ? path[parent[i]] : 0) ^ texts[label[i]], 16777619) ^ d;
		open.push(i);
		rows = Math.max(rows, d + 1);
	}
	while (open.length)
		end[open.pop()] = count;
	for (let i = count - 1; i >= 0; i--) {
		total[i] += own[i];
		samples[i] += data.own_samples[i];
		if (i) {
			total[parent[i]] += total[i];
			samples[parent[i]] += samples[i];
		}
	}
	for (let i = 0; i < count; i++) {
		left[i] = edge[depth[i]];
		edge[depth[i]] += total[i];
		edge[depth[i] + 1] = left[i];
	}
}

const textOf = i => data.texts[label[i]];
const percent = (part, whole) => (100 * part / whole).toFixed(2) + '%';
const plural = (n, what) => n.toLocaleString('en') + ' ' + what + (n === 1 ? '' : 's');
const seconds = i => {
	const s = total[i] / 1e9;
	return (s < 10 ? s.toFixed(3) : s.toFixed(1)) + ' CPU s';
};
const figuresOf = i => [percent(total[i], total[0]), seconds(i), plural(samples[i], 'sample')];
const tooltip = i => textOf(i) + ' (' + (compared ? compareText(i) : figuresOf(i).join(' · ')) + ')';

// What a frame had in both recordings of a comparison: shares of each, or seconds.
function compareText(i) {
	const part = (times, at) => compared.absolute ? times[at] / compared.units_per_second :
		times[0] ? 100 * times[at] / times[0] : 0;
	const a = part(compared.a, i), b = part(compared.b, i), by = b - a;
	const [unit, points] = compared.absolute ? [' s', ' s'] : ['%', ' pp'];
	const sign = by < 0 ? '−' : '+', digits = compared.absolute ? 3 : 2;
	const ratio = a ? sign + Math.abs(100 * by / a).toFixed(0) + '%' : b ? 'new' : '';
	return 'A ' + a.toFixed(digits) + unit + ', B ' + b.toFixed(digits) + unit + ': ' +
		sign + Math.abs(by).toFixed(digits) + points + (ratio ? ', ' + ratio : '');
}

// ---- elements

function make(space, name, attributes, parts) {
	const e = document.createElementNS(space, name);
	for (const key in attributes)
		e.setAttribute(key, attributes[key]);
	for (const part of parts || [])
		e.append(part); // strings become text nodes
	return e;
}
const svg = (name, attributes, parts) => make(SVG, name, attributes, parts);
const html = (name, attributes, parts) => make(XHTML, name, attributes, parts);

function button(id, text, title, act) {
	const b = html('button', {type: 'button', id, title}, [text]);
	b.addEventListener('click', act);
	return b;
}

const ui = {};

function buildPage() {
	ui.search = html('input', {type: 'search', id: 'search', maxlength: '300',
		placeholder: 'Search (regular expression)', spellcheck: 'false',
		autocomplete: 'off', 'aria-label': 'Search, a regular expression'});
	ui.find = button('find', 'Search', 'Search: / or Ctrl-F; Esc clears', () => {
		ui.search.focus();
		ui.search.select();
	});
	ui.matchCase = button('case', 'Aa', 'Match upper and lower case',
		() => setSearch(state.query, !state.matchCase));
	ui.clear = button('clear', 'Clear', 'Clear the search: Esc',
		() => setSearch('', state.matchCase));
	ui.reset = button('reset', 'Reset zoom', 'Show everything: Home', () => zoomTo(0));
	ui.layout = button('layout', '', 'Turn the graph over: i', () => setLayout(!state.icicle));
	ui.matched = html('output', {id: 'matched', class: 'matched', 'aria-live': 'polite'});
	ui.name = html('span', {class: 'name', id: 'name'});
	ui.figures = html('span', {class: 'figures', id: 'figures'});
	ui.canvas = svg('svg', {class: 'frames', height: rows * ROW + 2});
	ui.pane = html('div', {id: 'pane', tabindex: '0', role: 'tree', 'aria-label': 'Frames',
		'aria-activedescendant': 'here'}, [ui.canvas]);
	const command = data.lines[0] && data.lines[0].startsWith('$ ') ? data.lines[0] : '';
	const facts = data.lines.slice(command ? 1 : 0).filter(line => line).join(' · ');
	const words = html('header', {}, [html('h1', {}, [data.title])]);
	if (command)
		words.append(html('p', {class: 'command'}, [command]));
	words.append(html('p', {class: 'facts'}, [facts]));
	const tools = html('div', {class: 'tools', role: 'toolbar'},
		[ui.search, ui.matchCase, ui.find, ui.clear, ui.layout, ui.reset]);
	const page = html('div', {id: 'page'}, [
		words,
		html('div', {class: 'strip'}, [legend(), ui.matched, tools]),
		ui.pane,
		html('footer', {'aria-live': 'polite'}, [ui.name, ui.figures])]);
	document.getElementById('still').remove();
	root.removeAttribute('viewBox');
	root.removeAttribute('role');
	root.setAttribute('height', '100%');
	root.append(html('meta', {name: 'viewport', content: 'width=device-width'})); // phones take 980 px otherwise
	root.append(svg('foreignObject', {x: '0', y: '0', width: '100%', height: '100%'}, [page]));
}

function legend() {
	const used = new Set(classes.map(c => c[0])), box = html('div', {class: 'legend'});
	for (const [kind, name] of KINDS) {
		if (!used.has(kind))
			continue;
		const swatch = svg('rect', {width: 11, height: 11, rx: 3, class: kindClass(kind)});
		box.append(html('span', {}, [svg('svg', {}, [swatch]), name]));
	}
	return box;
}

// ---- drawing

const rowTop = d => (state.icicle ? d : rows - 1 - d) * ROW + 1;

// As much of `text` as `width` px hold.
function fit(text, width) {
	const room = Math.floor(width / letter);
	if (room < 3)
		return '';
	if (/^[\x20-\x7e]*$/.test(text))
		return text.length <= room ? text : text.slice(0, room - 1) + '…';
	if (pen.measureText(text).width <= width)
		return text;
	const letters = Array.from(text).slice(0, room);
	while (letters.length && pen.measureText(letters.join('') + '…').width > width)
		letters.pop();
	return letters.length ? letters.join('') + '…' : '';
}

function textElement(i, x, y, width) {
	const e = svg('text', {x: x + 3.5, y: y + 12.5});
	const text = fit(textOf(i), width - 7);
	const at = classes[label[i]] === 'r' ? -1 : text.lastIndexOf(' (');
	if (!text)
		return null;
	e.append(at > 0 ? text.slice(0, at) : text);
	if (at > 0)
		e.append(svg('tspan', {}, [text.slice(at)])); // the place reads best set apart
	return e;
}

// Cloned per frame, which is quicker than building each.
const template = svg('g', {}, [svg('rect', {height: ROW - 1, rx: 2})]);
const tenth = x => Math.round(x * 10) / 10;

function frameElement(i, x, width, extra) {
	const g = template.cloneNode(true), rect = g.firstChild, y = rowTop(depth[i]);
	g.frame = i;
	g.setAttribute('class', 'frame' + extra + (hits && i && hits[label[i]] ? ' hit' : ''));
	rect.setAttribute('class', classes[label[i]]);
	rect.setAttribute('x', tenth(x));
	rect.setAttribute('y', y);
	rect.setAttribute('width', Math.max(0.5, tenth(width - 0.6)));
	if (width > 7 + 3 * letter) {
		addTitle(g);
		g.append(textElement(i, x, y, width) || '');
	}
	if (i === here)
		markHere(g);
	return g;
}

// Narrow frames get theirs when the pointer comes: most never do.
function addTitle(g) {
	if (g.firstChild.localName !== 'title')
		g.prepend(svg('title', {}, [tooltip(g.frame)]));
}

function markHere(g) {
	addTitle(g);
	g.classList.add('here');
	g.setAttribute('role', 'treeitem');
	g.id = 'here';
}

// Draws thin frames that touch as one strip, and all strips of a colour as one path: it is elements
// that cost time.
function Strips(box) {
	const open = [], paths = {};
	const close = s => {
		if (s)
			(paths[s.look] = paths[s.look] || []).push(
				'M', tenth(s.from), ' ', rowTop(s.depth),
				'h', Math.max(0.3, tenth(s.to - s.from)),
				'v', ROW - 1, 'H', tenth(s.from), 'z');
	};
	this.add = (d, x, width, look) => {
		const s = open[d];
		if (s && x <= s.to + TOUCH && (s.look === look || s.to - s.from < THIN)) {
			s.to = x + width;
			if (look === 'hit')
				s.look = look;
		} else {
			close(s);
			open[d] = {from: x, to: x + width, depth: d, look};
		}
	};
	this.finish = () => {
		open.forEach(close);
		for (const look in paths)
			box.append(svg('path', {class: look, d: paths[look].join('')}));
	};
}

function draw() {
	const width = ui.pane.clientWidth, z = state.zoom, scale = width / total[z];
	const from = ui.pane.scrollTop - OVERSCAN;
	const to = ui.pane.scrollTop + ui.pane.clientHeight + OVERSCAN;
	const frames = document.createDocumentFragment();
	const thin = svg('g', {class: 'thin'}), strips = new Strips(thin);
	const inSight = d => rowTop(d) >= from - ROW && rowTop(d) <= to;
	for (let i = parent[z]; i >= 0; i = parent[i])
		if (inSight(depth[i]))
			frames.append(frameElement(i, 0, width, ' above'));
	for (let i = z; i < end[z];) {
		const x = (left[i] - left[z]) * scale, w = total[i] * scale;
		if (w < HIDE) {
			i = end[i];
			continue;
		}
		if (inSight(depth[i])) {
			if (w >= THIN)
				frames.append(frameElement(i, x, w, ''));
			else
				strips.add(depth[i], x, w,
					hits && hits[label[i]] ? 'hit' : looks[label[i]]);
		}
		i++;
	}
	strips.finish();
	ui.canvas.replaceChildren(thin, frames);
	drawn = {from, to, width};
	}

// On paper, what is in sight as wide as the paper: it was drawn for the window.
function setPaper(isPaper) {
	if (isPaper)
		ui.canvas.setAttribute('viewBox', [0, ui.pane.scrollTop, drawn.width, ui.pane.clientHeight].join(' '));
	else
		ui.canvas.removeAttribute('viewBox');
}

// After scrolling and resizing: draws again when what is in sight is not drawn yet, or not as wide.
function refresh() {
	const top = ui.pane.scrollTop, bottom = top + ui.pane.clientHeight;
	if (ui.canvas.hasAttribute('viewBox'))
		return;
	if (ui.pane.clientWidth !== drawn.width ||
	    top < drawn.from + ROW || bottom > drawn.to - ROW)
		draw();
}

function reveal(i) {
	const y = rowTop(depth[i]), pane = ui.pane;
	if (y < pane.scrollTop + ROW)
		pane.scrollTop = y - 2 * ROW;
	else if (y + 2 * ROW > pane.scrollTop + pane.clientHeight)
		pane.scrollTop = y + 3 * ROW - pane.clientHeight;
}

function describe(i) {
	const hint = i === null && !state.zoom;
	ui.name.classList.toggle('hint', hint);
	if (i === null) {
		i = state.zoom;
		if (hint) {
			ui.name.textContent = (data.from_leaf ? MERGED : '') + (compared ? COMPARED : HINT);
			ui.figures.textContent = compared ? compareText(0) :
				seconds(0) + ' · ' + plural(samples[0], 'sample');
			return;
		}
	}
	const figures = compared ? [compareText(i), seconds(i)] : figuresOf(i);
	if (state.zoom && depth[i] > depth[state.zoom])
		figures.splice(1, 0, percent(total[i], total[state.zoom]) + ' of the zoomed frame');
	if (own[i] && !data.from_leaf && !compared)
		figures.push('itself ' + percent(own[i], total[0]) + ', ' +
			plural(data.own_samples[i], 'sample'));
	ui.name.textContent = textOf(i);
	ui.figures.textContent = figures.join(' · ');
}

// ---- zoom, layout, search

function zoomTo(i, quietly) {
	state.zoom = here = i;
	ui.reset.disabled = !i;
	reveal(i);
	draw();
	describe(null);
	showMatched();
	if (!quietly)
		saveState(true);
}

function setLayout(icicle, quietly) {
	state.icicle = icicle;
	ui.layout.textContent = icicle ? 'Flame' : 'Icicle';
	ui.pane.scrollTop = icicle ? 0 : rows * ROW;
	reveal(state.zoom);
	if (quietly)
		return;
	draw();
	saveState(false);
}

// What is no expression is searched for as it is: `main (app.py` should be found.
function compile(query, matchCase) {
	const flags = matchCase ? '' : 'i';
	try {
		return {expression: new RegExp(query, flags), literal: false};
	} catch (e) {
		const escaped = query.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
		return {expression: new RegExp(escaped, flags), literal: true};
	}
}

// What is at or below a matching frame, counted once, in the subtree of `top`: CPU time, or samples.
function matchedIn(top, of = total) {
	let sum = 0;
	for (let i = top || 1; i < end[top];) {
		if (hits[label[i]]) {
			sum += of[i];
			i = end[i];
		} else {
			i++;
		}
	}
	return sum;
}

function search() {
	hits = matched = null;
	if (!state.query)
		return false;
	const {expression, literal} = compile(state.query, state.matchCase);
	let frames = 0;
	hits = Uint8Array.from(data.texts, text => expression.test(text) ? 1 : 0);
	for (let i = 1; i < count; i++)
		frames += hits[label[i]];
	matched = {ns: matchedIn(0), samples: matchedIn(0, samples), frames};
	return literal;
}

function showMatched() {
	if (!matched) {
		ui.matched.textContent = '';
		return;
	}
	let text = percent(matched.ns, total[0]) + ' matched';
	if (state.zoom)
		text += ', ' + percent(matchedIn(state.zoom), total[state.zoom]) + ' of zoom';
	ui.matched.textContent = text;
	ui.matched.title = (compared ? '' : plural(matched.samples, 'sample') + ' in ') +
		plural(matched.frames, 'frame');
}

function setSearch(query, matchCase, quietly) {
	state.query = query;
	state.matchCase = matchCase;
	if (ui.search.value !== query)
		ui.search.value = query;
	ui.search.classList.toggle('literal', search());
	ui.matchCase.setAttribute('aria-pressed', String(matchCase));
	ui.clear.disabled = !query;
	ui.pane.classList.toggle('searching', Boolean(query));
	showMatched();
	if (quietly)
		return;
	draw();
	saveState(false);
}

// ---- state in the fragment: a link shows the same view, also of another file of that program

function saveState(isStep) {
	const s = new URLSearchParams();
	if (state.zoom)
		s.set('zoom', (path[state.zoom] >>> 0).toString(16));
	if (state.query)
		s.set('search', state.query);
	if (state.matchCase)
		s.set('case', '1');
	if (state.icicle !== data.icicle)
		s.set('layout', state.icicle ? 'icicle' : 'flame');
	const hash = '#' + s;
	if (hash === (location.hash || '#'))
		return;
	try {
		history[isStep ? 'pushState' : 'replaceState'](null, '', hash);
	} catch (e) {
		location.hash = hash; // viewers that forbid history
	}
}

function restoreState() {
	const s = new URLSearchParams(location.hash.slice(1));
	const wanted = parseInt(s.get('zoom') || '', 16) | 0;
	const zoom = s.get('zoom') ? path.indexOf(wanted) : 0;
	setLayout(s.get('layout') ? s.get('layout') === 'icicle' : data.icicle, true);
	setSearch((s.get('search') || '').slice(0, 300), s.get('case') === '1', true);
	zoomTo(Math.max(zoom, 0), true);
}

// ---- keyboard

// The nearest frame of the same row that is drawn one by one, to the left (-1) or right (1).
function neighbour(step) {
	const least = THIN * total[state.zoom] / ui.pane.clientWidth;
	let i = step > 0 ? end[here] : here - 1;
	for (; i > state.zoom && i < end[state.zoom]; i += step)
		if (depth[i] === depth[here] && total[i] >= least)
			return i;
	return here;
}

function widestChild() {
	let best = here;
	for (let i = here + 1; i < end[here]; i = end[i])
		if (best === here || total[i] > total[best])
			best = i;
	return best;
}

// Above the zoomed frame there is one way down: towards it.
function deeper() {
	if (here >= state.zoom)
		return widestChild();
	let i = state.zoom;
	while (parent[i] !== here)
		i = parent[i];
	return i;
}

function moveTo(i) {
	here = i;
	reveal(i);
	draw();
	describe(i);
}

const keys = {
	ArrowLeft: () => moveTo(neighbour(-1)),
	ArrowRight: () => moveTo(neighbour(1)),
	ArrowUp: () => moveTo(state.icicle ? Math.max(parent[here], 0) : deeper()),
	ArrowDown: () => moveTo(state.icicle ? deeper() : Math.max(parent[here], 0)),
	Enter: () => zoomTo(here),
	' ': () => zoomTo(here),
	Backspace: () => zoomTo(Math.max(parent[state.zoom], 0)),
	Home: () => zoomTo(0),
	i: () => setLayout(!state.icicle),
	'/': () => ui.find.click(),
};

function clearOrReset() {
	if (state.query)
		setSearch('', state.matchCase);
	else if (state.zoom)
		zoomTo(0);
}

function onKey(event) {
	const typing = event.target === ui.search, control = event.ctrlKey || event.metaKey;
	const pressing = event.target.localName === 'button' && 'Enter '.includes(event.key);
	if (control && !event.altKey && event.key.toLowerCase() === 'f' && !typing) {
		ui.find.click(); // a second Ctrl-F is the browser's own
	} else if (control || event.altKey) {
		return;
	} else if (event.key === 'Escape') {
		clearOrReset();
		if (typing)
			ui.pane.focus();
	} else if (typing || pressing) {
		return;
	} else if (keys[event.key]) {
		keys[event.key]();
	} else {
		return;
	}
	event.preventDefault();
}

// ---- start

function frameAt(event) {
	const g = event.target.closest ? event.target.closest('.frame') : null;
	return g ? g.frame : null;
}

function listen() {
	let timer = 0;
	const searchNow = () => {
		clearTimeout(timer);
		setSearch(ui.search.value, state.matchCase);
	};
	ui.canvas.addEventListener('click', event => {
		const i = frameAt(event);
		if (i !== null)
			zoomTo(i);
	});
	ui.canvas.addEventListener('pointerover', event => {
		const i = frameAt(event);
		if (i !== null)
			addTitle(event.target.closest('.frame'));
		describe(i);
	});
	ui.canvas.addEventListener('pointerleave', () => describe(null));
	ui.search.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(searchNow, 60);
	});
	ui.search.addEventListener('change', searchNow); // Enter does not wait
	ui.pane.addEventListener('scroll', () => requestAnimationFrame(refresh));
	document.addEventListener('keydown', onKey);
	window.addEventListener('hashchange', restoreState);
	window.addEventListener('popstate', restoreState);
	window.addEventListener('beforeprint', () => setPaper(true));
	window.addEventListener('afterprint', () => setPaper(false));
	new ResizeObserver(refresh).observe(ui.pane);
}

function measure() {
	const probe = svg('text', {}, ['m'.repeat(100)]);
	ui.canvas.append(probe);
	letter = probe.getComputedTextLength() / 100 || letter;
	pen = html('canvas', {}).getContext('2d');
	pen.font = getComputedStyle(probe).font;
	probe.remove();
}

readModel();
buildPage();
measure();
listen();
restoreState();
})();
