// ---- html_names.js: what functions, frames, processes and threads are called, as user/profile/view.c has it: a
// name found here is found in every other output.

const KIND_ROOT = 4, KIND_MARK = 3;

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
