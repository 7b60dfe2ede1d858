// ---- html_tree.js: a call tree of any kind: made node by node, then fixed, weighed as often as needed.

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
		this.put(this.find(a, b), a, b, value);
	}
	// Where `find` said.
	put(i, a, b, value) {
		this.count += this.value[i] < 0;
		this.a[i] = a;
		this.b[i] = b;
		this.value[i] = value;
		if (this.count * 2 > this.mask)
			this.resize((this.mask + 1) * 2);
	}
}

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
		const {pairs} = this, place = pairs.find(parent, label);
		let node = pairs.value[place];
		if (node < 0) {
			node = this.parent.length;
			this.parent.push(parent);
			this.label.push(label);
			this.depth.push(this.depth[parent] + 1);
			pairs.put(place, parent, label, node);
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
		for (const name of SUMS)
			this[name] = new Float64Array(count);
		return this;
	}
	clear() {
		for (const name of SUMS)
			this[name].fill(0);
	}
	// `own` and `ownSamples` are there: adds up totals.
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
