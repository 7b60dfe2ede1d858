// SPDX-License-Identifier: MIT
// ---- html_data.js: from the text in the page to tables. Columns are those of html_data.c, by name; in tables of
// functions, frames and stacks, 0 is "none". Columns of rows follow the JSON, as numbers of 7 bits a byte.

let D = null; // all data, once it is there

async function inflate(base64) {
	const text = atob(base64), packed = Uint8Array.from(text, letter => letter.charCodeAt(0));
	const raw = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
	return new Uint8Array(await new Response(raw).arrayBuffer());
}

function readRows(bytes, at) {
	for (const name of ['row_slice', 'row_samples', 'row_units']) {
		const column = D[name] = new Uint32Array(D.row_count);
		for (let r = 0; r < column.length; r++) {
			let value = 0, shift = 0, byte;
			do {
				byte = bytes[at++];
				value += (byte & 127) * 2 ** shift;
				shift += 7;
			} while (byte > 127);
			column[r] = value;
		}
	}
	for (let r = 0; r < D.row_count; r++) {
		const beyond = D.row_units[r];
		D.row_units[r] = D.row_samples[r] * D.row_units_each + (beyond & 1 ? (beyond + 1) / 2 : -beyond / 2);
	}
}

// The first row of each part, and slices of rows from their differences.
function findRows() {
	const parts = D.part_rows.length, begin = D.rowBegin = new Int32Array(parts + 1);
	for (let p = 0; p < parts; p++) {
		begin[p + 1] = begin[p] + D.part_rows[p];
		for (let r = begin[p] + 1; r < begin[p + 1]; r++)
			D.row_slice[r] += D.row_slice[r - 1];
	}
}

// The end of a wait, or of the interval of a tick, is what a row's time is: it began its value before.
function findTypes() {
	D.types.forEach((type, i) => {
		type.parts = new Set(type.parts || [i]);
		type.isWait = type.time && type.name !== 'cpu';
	});
	const first = D.types.findIndex(type => type.parts.size > 1);
	D.wallParts = D.types[first] ? D.types[first].parts : new Set(D.types[0].time ? [0] : []);
	// by stack: is it an idle wait?
	D.isIdle = D.stack_frame.map(frame => /^\[(idle|poll: nothing to do)/.test(D.texts[D.function_name[D.frame_function[frame]]]) &&
		Math.floor(D.function_colour[D.frame_function[frame]] / SHADES) === KIND_WAIT);
	D.hasIdle = D.part_stack.some(stack => D.isIdle[stack]);
}

function prepare() {
	findTypes();
	D.threadParts = D.threads.map(() => []);
	D.part_thread.forEach((thread, p) => D.threadParts[thread].push(p));
	D.depth = new Int32Array(D.stack_parent.length); // a parent is always older than its children
	D.stack_parent.forEach((parent, s) => { D.depth[s] = s ? D.depth[parent] + 1 : 0; });
	const processes = new Set(D.part_thread.map(thread => D.threads[thread].process));
	D.processCount = processes.size;
	D.programCount = new Set([...processes].map(p => D.processes[p].program)).size;
	const isUser = D.stack_frame.map(frame => Math.floor(D.function_colour[D.frame_function[frame]] / SHADES) === KIND_USER);
	const inside = new Uint8Array(isUser.length); // by stack: is a frame of it the user's?
	isUser.forEach((is, s) => { inside[s] = s && (is || inside[D.stack_parent[s]]); });
	D.canSkip = isUser.some((is, s) => s && is && D.stack_parent[s] && !inside[D.stack_parent[s]]);
	D.hasContainers = new Set([...processes].map(p => D.processes[p].container)).size > 1;
}

async function load() {
	const bytes = await inflate($('data').textContent), end = bytes.indexOf(0);
	D = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
	readRows(bytes, end + 1);
	findRows();
	prepare();
}
