// SPDX-License-Identifier: MIT
// ---- html_names.js: names of functions, frames, processes and threads, written as user/profile/view.c writes them: a
// name found here is found in every other output.

const KIND_INLINED = 4, KIND_KERNEL = 5, KIND_COLLECTOR = 8; // as enum view_class

function nameOf(f) {
	return D.texts[D.function_name[f]] || '[unnamed]';
}

function fileOf(f, full) {
	return D.texts[D.function_short_file[f]] && !full ? D.texts[D.function_short_file[f]] : D.texts[D.function_file[f]];
}

function kindOfFunction(f) {
	return Math.floor(D.function_colour[f] / SHADES);
}

function isSynthetic(kind) {
	return kind === KIND_SYNTHETIC || kind === KIND_WAIT || kind === KIND_COLLECTOR;
}

function frameText(f, line, full) {
	const kind = kindOfFunction(f), file = fileOf(f, full), object = D.texts[D.function_module[f]];
	const isNative = kind === KIND_NATIVE || kind === KIND_INLINED || kind === KIND_KERNEL;
	const where = isNative && !line && object ? object : file + (file && line ? ':' + line : '');
	if (isSynthetic(kind) || !where)
		return nameOf(f);
	return nameOf(f) + ' (' + where + (kind === KIND_INLINED ? ', inlined' : '') + ')';
}

function processText(id) {
	const p = D.processes[id];
	return 'process ' + p.pid + ':"' + p.command + '"';
}

function threadText(id) {
	const t = D.threads[id];
	return 'thread (' + t.tid + ')' + (t.name ? ': ' + t.name : '');
}

// The texts of all frames: frames that read the same are the same. Roots are added as they come.
function labelsFor(mode, full) {
	const key = mode + full, known = M.labels.get(key);
	if (known)
		return known;
	const ids = new Map(), l = {texts: [], colour: [], fn: []};
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
	l.ofFrame = D.frame_function.map((f, i) => {
		const line = mode === 'line' ? D.frame_line[i] : mode === 'function' ? D.function_line[f] : 0;
		return i && l.id(frameText(f, line, full), D.function_colour[f], f);
	});
	M.labels.set(key, l);
	return l;
}
