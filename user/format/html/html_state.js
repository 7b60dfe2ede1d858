// ---- html_state.js: what is being looked at, and the same in the address: a link shows the same view, also of
// another file of that program.

const VIEWS = ['flame', 'time', 'sandwich', 'table', 'source'];
const MODES = ['line', 'function', 'name'];
const ROOTS = ['none', 'process', 'thread'];
const GROUPS = ['function', 'line', 'file', 'module'];
const ORDERS = ['heavy', 'name'];
const THEMES = ['auto', 'light', 'dark'];
const SORTS = ['own', 'total', 'name', 'place'];
const QUERY_MAX = 300;

const S = {
	view: 'flame', mode: 'line', roots: 'process', group: 'function', order: 'heavy', theme: 'auto', sort: 'own',
	up: false, gil: false, leaf: false, full: false, icicle: false, query: '', matchCase: false,
	range: null,        // slices [from, to), or null: all
	hidden: new Set(),  // threads
	zoom: 0,            // node of the call tree
	focus: -1,          // function group of the sandwich
	file: 0, line: 0,   // text id of the source; line to go to
};
let initial = {};

function initState() {
	const v = D.head.view;
	S.mode = v.no_lines ? 'name' : v.by_function ? 'function' : 'line';
	S.roots = v.threads ? 'thread' : 'process';
	S.gil = v.gil_only;
	S.leaf = v.from_leaf;
	S.full = v.full_filenames;
	S.icicle = v.icicle;
	initial = {...S};
}

// name in the address → how to read and write it
const FIELDS = {
	view: choice('view', VIEWS), mode: choice('mode', MODES), roots: choice('roots', ROOTS),
	group: choice('group', GROUPS), order: choice('order', ORDERS), theme: choice('theme', THEMES),
	sort: choice('sort', SORTS), up: flag('up'), gil: flag('gil'), leaf: flag('leaf'), full: flag('full'),
	case: flag('matchCase'),
	layout: {
		get: () => S.icicle === initial.icicle ? null : S.icicle ? 'icicle' : 'flame',
		set: text => { S.icicle = text ? text === 'icicle' : initial.icicle; },
	},
	search: {get: () => S.query || null, set: text => { S.query = (text || '').slice(0, QUERY_MAX); }},
	time: {
		get: () => S.range && S.range.map(i => (i * sliceSeconds()).toFixed(4)).join('-'),
		set: text => {
			const ends = (text || '').split('-').map(part => Math.round(parseFloat(part) / sliceSeconds()));
			S.range = ends.length === 2 ? cutRange(ends[0], ends[1]) : null;
		},
	},
	hide: {
		get: () => S.hidden.size ? packIds(S.hidden) : null,
		set: text => { S.hidden = unpackIds(text || '', D.head.threads.length); },
	},
	zoom: {
		get: () => S.zoom ? (callTree().pathOf(S.zoom) >>> 0).toString(16) : null,
		set: text => { S.zoomPath = text ? parseInt(text, 16) | 0 : 0; },
	},
	focus: {
		get: () => S.focus < 0 ? null : (hashText(focusText(S.focus)) >>> 0).toString(16),
		set: text => { S.focus = text ? groupWithHash(parseInt(text, 16) | 0) : -1; },
	},
	file: {
		get: () => S.file ? D.texts[S.file] : null,
		set: text => { S.file = text ? Math.max(0, D.texts.indexOf(text)) : 0; },
	},
};

function choice(name, values) {
	return {
		get: () => S[name] === initial[name] ? null : S[name],
		set: text => { S[name] = values.includes(text) ? text : initial[name]; },
	};
}

function flag(name) {
	return {
		get: () => S[name] === initial[name] ? null : S[name] ? '1' : '0',
		set: text => { S[name] = text === null ? initial[name] : text === '1'; },
	};
}

function focusText(group) {
	const g = grouping('function');
	return g.name[group] + '\0' + g.place[group];
}

function groupWithHash(hash) {
	const g = grouping('function');
	for (let i = 0; i < g.count; i++)
		if (hashText(focusText(i)) === hash)
			return i;
	return -1;
}

// "1-3.7" for {1, 2, 3, 7}
function packIds(ids) {
	const out = [], sorted = [...ids].sort((a, b) => a - b);
	for (let i = 0; i < sorted.length; i++) {
		const first = sorted[i];
		while (sorted[i + 1] === sorted[i] + 1)
			i++;
		out.push(first === sorted[i] ? first : first + '-' + sorted[i]);
	}
	return out.join('.');
}

function unpackIds(text, below) {
	const ids = new Set();
	for (const part of text.split('.').filter(word => word)) {
		const [first, last] = part.split('-').map(Number);
		for (let i = first; i <= (last || first) && i < below; i++)
			ids.add(i);
	}
	return ids;
}

// At least one slice and inside the recording; null when it is all of it.
function cutRange(from, to) {
	if (!(D.slices > 0) || !Number.isFinite(from) || !Number.isFinite(to))
		return null;
	const first = Math.min(Math.max(0, Math.min(from, to)), D.slices - 1);
	const end = Math.max(first + 1, Math.min(D.slices, Math.max(from, to)));
	return first === 0 && end === D.slices ? null : [first, end];
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
	for (const key of ['full', 'mode']) // the others' names depend on these
		FIELDS[key].set(words.get(key));
	for (const key in FIELDS)
		FIELDS[key].set(words.get(key));
	weigh();
	S.zoom = S.zoomPath ? callTree().withPath(S.zoomPath) : 0;
	showAll();
}

// What a change makes necessary: weights anew, another tree, or only another look.
const WEIGHT_KEYS = new Set(['range', 'hidden', 'gil']);
const TREE_KEYS = new Set(['mode', 'full', 'roots', 'leaf']);

function change(what, {step = false, quiet = false} = {}) {
	const keys = Object.keys(what), needs = set => keys.some(key => set.has(key));
	const path = needs(TREE_KEYS) && S.zoom ? callTree().pathOf(S.zoom) : 0;
	const focus = 'full' in what && S.focus >= 0 ? grouping('function').fn[S.focus] : 0;
	Object.assign(S, what);
	if (needs(WEIGHT_KEYS))
		weigh();
	if (needs(TREE_KEYS))
		S.zoom = path ? callTree().withPath(path) : 0;
	if (focus)
		S.focus = grouping('function').fn.indexOf(focus);
	showAll();
	if (!quiet)
		saveState(step);
}
