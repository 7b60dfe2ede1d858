// SPDX-License-Identifier: MIT
// ---- html_source.js: the lines of a file with their values. The text is that of the machine that wrote this page;
// without it, the lines that have samples are still listed.

const CODE_ROW = 19;
const STATES = {
	newer: 'This file was changed after the program that ran it had started, so its text is not shown.',
	differs: 'The file of that name on the machine that wrote this page is another one, so its text is not shown.',
	missing: 'The text could not be read when this page was written: not there, not as the user who asked and the one who ran ' +
		'it, or not in the container it ran in.',
};
const code = {key: '', files: [], lines: [], own: new Map(), total: new Map(), functions: new Map()};

// What has lines: no objects of native code. Own values are those of their lines.
function fileTotals() {
	const g = totals('file'), lines = totals('line'), own = new Map(), out = [];
	for (let i = 0; i < lines.count; i++)
		if (lines.line[i] > 0)
			own.set(D.function_file[lines.fn[i]], (own.get(D.function_file[lines.fn[i]]) || 0) + lines.own[i]);
	for (let i = 0; i < g.count; i++) {
		const file = D.function_file[g.fn[i]];
		if (g.samples[i] && file && own.has(file))
			out.push({file, text: g.name[i], own: own.get(file), total: g.total[i]});
	}
	return out.sort((a, b) => b.own - a.own || b.total - a.total);
}

// Values by line of one file, and a function of each.
function lineTotals(file) {
	const g = totals('line');
	for (const map of [code.own, code.total, code.functions])
		map.clear();
	for (let i = 0; i < g.count; i++) {
		if (D.function_file[g.fn[i]] !== file || !g.samples[i])
			continue;
		const line = g.line[i];
		code.own.set(line, (code.own.get(line) || 0) + g.own[i]);
		code.total.set(line, (code.total.get(line) || 0) + g.total[i]);
		if (!code.functions.has(line))
			code.functions.set(line, g.fn[i]);
	}
}

function sourceOf(file) {
	return D.sources.find(source => source.file === file) || {file, state: 'missing'};
}

// All lines of the text; without one, the lines that have samples.
function codeLines(file) {
	const source = sourceOf(file);
	if (!source.text)
		return [...code.total.keys()].sort((a, b) => a - b).map(line => [line, null]);
	source.lines = source.lines || source.text.replace(/\n$/, '').split('\n');
	const lines = source.lines.map((text, i) => [i + 1, text]);
	const beyond = [...code.total.keys()].filter(line => line > lines.length || line === 0);
	return lines.concat(beyond.sort((a, b) => a - b).map(line => [line, null]));
}

function heat(cell, share) {
	if (share > 0)
		cell.style.background = 'color-mix(in srgb, var(--heat) ' + (8 + 82 * Math.sqrt(share)).toFixed(1) + '%, transparent)';
	return cell;
}

function codeRow(i) {
	const [line, text] = code.lines[i], own = code.own.get(line) || 0, total = code.total.get(line) || 0;
	const share = value => value ? percent(value, M.all) : '';
	const row = make('div', {role: 'row', class: 'line' + (isFound(text) ? ' hit' : ''), 'aria-rowindex': i + 1},
		heat(make('span', {role: 'cell', class: 'own', title: own ? valueText(own) : ''}, share(own)), own / (code.most || 1)),
		make('span', {role: 'cell', class: 'total', title: total ? valueText(total) : ''}, share(total)),
		make('span', {role: 'cell', class: 'number'}, line ? String(line) : '?'),
		make('span', {role: 'cell', class: 'text' + (text === null ? ' none' : '')},
			text === null ? nameOf(code.functions.get(line)) : text));
	return row;
}

function isFound(text) {
	return Boolean(S.query && text && expression().test(text));
}

function describeLine(i) {
	const [line] = code.lines[i], own = code.own.get(line) || 0, total = code.total.get(line) || 0;
	const figures = ['own ' + shareText(own, M.all, M.allSamples), 'total ' + shareText(total, M.all, M.allSamples), valueText(total)].join(' · ');
	say(D.texts[S.file] + ':' + line, total ? figures : 'no samples', code.functions.get(line));
}

// The next line with samples of its own, from where the keyboard is.
function nextHot(step) {
	for (let i = ui.code.at + step; i >= 0 && i < code.lines.length; i += step)
		if (code.total.get(code.lines[i][0]))
			return ui.code.pick(i);
}

const sourceKeys = {
	n: () => nextHot(1),
	N: () => nextHot(-1),
};

function buildSource() {
	const body = make('div', {id: 'code', class: 'rows code', tabindex: '0', role: 'table', 'aria-label': 'Source lines'});
	ui.code = new RowList(body, CODE_ROW, {makeRow: codeRow, choose: describeLine, open: () => openSandwich(ui.aimed)});
	ui.codeBox = body;
	ui.files = make('select', {id: 'files', 'aria-label': 'File',
		change: () => change({file: Number(ui.files.value), line: 0}, {step: true})});
	ui.codeState = make('output', {id: 'code-state'});
	return make('div', {class: 'stack'},
		make('div', {class: 'bar'}, ui.files, button('next-hot', 'Next hot line', 'The next line with samples: n', () => nextHot(1)),
			ui.codeState),
		make('div', {class: 'line heads', 'aria-hidden': 'true'}, make('span', {class: 'own'}, 'Own'),
			make('span', {class: 'total'}, 'Total'), make('span', {class: 'number'}, 'Line'), make('span', {class: 'text'}, 'Text')),
		body);
}

function hottestLine() {
	const weights = code.lines.map(([line]) => (code.own.get(line) || 0) + (code.total.get(line) || 0) / 1e6);
	return Math.max(0, weights.indexOf(weights.reduce((a, b) => Math.max(a, b), 0)));
}

function showSource() {
	const files = fileTotals();
	if (!S.file && files.length)
		S.file = files[0].file;
	if (S.file && !files.some(f => f.file === S.file))
		files.push({file: S.file, text: D.texts[S.file], own: 0, total: 0});
	ui.files.replaceChildren(...files.map(f => make('option', {value: f.file, selected: f.file === S.file},
		percent(f.own, M.all) + '  ' + f.text)));
	lineTotals(S.file);
	code.lines = S.file ? codeLines(S.file) : [];
	code.most = [...code.own.values()].reduce((a, b) => Math.max(a, b), 0);
	ui.codeState.textContent = S.file ? STATES[sourceOf(S.file).state] || '' : 'No file has samples in this selection.';
	ui.codeState.title = D.texts[S.file] || '';
	const isOther = code.key !== S.file + ':' + S.line;
	code.key = S.file + ':' + S.line;
	if (isOther)
		ui.code.at = S.line ? Math.max(0, code.lines.findIndex(([line]) => line === S.line)) : hottestLine();
	ui.code.show(code.lines.length);
	if (isOther)
		ui.code.centre(ui.code.at);
	hint(D.texts[S.file] ? D.texts[S.file] : '', 'own: the line itself, with what it waited for and ran in C · total: and what it called');
	aim(code.lines.length ? code.functions.get(code.lines[Math.min(ui.code.at, code.lines.length - 1)][0]) : 0);
}
