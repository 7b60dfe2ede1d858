// ---- html_model.js: what is selected, added up. CPU time is what weighs (own, total: ns); how many samples that
// is stands beside it (ownSamples, samples). `version` changes whenever the weights of parts do; the
// structure of a tree depends only on how frames are named and grouped, so moving the brush costs one pass.

const SUMS = ['own', 'total', 'ownSamples', 'samples'];
const M = {version: 0, cpu: null, samples: null, trees: new Map(), groupings: new Map(), labels: new Map()};

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

// CPU time and samples of a part in some slices; of all its rows as exactly as it is known.
function sumOf(part, [from, to]) {
	const begin = rowFrom(part, from), end = rowFrom(part, to);
	if (begin === D.rowBegin[part] && end === D.rowBegin[part + 1])
		return [D.part_value_ns[part], D.part_samples[part]];
	let units = 0, samples = 0;
	for (let r = begin; r < end; r++) {
		units += D.row_units[r];
		samples += D.row_samples[r];
	}
	return [units * D.head.unit_ns, samples];
}

function weigh() {
	const parts = D.part_samples.length;
	M.cpu = M.cpu || new Float64Array(parts);
	M.samples = M.samples || new Float64Array(parts);
	M.version++;
	M.allCpu = M.allSamples = 0;
	for (let p = 0; p < parts; p++) {
		const [cpu, samples] = !isOn(p) ? [0, 0] : S.range ? sumOf(p, S.range) : [D.part_value_ns[p], D.part_samples[p]];
		M.cpu[p] = cpu;
		M.samples[p] = samples;
		M.allCpu += cpu;
		M.allSamples += samples;
	}
}

// CPU seconds per slice of what is switched on, whatever the brush says; `only`: of these parts.
function cpuPerSlice(only) {
	const out = new Float64Array(Math.max(1, D.slices)), unit = D.head.unit_ns / 1e9;
	for (let p = 0; p < D.part_samples.length; p++) {
		if (!isOn(p) || (only && !only(p)))
			continue;
		for (let r = D.rowBegin[p]; r < D.rowBegin[p + 1]; r++)
			out[D.row_slice[r]] += D.row_units[r] * unit;
	}
	return out;
}

// ---- the call tree

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

function addFromLeaf(tree, known, root, stack) {
	let node = known.get(root, stack);
	if (node >= 0)
		return node;
	node = root;
	for (let s = stack; s; s = D.stack_parent[s])
		node = tree.child(node, tree.labels.ofFrame[D.stack_frame[s]]);
	known.set(root, stack, node);
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
		tree.nodeOfPart[p] = (leaf ? addFromLeaf : addFromRoot)(tree, known, root, stack);
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
			tree.own[tree.nodeOfPart[p]] += M.cpu[p];
			tree.ownSamples[tree.nodeOfPart[p]] += M.samples[p];
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

// CPU time and samples per stack: ending there, and there or above.
function stackSums() {
	if (M.stacks && M.stacks.version === M.version)
		return M.stacks;
	const count = D.order.length, s = {version: M.version};
	for (const name of SUMS)
		s[name] = new Float64Array(count);
	for (let p = 0; p < M.cpu.length; p++) {
		s.own[D.part_stack[p]] += M.cpu[p];
		s.ownSamples[D.part_stack[p]] += M.samples[p];
	}
	for (let i = count - 1; i > 0; i--) {
		s.total[i] += s.own[i];
		s.samples[i] += s.ownSamples[i];
		s.total[D.stack_parent[i]] += s.total[i];
		s.samples[D.stack_parent[i]] += s.samples[i];
	}
	return M.stacks = s;
}

function totals(kind) {
	const g = grouping(kind), sums = stackSums();
	if (g.version === M.version)
		return g;
	g.version = M.version;
	for (const name of SUMS)
		g[name] = new Float64Array(g.count);
	for (let s = 1; s < D.order.length; s++) {
		if (!sums.samples[s])
			continue;
		const group = g.ofFrame[D.stack_frame[s]];
		g.own[group] += sums.own[s];
		g.ownSamples[group] += sums.ownSamples[s];
		if (g.outermost[s]) {
			g.total[group] += sums.total[s];
			g.samples[group] += sums.samples[s];
		}
	}
	return g;
}

// The two trees of a function: who called it (towards the root) and whom it called, from its outermost calls.
function sandwich(group) {
	const g = grouping('function'), sums = stackSums(), labels = labelsFor(S.mode, S.full);
	const callers = new Tree(labels), callees = new Tree(labels), at = new Map();
	const own = [new Map(), new Map()];
	const add = (side, node, cpu, samples) => {
		const sum = own[side].get(node) || [0, 0];
		own[side].set(node, [sum[0] + cpu, sum[1] + samples]);
	};
	for (let s = 1; s < D.order.length; s++) {
		if (!g.outermost[s] || !sums.samples[s] || g.ofFrame[D.stack_frame[s]] !== group)
			continue;
		let node = 0;
		for (let up = D.stack_parent[s]; up; up = D.stack_parent[up])
			node = callers.child(node, labels.ofFrame[D.stack_frame[up]]);
		add(0, node, sums.total[s], sums.samples[s]);
		for (let i = D.place[s]; i < D.end[s]; i++) {
			const below = D.order[i];
			if (!sums.samples[below]) {
				i = D.end[below] - 1;
				continue;
			}
			const here = below === s ? 0 :
				callees.child(at.get(D.stack_parent[below]), labels.ofFrame[D.stack_frame[below]]);
			at.set(below, here);
			add(1, here, sums.own[below], sums.ownSamples[below]);
		}
	}
	return [callers, callees].map((tree, side) => {
		tree.finish();
		for (const [node, [cpu, samples]] of own[side]) {
			tree.own[node] += cpu;
			tree.ownSamples[node] += samples;
		}
		tree.addUp();
		return tree;
	});
}
