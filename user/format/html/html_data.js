// ---- html_data.js: from the text in the page to tables. Column names are those of html_data.c. Tables of
// functions, frames and stacks count from 1; 0 is "none".

const FROM_ONE = /^(function|frame|stack)_/;
const STEPS = new Set(['frame_function', 'stack_frame', 'part_thread', 'part_stack']);
const WIDE = {part_value_ns: Float64Array, row_slice: Uint16Array};
let D = null; // all data, once it is there

async function inflate(base64) {
	const text = atob(base64), packed = new Uint8Array(text.length);
	for (let i = 0; i < packed.length; i++)
		packed[i] = text.charCodeAt(i);
	const raw = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
	return new Uint8Array(await new Response(raw).arrayBuffer());
}

// `count` varints (LEB128) from `at` on.
function readColumn(name, count, raw, at) {
	const first = FROM_ONE.test(name) ? 1 : 0, isStep = STEPS.has(name);
	const out = new (WIDE[name] || Int32Array)(count + first);
	let last = 0;
	for (let i = first; i < out.length; i++) {
		let byte = raw[at++], value = byte & 127;
		for (let scale = 128; byte > 127; scale *= 128) {
			byte = raw[at++];
			value += (byte & 127) * scale;
		}
		if (isStep)
			value = last += value % 2 ? -(value + 1) / 2 : value / 2;
		out[i] = value;
	}
	return out;
}

// Where each part's rows begin, and rows' slices from their differences.
function settleRows() {
	const parts = D.part_samples.length, begin = new Int32Array(parts + 1);
	for (let p = 0; p < parts; p++) {
		begin[p + 1] = begin[p] + D.part_rows[p];
		for (let r = begin[p] + 1; r < begin[p + 1]; r++)
			D.row_slice[r] += D.row_slice[r - 1];
	}
	D.rowBegin = begin;
}

// A stack's subtree is order[place[s]] … order[end[s] - 1]; a parent is always older than its children.
function settleStacks() {
	const count = D.stack_parent.length, parent = D.stack_parent;
	const size = new Int32Array(count).fill(1), next = new Int32Array(count);
	D.place = new Int32Array(count);
	D.end = new Int32Array(count);
	D.order = new Int32Array(count);
	D.depth = new Int32Array(count);
	for (let s = 1; s < count; s++) {
		parent[s] = s - parent[s];
		D.depth[s] = parent[s] ? D.depth[parent[s]] + 1 : 1;
	}
	for (let s = count - 1; s > 0; s--)
		size[parent[s]] += size[s];
	for (let s = 0; s < count; s++) {
		D.place[s] = s ? next[parent[s]] : 0;
		next[parent[s]] = D.place[s] + size[s];
		next[s] = D.place[s] + 1;
		D.end[s] = D.place[s] + size[s];
		D.order[D.place[s]] = s;
	}
}

function settleThreads() {
	const threads = D.head.threads.length, processes = new Set();
	D.threadParts = Array.from({length: threads}, () => []);
	for (let p = 0; p < D.part_thread.length; p++) {
		D.threadParts[D.part_thread[p]].push(p);
		processes.add(D.head.threads[D.part_thread[p]].process);
	}
	D.processCount = processes.size;
}

async function load() {
	const raw = await inflate(document.getElementById('data').textContent);
	const split = raw.indexOf(10);
	D = {head: JSON.parse(new TextDecoder().decode(raw.subarray(0, split)))};
	let at = split + 1;
	for (const [name, count, bytes] of D.head.columns) {
		D[name] = readColumn(name, count, raw, at);
		at += bytes;
	}
	D.texts = D.head.texts;
	D.slices = D.head.slices;
	settleRows();
	settleStacks();
	settleThreads();
}
