// SPDX-License-Identifier: MIT
// ---- flame_tree.js: a call tree: nodes are added one by one, then fixed, and weighed as often as needed. A parent
// comes before its children.

const SUMS = ['own', 'total', 'ownSamples', 'samples'];

class Tree {
	// labels: by number `texts`, `colour` and `fn`, the function that a frame is of
	constructor(labels) {
		this.labels = labels;
		this.parent = [];
		this.label = [];
		this.depth = [];
		this.ids = new Map(); // parent and label → node
		this.rows = 0;
	}
	add(parent, label) {
		const depth = parent < 0 ? 0 : this.depth[parent] + 1;
		this.label.push(label);
		this.depth.push(depth);
		this.rows = Math.max(this.rows, depth + 1);
		return this.parent.push(parent) - 1;
	}
	child(parent, label) {
		const key = parent * 0x4000000 + label; // a number is exact up to 2^53
		let node = this.ids.get(key);
		if (node === undefined)
			this.ids.set(key, node = this.add(parent, label));
		return node;
	}
	// After the last node: typed arrays, and the children of a node side by side.
	finish() {
		const count = this.count = this.parent.length, begin = new Int32Array(count + 1);
		this.parent = Int32Array.from(this.parent);
		this.label = Int32Array.from(this.label);
		this.depth = Int32Array.from(this.depth);
		this.ids = null;
		for (let i = 1; i < count; i++)
			begin[this.parent[i] + 1]++;
		for (let i = 1; i <= count; i++)
			begin[i] += begin[i - 1];
		const next = begin.slice(), list = new Int32Array(count);
		for (let i = 1; i < count; i++)
			list[next[this.parent[i]]++] = i;
		this.childBegin = begin;
		this.childList = list;
		this.sorted = new Int32Array(count).fill(-1); // for which order the children of a node were sorted
		for (const name of SUMS)
			this[name] = new Float64Array(count);
		return this;
	}
	clear() {
		for (const name of SUMS)
			this[name].fill(0);
	}
	// Adds `own` and `ownSamples` up to the totals.
	addUp() {
		for (let i = this.count - 1; i >= 0; i--) {
			this.total[i] += this.own[i];
			this.samples[i] += this.ownSamples[i];
			if (i) {
				this.total[this.parent[i]] += this.total[i];
				this.samples[this.parent[i]] += this.samples[i];
			}
		}
	}
	// Children in the order chosen; sorted when they are first looked at.
	children(node) {
		const list = this.childList.subarray(this.childBegin[node], this.childBegin[node + 1]);
		const stamp = S.order === 'name' ? 0 : this.version;
		if (list.length > 1 && this.sorted[node] !== stamp) {
			const byName = (a, b) => this.text(a) < this.text(b) ? -1 : this.text(a) > this.text(b) ? 1 : 0;
			const isLast = node => this.label[node] === this.last ? 1 : 0;
			list.sort((a, b) => isLast(a) - isLast(b) || (stamp ? this.total[b] - this.total[a] : 0) || byName(a, b));
			this.sorted[node] = stamp;
		}
		return list;
	}
	text(node) {
		return this.labels.texts[this.label[node]];
	}
	// By node a number that is the same wherever the same names stand above each other: links work in other files.
	paths() {
		const paths = new Int32Array(this.count), texts = this.labels.texts.map(hashText);
		for (let i = 0; i < this.count; i++)
			paths[i] = Math.imul((i ? paths[this.parent[i]] : 0) ^ texts[this.label[i]], 16777619) ^ this.depth[i];
		return paths;
	}
}

// The tree as it is from where the user's code begins: what is before it is left out, and stacks without any stay whole
// below a node of their own. `from`: the node that each node of the whole tree became.
function treeFromUser(whole) {
	const t = new Tree(whole.labels), from = t.from = new Int32Array(whole.count), roots = new Int32Array(whole.count);
	const isInside = new Uint8Array(whole.count), outside = t.last = whole.labels.id('[outside your code]', KIND_ROOT * SHADES, 0);
	for (let i = 0; i < whole.count; i++) {
		const parent = whole.parent[i], label = whole.label[i], kind = Math.floor(whole.labels.colour[label] / SHADES);
		const isFirst = kind !== KIND_ROOT && (!i || from[parent] === roots[parent] && !isInside[parent]);
		roots[i] = i ? roots[parent] : 0;
		isInside[i] = i && isInside[parent] || kind === KIND_USER;
		if (kind === KIND_ROOT)
			roots[i] = from[i] = i ? t.child(from[parent], label) : t.add(-1, label);
		else if (isInside[i] && !isInside[parent])
			from[i] = t.child(roots[i], label);
		else if (isFirst)
			from[i] = t.child(t.child(roots[i], outside), label);
		else
			from[i] = t.child(from[parent], label);
	}
	return t.finish();
}

// FNV-1a
function hashText(text) {
	let hash = -2128831035;
	for (let i = 0; i < text.length; i++)
		hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
	return hash;
}
