// SPDX-License-Identifier: MIT
// ---- html_model.js: the selection, added up. Weights are values of the chosen type (own, total); the number of
// samples stands beside it (ownSamples, samples). `version` changes whenever the weights of parts do; the structure of
// a tree depends only on how frames are named and grouped, so moving the brush or choosing a type costs one pass.

const M = {version: 0, value: null, samples: null, all: 0, allSamples: 0, trees: new Map(), groupings: new Map(), labels: new Map()};

// ---- weights

function valueType() {
	return D.types[S.type];
}

// Of the chosen type, of threads that are switched on, with the GIL when only that is wanted.
function isOn(part) {
	return valueType().parts.has(D.part_type[part]) && !S.hidden.has(D.part_thread[part]) && (!S.gil || D.part_held[part]) &&
		(S.idle || !D.isIdle[D.part_stack[part]]);
}

function rowUnit(part) {
	return D.types[D.part_type[part]].row_unit;
}

// How much of a row of a wait lies in some slices: it may have begun long before the slice that it ends in.
function shareOf(part, row, [from, to]) {
	const end = D.row_slice[row] + 1, begin = end - Math.max(1, D.row_units[row] * rowUnit(part) / D.slice_ns);
	return Math.max(0, Math.min(end, to) - Math.max(begin, from)) / (end - begin);
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

// Value and samples of a part in some slices; of all its rows the exact value.
function sumOf(part, range) {
	if (D.types[D.part_type[part]].isWait)
		return sumOfWaits(part, range);
	const begin = rowFrom(part, range[0]), end = rowFrom(part, range[1]);
	if (begin === D.rowBegin[part] && end === D.rowBegin[part + 1])
		return [D.part_value[part], D.part_samples[part]];
	let units = 0, samples = 0;
	for (let r = begin; r < end; r++) {
		units += D.row_units[r];
		samples += D.row_samples[r];
	}
	return [units * rowUnit(part), samples];
}

function sumOfWaits(part, range) {
	let units = 0, samples = 0;
	for (let r = rowFrom(part, range[0]); r < D.rowBegin[part + 1]; r++) {
		const share = shareOf(part, r, range);
		units += D.row_units[r] * share;
		samples += share ? D.row_samples[r] : 0;
	}
	return [units * rowUnit(part), samples];
}

function weigh() {
	const parts = D.part_samples.length;
	M.value = new Float64Array(parts);
	M.samples = new Float64Array(parts);
	M.version++;
	M.all = M.allSamples = 0;
	for (let p = 0; p < parts; p++) {
		if (!isOn(p))
			continue;
		[M.value[p], M.samples[p]] = S.range ? sumOf(p, S.range) : [D.part_value[p], D.part_samples[p]];
		M.all += M.value[p];
		M.allSamples += M.samples[p];
	}
}

// Values per slice of what is switched on, outside the brush's span, too; `only`: of these parts.
function valuePerSlice(only = () => true) {
	const out = new Float64Array(Math.max(1, D.slices));
	for (let p = 0; p < D.part_samples.length; p++) {
		const {isWait, row_unit} = D.types[D.part_type[p]];
		for (let r = isOn(p) && only(p) ? D.rowBegin[p] : D.rowBegin[p + 1]; r < D.rowBegin[p + 1]; r++)
			if (isWait)
				spread(out, D.row_slice[r] + 1, D.row_units[r] * row_unit);
			else
				out[D.row_slice[r]] += D.row_units[r] * row_unit;
	}
	return out;
}

// Adds a time to the slices that it lies in; what began before the first is cut.
function spread(out, end, value) {
	for (let i = end - 1; i >= 0 && value > 0; i--, value -= D.slice_ns)
		out[i] += Math.min(value, D.slice_ns);
}

// ---- the call tree

function rootOf(tree, roots, thread) {
	const colour = KIND_ROOT * SHADES, process = D.processes[D.threads[thread].process];
	let node = 0;
	if (roots === 'container' && D.hasContainers)
		node = tree.child(node, tree.labels.id(process.container, colour, 0));
	if (roots === 'program' && D.programCount > 1)
		node = tree.child(node, tree.labels.id(process.program, colour, 0));
	if (roots !== 'none' && roots !== 'program' && D.processCount > 1)
		node = tree.child(node, tree.labels.id(processText(D.threads[thread].process), colour, 0));
	if (roots === 'thread')
		node = tree.child(node, tree.labels.id(threadText(thread), colour, 0));
	return node;
}

function newTree(labels, text = 'all') {
	const tree = new Tree(labels);
	tree.add(-1, labels.id(text, KIND_ROOT * SHADES, 0));
	return tree;
}

// What would be the root of everything is what everything is called.
function wholeText(roots) {
	return roots === 'program' && D.programCount === 1 ? D.processes[D.threads[D.part_thread[0]].process].program : 'all';
}

// The node of a stack below a root; `known`: those found before. Only what is new of a stack is walked.
function nodeFromRoot(tree, known, root, stack) {
	const path = [];
	let s = stack;
	for (; s && !known.has(s); s = D.stack_parent[s])
		path.push(s);
	let node = s ? known.get(s) : root;
	for (const above of path.reverse()) {
		if (isShown(D.stack_frame[above]))
			node = tree.child(node, tree.labels.ofFrame[D.stack_frame[above]]);
		known.set(above, node);
	}
	return node;
}

function nodeFromLeaf(tree, known, root, stack) {
	let node = root;
	for (let s = stack; s; s = D.stack_parent[s])
		if (isShown(D.stack_frame[s]))
			node = tree.child(node, tree.labels.ofFrame[D.stack_frame[s]]);
	return node;
}

// What a frame of a kind that is switched off had is that of the frame below it.
function isShown(frame) {
	return !S.without.size || !S.without.has(kindOfFunction(D.frame_function[frame]));
}

// The stack as far as its leaf is shown.
function shownStack(stack) {
	while (stack && !isShown(D.stack_frame[stack]))
		stack = D.stack_parent[stack];
	return stack;
}

function buildTree(mode, full, roots, leaf) {
	const tree = newTree(labelsFor(mode, full), wholeText(roots)), knownOf = new Map();
	tree.nodeOfPart = D.part_thread.map((thread, p) => {
		const root = rootOf(tree, roots, thread);
		if (!knownOf.has(root))
			knownOf.set(root, new Map());
		return (leaf ? nodeFromLeaf : nodeFromRoot)(tree, knownOf.get(root), root, D.part_stack[p]);
	});
	return tree.finish();
}

// The call tree as it is looked at now, with the weights of now.
function callTree(roots = S.roots, leaf = S.leaf, own = S.own && D.canSkip && !leaf) {
	const key = [S.mode, S.full, roots, leaf, own, ...S.without].join();
	let tree = M.trees.get(key);
	if (!tree) {
		if (M.trees.size > 5)
			M.trees.clear(); // each can be large
		tree = buildTree(S.mode, S.full, roots, leaf);
		if (own) {
			const {nodeOfPart} = tree;
			tree = treeFromUser(tree);
			tree.nodeOfPart = nodeOfPart.map(node => tree.from[node]);
		}
		M.trees.set(key, tree);
		tree.key = key;
	}
	if (tree.version !== M.version) {
		tree.version = M.version;
		tree.clear();
		for (let p = 0; p < tree.nodeOfPart.length; p++) {
			tree.own[tree.nodeOfPart[p]] += M.value[p];
			tree.ownSamples[tree.nodeOfPart[p]] += M.samples[p];
		}
		tree.addUp();
	}
	return tree;
}

// ---- sums per function, line, file or module: a sample counts once however often a group is on its stack

function placeOf(f, line) {
	const kind = kindOfFunction(f), file = fileOf(f, S.full), isNative = kind >= KIND_NATIVE && kind <= KIND_KERNEL;
	if (isSynthetic(kind))
		return '';
	return isNative && !line ? file || D.texts[D.function_module[f]] : file && file + ':' + line;
}

const GROUP_KEYS = {
	function: f => [nameOf(f), placeOf(f, D.function_line[f]),
		D.texts[D.function_file[f]] + '\0' + D.texts[D.function_module[f]]],
	line: (f, line) => [nameOf(f), placeOf(f, line), D.texts[D.function_file[f]]],
	file: f => [fileOf(f, S.full) || nameOf(f), '', D.texts[D.function_file[f]]],
	module: f => [D.texts[D.function_module[f]] || fileOf(f, S.full) || nameOf(f), '', ''],
};

// Stacks without another of their group towards the root count for the total of the group.
function findOutermost(g) {
	const groupOf = s => g.ofFrame[D.stack_frame[s]];
	g.outermost = D.stack_parent.map((parent, s) => {
		for (let up = parent; up; up = D.stack_parent[up])
			if (groupOf(up) === groupOf(s))
				return false;
		return s > 0;
	});
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
	findOutermost(g);
	M.groupings.set(key, g);
	return g;
}

// Values and samples per stack: ending there, and there or above.
function stackSums() {
	if (M.stacks && M.stacks.version === M.version)
		return M.stacks;
	const count = D.stack_parent.length, s = {version: M.version};
	for (const name of SUMS)
		s[name] = new Float64Array(count);
	for (let p = 0; p < M.value.length; p++) {
		const at = shownStack(D.part_stack[p]);
		s.own[at] += M.value[p];
		s.ownSamples[at] += M.samples[p];
	}
	for (let i = count - 1; i > 0; i--) {
		s.total[i] += s.own[i];
		s.samples[i] += s.ownSamples[i];
		s.total[D.stack_parent[i]] += s.total[i];
		s.samples[D.stack_parent[i]] += s.samples[i];
	}
	return M.stacks = s;
}

// By stack, the nearest one that has a line, from there to the root; 0: none has.
function stacksWithLines() {
	const nearest = new Uint32Array(D.stack_parent.length);
	for (let s = 1; s < nearest.length; s++)
		nearest[s] = D.frame_line[D.stack_frame[s]] > 0 && isShown(D.stack_frame[s]) ? s : nearest[D.stack_parent[s]];
	return nearest;
}

// A line's own values are also those of native code and waits above it, which have no line.
function totals(kind) {
	const g = grouping(kind), sums = stackSums();
	if (g.version === M.version)
		return g;
	const lines = kind === 'line' ? stacksWithLines() : [];
	g.version = M.version;
	for (const name of SUMS)
		g[name] = new Float64Array(g.count);
	for (let s = 1; s < D.stack_parent.length; s++) {
		if (!sums.samples[s] || !isShown(D.stack_frame[s]))
			continue;
		const group = g.ofFrame[D.stack_frame[s]], owner = lines[s] ? g.ofFrame[D.stack_frame[lines[s]]] : group;
		g.own[owner] += sums.own[s];
		g.ownSamples[owner] += sums.ownSamples[s];
		if (g.outermost[s]) {
			g.total[group] += sums.total[s];
			g.samples[group] += sums.samples[s];
		}
	}
	return g;
}

// The two trees of a function: its callers (towards the root) and its callees, from its outermost calls.
function sandwich(group) {
	const g = grouping('function'), sums = stackSums(), labels = labelsFor(S.mode, S.full), parent = D.stack_parent;
	const trees = [newTree(labels), newTree(labels)], ends = [[], []]; // ends: [node, stack]
	const addPath = (side, path, s) => ends[side].push([path.filter(at => isShown(D.stack_frame[at])).reduce((node, at) =>
		trees[side].child(node, labels.ofFrame[D.stack_frame[at]]), 0), s]);
	for (let s = 1; s < parent.length; s++) {
		const path = []; // from the leaf to the root
		let outer = -1;
		for (let up = s; sums.ownSamples[s] && up; up = parent[up])
			if (g.ofFrame[D.stack_frame[up]] === group)
				outer = path.push(up) - 1;
			else
				path.push(up);
		if (outer < 0)
			continue;
		addPath(0, path.slice(outer + 1), s);
		addPath(1, path.slice(0, outer).reverse(), s);
	}
	return trees.map((tree, side) => {
		tree.finish();
		for (const [node, s] of ends[side]) {
			tree.own[node] += sums.own[s];
			tree.ownSamples[node] += sums.ownSamples[s];
		}
		tree.version = M.version;
		tree.addUp();
		return tree;
	});
}
