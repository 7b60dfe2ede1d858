// ---- html_model.js: what is selected, added up. `version` changes whenever the weights of parts do; the
// structure of a tree depends only on how frames are named and grouped, so moving the brush costs one pass.

const KIND_ROOT = 4, KIND_MARK = 3;
const M = {version: 0, samples: null, cpu: null, trees: new Map(), groupings: new Map(), labels: new Map()};

// (a, b) → value, for small numbers; Map would need a string or a big number per key.
class Pairs {
	constructor() {
		this.resize(1 << 12);
	}
	resize(size) {
		const {a, b, value} = this;
		this.mask = size - 1;
		this.a = new Int32Array(size);
		this.b = new Int32Array(size);
		this.value = new Int32Array(size).fill(-1);
		this.count = 0;
		for (let i = 0; value && i < value.length; i++)
			if (value[i] >= 0)
				this.set(a[i], b[i], value[i]);
	}
	find(a, b) {
		let h = Math.imul(a ^ Math.imul(b, -1640531527), 73244475);
		let i = (h ^ h >>> 15) & this.mask;
		while (this.value[i] >= 0 && (this.a[i] !== a || this.b[i] !== b))
			i = (i + 1) & this.mask;
		return i;
	}
	get(a, b) {
		return this.value[this.find(a, b)];
	}
	set(a, b, value) {
		if (this.count * 2 > this.mask)
			this.resize((this.mask + 1) * 2);
		const i = this.find(a, b);
		this.count += this.value[i] < 0;
		this.a[i] = a;
		this.b[i] = b;
		this.value[i] = value;
	}
}

// ---- names, as user/profile/view.c makes them

function nameOf(f) {
	return D.texts[D.function_name[f]] || '[unnamed]';
}

function fileOf(f, full) {
	return D.texts[D.function_short_file[f]] && !full ? D.texts[D.function_short_file[f]] : D.texts[D.function_file[f]];
}

function kindOfFunction(f) {
	return Math.floor(D.function_colour[f] / D.head.shades);
}

function frameText(f, line, full) {
	const file = fileOf(f, full);
	if (kindOfFunction(f) === KIND_MARK || !file)
		return nameOf(f);
	return nameOf(f) + ' (' + file + (line ? ':' + line : '') + ')';
}

function processText(id) {
	const p = D.head.processes[id];
	return 'process ' + p.pid + ':"' + p.command + '"';
}

function threadText(id) {
	const t = D.head.threads[id];
	return 'thread (' + t.tid + ')' + (t.name ? ': ' + t.name : '');
}

// The texts of all frames: frames that read the same are the same. Roots are added as they come.
function labelsFor(mode, full) {
	const key = mode + full, known = M.labels.get(key);
	if (known)
		return known;
	const ids = new Map(), l = {ofFrame: new Int32Array(D.frame_function.length), texts: [], colour: [], fn: []};
	const byFunction = new Int32Array(D.function_name.length).fill(-1);
	l.id = (text, colour, fn) => {
		let id = ids.get(text);
		if (id === undefined) {
			ids.set(text, id = l.texts.length);
			l.texts.push(text);
			l.colour.push(colour);
			l.fn.push(fn);
		}
		return id;
	};
	for (let i = 1; i < l.ofFrame.length; i++) {
		const f = D.frame_function[i];
		const line = mode === 'line' ? D.frame_line[i] : mode === 'function' ? D.function_line[f] : 0;
		if (mode === 'line')
			l.ofFrame[i] = l.id(frameText(f, line, full), D.function_colour[f], f);
		else if (byFunction[f] < 0)
			byFunction[f] = l.id(frameText(f, line, full), D.function_colour[f], f);
		if (mode !== 'line')
			l.ofFrame[i] = byFunction[f];
	}
	M.labels.set(key, l);
	return l;
}

// ---- weights

// Threads that are switched on, with the GIL when only that is wanted.
function isOn(part) {
	return !S.hidden.has(D.part_thread[part]) && (!S.gil || D.part_held[part]);
}

