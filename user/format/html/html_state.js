// SPDX-License-Identifier: MIT
// ---- html_state.js: the state of the page, and its fields in the address besides those of flame_view.js.

const MODES = ['line', 'function', 'name'];
const ROOTS = ['none', 'container', 'program', 'process', 'thread'];
const GROUPS = ['function', 'line', 'file', 'module'];
const ORDERS = ['heavy', 'name'];
const THEMES = ['auto', 'light', 'dark'];
const SORTS = ['own', 'total', 'name', 'place'];

const S = {
	view: 'flame', mode: 'line', roots: 'process', group: 'function', order: 'heavy', theme: 'auto', sort: 'own',
	up: false, gil: false, leaf: false, full: false, icicle: false, own: false, query: '', matchCase: false,
	type: 0,            // the value type
	range: null,        // slices [from, to), or null: all
	wholeTime: false,   // the time order of all, too, instead of the busiest span
	timeFlame: false,   // the time order with its roots at the bottom
	hidden: new Set(),  // threads
	without: new Set(), // kinds of frames
	idle: false,        // with waits of threads that have nothing to do
	zoom: 0,            // node of the call tree
	focus: -1,          // function group of the sandwich
	file: 0, line: 0,   // text id of the source; line to go to
};
let initial = {};

function initState() {
	const v = D.view;
	S.type = D.type;
	S.mode = v.no_lines ? 'name' : v.by_function ? 'function' : 'line';
	S.roots = v.threads ? 'thread' : v.containers ? 'container' : v.merge_processes && hasPrograms() ? 'program' : 'process';
	S.own = v.from_user;
	S.gil = v.gil_only;
	S.idle = v.idle;
	S.leaf = v.from_leaf;
	S.full = v.full_filenames;
	S.icicle = v.icicle;
	initial = {...S};
}

// Several processes of one program.
function hasPrograms() {
	return D.programCount < D.processCount;
}

// The roots that can be chosen here.
function rootChoices() {
	return ROOTS.filter(root => root === 'container' ? D.hasContainers : root !== 'program' || hasPrograms());
}

Object.assign(FIELDS, {
	view: {...choice('view', VIEWS), set: text => { S.view = VIEWS.includes(text) && (text !== 'threads' || hasWaits()) ? text : initial.view; }}, mode: choice('mode', MODES), roots: choice('roots', ROOTS),
	group: choice('group', GROUPS), order: choice('order', ORDERS), theme: choice('theme', THEMES),
	sort: choice('sort', SORTS), up: flag('up'), gil: flag('gil'), leaf: flag('leaf'), full: flag('full'),
	alltime: flag('wholeTime'), idle: flag('idle'), timeflame: flag('timeFlame'),
	type: {
		get: () => S.type === initial.type ? null : valueType().name,
		set: text => {
			const at = D.types.findIndex(type => type.name === text);
			S.type = at < 0 ? initial.type : at;
		},
	},
	time: {
		get: () => S.range && S.range.map(i => (i * sliceSeconds()).toFixed(4)).join('-'),
		set: text => {
			const ends = (text || '').split('-').map(part => Math.round(parseFloat(part) / sliceSeconds()));
			S.range = ends.length === 2 ? cutRange(ends[0], ends[1]) : null;
		},
	},
	hide: {
		get: () => [...S.hidden].sort((a, b) => a - b).join('.') || null,
		set: text => { S.hidden = new Set((text || '').split('.').map(Number).filter(id => D.threads[id])); },
	},
	without: {
		get: () => [...S.without].sort((a, b) => a - b).join('.') || null,
		set: text => { S.without = new Set((text || '').split('.').filter(part => part).map(Number).filter(kind => kind < KIND_ROOT)); },
	},
	focus: { // its name depends on `full`, which was read before
		get: () => S.focus < 0 ? null : (hashText(focusText(S.focus)) >>> 0).toString(16),
		set: text => { S.focus = text ? groupWithHash(parseInt(text, 16) | 0) : -1; },
	},
	file: {
		get: () => S.file ? D.texts[S.file] : null,
		set: text => { S.file = text ? Math.max(0, D.texts.indexOf(text)) : 0; },
	},
});

function choice(name, values) {
	return {
		get: () => S[name] === initial[name] ? null : S[name],
		set: text => { S[name] = values.includes(text) ? text : initial[name]; },
	};
}

function focusText(group) {
	const g = grouping('function');
	return g.name[group] + '\0' + g.place[group];
}

function groupWithHash(hash) {
	return grouping('function').name.findIndex((_, i) => hashText(focusText(i)) === hash);
}

// At least one slice and inside the recording; null when it is all of it.
function cutRange(from, to) {
	if (!(D.slices > 0) || !Number.isFinite(from) || !Number.isFinite(to))
		return null;
	const first = Math.min(Math.max(0, Math.min(from, to)), D.slices - 1);
	const end = Math.max(first + 1, Math.min(D.slices, Math.max(from, to)));
	return first === 0 && end === D.slices ? null : [first, end];
}

const settle = weigh;

// Fields whose change needs new weights, or another tree; the others only change the look.
const WEIGHT_KEYS = new Set(['type', 'range', 'hidden', 'gil', 'idle', 'without']);
const TREE_KEYS = new Set(['mode', 'full', 'roots', 'leaf', 'own', 'without']);

function change(what, {step = false, quiet = false} = {}) {
	const keys = Object.keys(what), needs = set => keys.some(key => set.has(key));
	const path = needs(TREE_KEYS) && S.zoom ? callTree().paths()[S.zoom] : 0;
	const focus = 'full' in what && S.focus >= 0 ? grouping('function').fn[S.focus] : 0;
	Object.assign(S, what);
	if (needs(WEIGHT_KEYS))
		weigh();
	if (needs(TREE_KEYS))
		S.zoom = nodeWithPath(path);
	if (focus)
		S.focus = grouping('function').fn.indexOf(focus);
	showAll();
	if (!quiet)
		saveState(step);
}