// The first row of a part at or after a slice.
function rowFrom(part, slice) {
	let low = D.rowBegin[part], high = D.rowBegin[part + 1];
	while (low < high) {
		const middle = low + high >> 1;
		if (D.row_slice[middle] < slice)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

function weigh() {
	const parts = D.part_samples.length;
	M.samples = M.samples || new Float64Array(parts);
	M.cpu = M.cpu || new Float64Array(parts);
	M.version++;
	M.allSamples = M.allCpu = 0;
	for (let p = 0; p < parts; p++) {
		let samples = 0, cpu = 0;
		if (!isOn(p)) {
			// nothing
		} else if (!S.range) {
			samples = D.part_samples[p];
			cpu = D.part_value_ns[p];
		} else {
			const end = rowFrom(p, S.range[1]);
			for (let r = rowFrom(p, S.range[0]); r < end; r++)
				samples += D.row_samples[r];
			cpu = samples * D.meanNs[p];
		}
		M.samples[p] = samples;
		M.cpu[p] = cpu;
		M.allSamples += samples;
		M.allCpu += cpu;
	}
}

// CPU seconds per slice of what is switched on, whatever the brush says; `only`: of these parts.
function cpuPerSlice(only) {
	const out = new Float64Array(Math.max(1, D.slices));
	for (let p = 0; p < D.part_samples.length; p++) {
		if (!isOn(p) || (only && !only(p)))
			continue;
		const seconds = D.meanNs[p] / 1e9;
		for (let r = D.rowBegin[p]; r < D.rowBegin[p + 1]; r++)
			out[D.row_slice[r]] += D.row_samples[r] * seconds;
	}
	return out;
}

// ---- the call tree

// A tree that grows: parents before children.
class Tree {
	constructor(labels) {
		this.labels = labels;
		this.parent = [-1];
		this.label = [labels.id('all', KIND_ROOT * D.head.shades, 0)];
		this.depth = [0];
		this.pairs = new Pairs();
		this.rows = 1;
	}
	child(parent, label) {
		let node = this.pairs.get(parent, label);
		if (node < 0) {
			node = this.parent.length;
			this.parent.push(parent);
			this.label.push(label);
			this.depth.push(this.depth[parent] + 1);
			this.pairs.set(parent, label, node);
			this.rows = Math.max(this.rows, this.depth[node] + 1);
		}
		return node;
	}
	// No more nodes: arrays of fixed types, children of a node side by side.
	finish() {
		const count = this.count = this.parent.length, begin = new Int32Array(count + 1);
		this.parent = Int32Array.from(this.parent);
		this.label = Int32Array.from(this.label);
		this.depth = Int32Array.from(this.depth);
		this.pairs = null;
		for (let i = 1; i < count; i++)
			begin[this.parent[i] + 1]++;
		for (let i = 1; i <= count; i++)
			begin[i] += begin[i - 1];
		const next = begin.slice(), list = new Int32Array(count);
		for (let i = 1; i < count; i++)
			list[next[this.parent[i]]++] = i;
		this.childBegin = begin;
		this.childList = list;
		this.sorted = new Int32Array(count).fill(-1); // the order stamp of a node's children
		this.own = new Float64Array(count);
		this.total = new Float64Array(count);
		this.ownCpu = new Float64Array(count);
		this.cpu = new Float64Array(count);
		return this;
	}
	clear() {
		for (const sums of [this.own, this.total, this.ownCpu, this.cpu])
			sums.fill(0);
	}
	// `own` is there: adds up totals.
	addUp() {
		for (let i = this.count - 1; i >= 0; i--) {
			this.total[i] += this.own[i];
			this.cpu[i] += this.ownCpu[i];
			if (i) {
				this.total[this.parent[i]] += this.total[i];
				this.cpu[this.parent[i]] += this.cpu[i];
			}
		}
	}
	// Children in the order wanted; sorted when first looked at.
	children(node) {
		const list = this.childList.subarray(this.childBegin[node], this.childBegin[node + 1]);
		const stamp = S.order === 'name' ? 0 : M.version;
		if (list.length > 1 && this.sorted[node] !== stamp) {
			const texts = this.labels.texts, text = i => texts[this.label[i]];
			const byName = (a, b) => text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0;
			list.sort(stamp ? (a, b) => this.total[b] - this.total[a] || byName(a, b) : byName);
			this.sorted[node] = stamp;
		}
		return list;
	}
	text(node) {
		return this.labels.texts[this.label[node]];
	}
	// A number that is the same wherever the same names stand above each other, as in the SVG.
	pathOf(node) {
		const path = [];
		for (let i = node; i >= 0; i = this.parent[i])
			path.push(i);
		let hash = 0;
		for (const i of path.reverse())
			hash = Math.imul(hash ^ hashText(this.text(i)), 16777619) ^ this.depth[i];
		return hash;
	}
	withPath(wanted) {
		const hashes = new Int32Array(this.count), texts = this.labels.texts.map(hashText);
		for (let i = 0; i < this.count; i++) {
			const above = i ? hashes[this.parent[i]] : 0;
			hashes[i] = Math.imul(above ^ texts[this.label[i]], 16777619) ^ this.depth[i];
			if (hashes[i] === wanted)
				return i;
		}
		return 0;
	}
}

// FNV-1a
function hashText(text) {
	let hash = -2128831035;
	for (let i = 0; i < text.length; i++)
		hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
	return hash;
}

function rootOf(tree, roots, part) {
	const thread = D.part_thread[part], shade = KIND_ROOT * D.head.shades;
	let node = 0;
	if (roots !== 'none' && D.processCount > 1)
		node = tree.child(node, tree.labels.id(processText(D.head.threads[thread].process), shade, 0));
	if (roots === 'thread')
		node = tree.child(node, tree.labels.id(threadText(thread), shade, 0));
	return node;
}

// A stack's node below a root; only as much of the stack is walked as is new.
function addFromRoot(tree, known, root, stack) {
	const path = [], of = tree.labels.ofFrame;
	let node = root;
	for (let s = stack; s; s = D.stack_parent[s]) {
		const found = known.get(root, s);
		if (found >= 0) {
			node = found;
			break;
		}
		path.push(s);
	}
	while (path.length) {
		const s = path.pop();
		node = tree.child(node, of[D.stack_frame[s]]);
		known.set(root, s, node);
	}
	return node;
}

function addFromLeaf(tree, root, stack) {
	let node = root;
	for (let s = stack; s; s = D.stack_parent[s])
		node = tree.child(node, tree.labels.ofFrame[D.stack_frame[s]]);
	return node;
}

function buildTree(mode, full, roots, leaf) {
	const tree = new Tree(labelsFor(mode, full)), known = new Pairs(), rootNodes = new Map();
	tree.nodeOfPart = new Int32Array(D.part_samples.length);
	for (let p = 0; p < tree.nodeOfPart.length; p++) {
		const thread = D.part_thread[p];
		if (!rootNodes.has(thread))
			rootNodes.set(thread, rootOf(tree, roots, p));
		const root = rootNodes.get(thread), stack = D.part_stack[p];
		tree.nodeOfPart[p] = leaf ? addFromLeaf(tree, root, stack) : addFromRoot(tree, known, root, stack);
	}
	return tree.finish();
}

// The call tree as it is looked at now, with the weights of now.
function callTree(roots = S.roots, leaf = S.leaf) {
	const key = [S.mode, S.full, roots, leaf].join();
	let tree = M.trees.get(key);
	if (!tree) {
		if (M.trees.size > 5)
			M.trees.clear(); // each can be large
		M.trees.set(key, tree = buildTree(S.mode, S.full, roots, leaf));
		tree.key = key;
	}
	if (tree.version !== M.version) {
		tree.version = M.version;
		tree.clear();
		for (let p = 0; p < tree.nodeOfPart.length; p++) {
			tree.own[tree.nodeOfPart[p]] += M.samples[p];
			tree.ownCpu[tree.nodeOfPart[p]] += M.cpu[p];
		}
		tree.addUp();
	}
	return tree;
}

// ---- sums per function, line, file or module: a sample counts once however often a group is on its stack

const placeOf = (f, line) => kindOfFunction(f) !== KIND_MARK && fileOf(f, S.full) ? fileOf(f, S.full) + ':' + line : '';
const GROUP_KEYS = {
	function: f => [nameOf(f), placeOf(f, D.function_line[f]),
		D.texts[D.function_file[f]] + '\0' + D.texts[D.function_module[f]]],
	line: (f, line) => [nameOf(f), placeOf(f, line), D.texts[D.function_file[f]]],
	file: f => [fileOf(f, S.full) || nameOf(f), '', D.texts[D.function_file[f]]],
	module: f => [D.texts[D.function_module[f]] || fileOf(f, S.full) || nameOf(f), '', ''],
};

// Which stacks have no other of their group below them towards the root: these count for the group's total.
function markOutermost(g) {
	const open = new Int32Array(g.count), trail = [];
	g.outermost = new Uint8Array(D.order.length);
	for (let i = 1; i < D.order.length; i++) {
		while (trail.length && D.end[trail[trail.length - 1]] <= i)
			open[g.ofFrame[D.stack_frame[trail.pop()]]]--;
		const s = D.order[i], group = g.ofFrame[D.stack_frame[s]];
		g.outermost[s] = open[group]++ ? 0 : 1;
		trail.push(s);
	}
}

function grouping(kind) {
	const key = kind + S.full, known = M.groupings.get(key);
	if (known)
		return known;
	const ids = new Map(), g = {kind, ofFrame: new Int32Array(D.frame_function.length), name: [], place: [],
		fn: [], line: []};
	for (let i = 1; i < g.ofFrame.length; i++) {
		const f = D.frame_function[i], [name, place, more] = GROUP_KEYS[kind](f, D.frame_line[i]);
		const text = name + '\0' + place + '\0' + more;
		let id = ids.get(text);
		if (id === undefined) {
			ids.set(text, id = g.name.length);
			g.name.push(name);
			g.place.push(place);
			g.fn.push(f);
			g.line.push(kind === 'line' ? D.frame_line[i] : D.function_line[f]);
		}
		g.ofFrame[i] = id;
	}
	g.count = g.name.length;
	markOutermost(g);
	M.groupings.set(key, g);
	return g;
}

// Samples and CPU time per stack: ending there, and there or above.
function stackSums() {
	if (M.stacks && M.stacks.version === M.version)
		return M.stacks;
	const count = D.order.length, s = {version: M.version};
	for (const name of ['own', 'total', 'ownCpu', 'cpu'])
		s[name] = new Float64Array(count);
	for (let p = 0; p < M.samples.length; p++) {
		s.own[D.part_stack[p]] += M.samples[p];
		s.ownCpu[D.part_stack[p]] += M.cpu[p];
	}
	for (let i = count - 1; i > 0; i--) {
		s.total[i] += s.own[i];
		s.cpu[i] += s.ownCpu[i];
		s.total[D.stack_parent[i]] += s.total[i];
		s.cpu[D.stack_parent[i]] += s.cpu[i];
	}
	return M.stacks = s;
}

function totals(kind) {
	const g = grouping(kind), sums = stackSums();
	if (g.version === M.version)
		return g;
	g.version = M.version;
	for (const name of ['own', 'total', 'ownCpu', 'cpu'])
		g[name] = new Float64Array(g.count);
	for (let s = 1; s < D.order.length; s++) {
		if (!sums.total[s])
			continue;
		const group = g.ofFrame[D.stack_frame[s]];
		g.own[group] += sums.own[s];
		g.ownCpu[group] += sums.ownCpu[s];
		if (g.outermost[s]) {
			g.total[group] += sums.total[s];
			g.cpu[group] += sums.cpu[s];
		}
	}
	return g;
}

// The two trees of a function: who called it (towards the root) and whom it called, from its outermost calls.
function sandwich(group) {
	const g = grouping('function'), sums = stackSums(), labels = labelsFor(S.mode, S.full);
	const callers = new Tree(labels), callees = new Tree(labels), at = new Map();
	const own = [new Map(), new Map()];
	const add = (side, node, samples, cpu) => {
		const sum = own[side].get(node) || [0, 0];
		own[side].set(node, [sum[0] + samples, sum[1] + cpu]);
	};
	for (let s = 1; s < D.order.length; s++) {
		if (!g.outermost[s] || !sums.total[s] || g.ofFrame[D.stack_frame[s]] !== group)
			continue;
		let node = 0;
		for (let up = D.stack_parent[s]; up; up = D.stack_parent[up])
			node = callers.child(node, labels.ofFrame[D.stack_frame[up]]);
		add(0, node, sums.total[s], sums.cpu[s]);
		for (let i = D.place[s]; i < D.end[s]; i++) {
			const below = D.order[i];
			if (!sums.total[below]) {
				i = D.end[below] - 1;
				continue;
			}
			const here = below === s ? 0 :
				callees.child(at.get(D.stack_parent[below]), labels.ofFrame[D.stack_frame[below]]);
			at.set(below, here);
			add(1, here, sums.own[below], sums.ownCpu[below]);
		}
	}
	return [callers, callees].map((tree, side) => {
		tree.finish();
		for (const [node, [samples, cpu]] of own[side]) {
			tree.own[node] += samples;
			tree.ownCpu[node] += cpu;
		}
		tree.addUp();
		return tree;
	});
}
