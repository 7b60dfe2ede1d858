// SPDX-License-Identifier: MIT
// ---- html_panels.js: the words around the views: heading, threads, what was lost and how it was recorded, keys.

function picker(id, label, choices, act) {
	const changed = () => {
		act(select.value);
		if (!ui.byKeys)
			viewBox().focus({preventScroll: true}); // after a choice by mouse, keys are for the view
	};
	const select = make('select', {id, title: label, 'aria-label': label, change: changed},
		choices.map(([value, text]) => make('option', {value}, text)));
	return select;
}

function toggle(id, text, title, key) {
	return button(id, text, title, () => change({[key]: !S[key]}));
}

// ---- threads

// Containers (or units) with their processes, the largest value first.
function byContainer(processes) {
	const found = new Map();
	for (const p of processes) {
		const text = D.processes[p.process].container;
		if (!found.has(text))
			found.set(text, {text, value: 0, list: []});
		found.get(text).value += p.value;
		found.get(text).list.push(p);
	}
	return [...found.values()].sort((a, b) => b.value - a.value);
}

function buildThreads() {
	const value = new Float64Array(D.threads.length), processes = new Map();
	D.part_thread.forEach((thread, p) => { value[thread] += valueType().parts.has(D.part_type[p]) ? D.part_value[p] : 0; });
	const all = value.reduce((a, b) => a + b, 0);
	ui.threadBoxes = [];
	for (let t = 1; t < value.length; t++) {
		const {process} = D.threads[t];
		if (!D.threadParts[t].length)
			continue;
		if (!processes.has(process))
			processes.set(process, {process, value: 0, threads: []});
		processes.get(process).value += value[t];
		processes.get(process).threads.push(t);
	}
	const row = (ids, text, share, kind) => {
		const box = make('input', {type: 'checkbox', change: () => showOnly(ids, box.checked)});
		const only = button('', 'only', 'Only this: ' + text, () => change({hidden: othersThan(ids)}));
		ui.threadBoxes.push({box, ids});
		only.className = 'only';
		return make('div', {class: kind}, make('label', {}, box, make('span', {}, text)),
			make('span', {class: 'share'}, percent(share, all)), only);
	};
	const rows = [];
	const add = list => {
		for (const p of list.sort((a, b) => b.value - a.value)) {
			rows.push(row(p.threads, processText(p.process), p.value, 'process'));
			for (const t of p.threads.sort((a, b) => value[b] - value[a]))
				rows.push(row([t], threadText(t), value[t], 'thread'));
		}
	};
	if (D.hasContainers)
		for (const c of byContainer([...processes.values()])) {
			rows.push(row(c.list.flatMap(p => p.threads), c.text, c.value, 'container'));
			add(c.list);
		}
	else
		add([...processes.values()]);
	ui.threadList.replaceChildren(...rows);
}

function othersThan(ids) {
	const wanted = new Set(ids), others = new Set();
	for (let t = 1; t < D.threads.length; t++)
		if (!wanted.has(t) && D.threadParts[t].length)
			others.add(t);
	return others;
}

function showOnly(ids, on) {
	const hidden = new Set(S.hidden);
	for (const id of ids) {
		if (on)
			hidden.delete(id);
		else
			hidden.add(id);
	}
	change({hidden});
}

function buildThreadPanel() {
	ui.threadList = make('div', {class: 'list'});
	return ui.threads = make('dialog', {id: 'threads-panel', 'aria-label': 'Processes and threads', class: 'panel'},
		make('header', {}, make('h2', {}, 'Processes and threads'),
			button('threads-all', 'All', 'Show all threads', () => change({hidden: new Set()})),
			button('threads-none', 'None', 'Show none, to choose some', () => change({hidden: othersThan([])})),
			closer()),
		ui.threadList);
}

function showThreads() {
	const hidden = S.hidden.size, all = D.threadParts.reduce((n, parts) => n + (parts.length ? 1 : 0), 0);
	ui.threadsButton.textContent = hidden ? 'Threads: ' + (all - hidden) + ' of ' + all : 'Threads: ' + all;
	ui.threadsButton.setAttribute('aria-pressed', String(hidden > 0));
	for (const {box, ids} of ui.threadBoxes || []) {
		const on = ids.filter(id => !S.hidden.has(id)).length;
		box.checked = on > 0;
		box.indeterminate = on > 0 && on < ids.length;
	}
}

function closer() {
	return make('button', {type: 'button', class: 'close', 'aria-label': 'Close', title: 'Close: Esc',
		click: event => event.currentTarget.closest('dialog').close()}, '×');
}

function openPanel(panel) {
	if (panel === ui.threads)
		buildThreads();
	showThreads();
	if (panel.open)
		panel.close();
	else
		panel.showModal();
}

// ---- about: the command, the settings, what was lost

function rateText() {
	return D.rate_hz ? (+D.rate_hz.toPrecision(6)) + ' Hz asked' + (D.effective_rate_hz ?
		', ' + (+D.effective_rate_hz.toPrecision(4)) + ' Hz effective' : '') : '';
}

function factRows() {
	const h = D, pythons = [...new Set(h.processes.slice(1).map(p => p.python).filter(p => p))].sort();
	return [
		['Target', h.target],
		['Recorded', h.start_unix_ms ? dateText(h.start_unix_ms) + (h.duration_ms ? ', for ' + secondsText(h.duration_ms / 1000) + ' s' : '') : ''],
		['On', [h.host, h.kernel && 'Linux ' + h.kernel, h.cpus && plural(h.cpus, 'CPU')].filter(x => x).join(' · ')],
		['Rate', rateText()],
		['Samples', h.types.filter(t => t.parts.size < 2).map(t => plural(t.samples, 'sample') + ' of ' + t.sentence).join(', ') + (h.only_gil_recorded ? ', only those that held the GIL' : '')],
		['Time resolution of this page', D.slices ? momentText(sliceSeconds(), sliceSeconds()) : 'none: times are not known'],
		['Processes', plural(h.processes.length - 1, 'process') + ', ' + plural(h.threads.length - 1, 'thread')],
		['Python', pythons.join(', ')],
		['Labels', [...new Set(h.processes.flatMap(p => p && p.labels || []))].join(', ')],
		['Written by', h.tool],
	].filter(([, text]) => text);
}

function lossRows() {
	const h = D, ticks = h.ticks || 0, rows = [];
	const row = (text, count, cpu, more) => make('tr', {}, make('td', {class: 'number'}, grouped(count)),
		make('td', {class: 'number'}, ticks ? percent(count, ticks) : ''),
		make('td', {class: 'number'}, cpu ? secondsText(cpu / 1000) + ' s' : ''), make('td', {}, text, more && make('small', {}, more)));
	for (const loss of [...h.losses].sort((a, b) => b.failure - a.failure || b.count - a.count)) {
		const more = [loss.kind + (loss.failure ? '' : ', no failure'), loss.process ? processText(loss.process) : '',
			loss.to_ms > 0 ? momentText(loss.from_ms / 1000, 1) + ' – ' + momentText(loss.to_ms / 1000, 1) : ''];
		rows.push(row(loss.sentence || loss.reason, loss.count, loss.cpu_ms, more.filter(x => x).join(' · ')));
	}
	if (h.truncated)
		rows.push(row('stacks whose root side is missing', h.truncated, 0, 'these are in the samples'));
	if (h.filtered)
		rows.push(row('ticks in tasks that were not to be sampled', h.filtered, 0, 'no failure'));
	return rows;
}

function buildAbout() {
	const rows = lossRows(), h = D;
	const table = rows.length ? make('table', {id: 'losses'}, make('thead', {}, make('tr', {},
		['Ticks', 'Share', 'CPU', 'Why'].map(text => make('th', {scope: 'col', class: text === 'Why' ? '' : 'number'}, text)))), make('tbody', {}, rows)) :
		make('p', {}, 'Nothing: every tick of the timer in the target is a sample.');
	return ui.about = make('dialog', {id: 'about', 'aria-label': 'About this recording', class: 'panel wide'},
		make('header', {}, make('h2', {}, 'About this recording'), closer()),
		make('h3', {}, 'Command'), make('pre', {id: 'command'}, h.command || 'not known'),
		make('h3', {}, 'Settings'), make('dl', {}, factRows().map(([name, text]) => [make('dt', {}, name), make('dd', {}, text)])),
		make('h3', {}, 'Lost or failed'), make('p', {id: 'loss-text'}, h.loss_text), table);
}

const KEYS = [
	['1 2 3 4 5', 'flame graph, time, callers and callees, table, source'],
	['← ↑ → ↓', 'move in the view; in time: earlier, later, closer, wider'],
	['Enter', 'zoom to the frame, open the row'], ['Backspace', 'one step out again'], ['Home', 'the whole picture again'],
	['/', 'search, a regular expression'], ['n N', 'next, previous: match, or hot line'],
	['Esc', 'close, clear the search, then the zoom'], ['0', 'reset: zoom, search, time, threads'],
	['c', 'callers and callees of the frame'], ['e', 'its source'],
	['u', 'from where your code begins, or the whole'], ['i', 'flame or icicle'], ['o', 'order: heaviest first, by name'], ['m', 'merge from the root or from the leaf'],
	['l', 'by line, by function, without lines'], ['p', 'one picture, per program, process or thread'],
	['f', 'whole paths of files'], ['g', 'only samples that held the GIL'], ['t', 'choose threads'],
	['6', 'threads: what they did and waited for, where that was recorded'], ['w', 'waits of threads that have nothing to do'],
	['[ ]', 'earlier, later span of time'], ['v', 'what is measured: CPU time and others, where there is more than one'], ['a', 'about: command, settings, what was lost or failed'], ['d', 'dark, light, as the system has it'],
	['?', 'these keys'],
];

function buildHelp() {
	return ui.help = make('dialog', {id: 'help', 'aria-label': 'Keys', class: 'panel'},
		make('header', {}, make('h2', {}, 'Keys'), closer()),
		make('dl', {class: 'keys'}, KEYS.map(([key, text]) => [make('dt', {}, key.split(' ').map(k => make('kbd', {}, k))),
			make('dd', {}, text)])));
}

// ---- the heading

const KIND_NAMES = ['your code', 'standard library', 'site-packages', 'native code', 'inlined', 'kernel', 'synthetic frames', 'waits', 'garbage collector'];

function paintNothing(pane) {
	const words = valueType().samples ? 'Samples were taken, but none that this selection shows.' : 'No samples were taken.';
	const losses = D.types.some(t => t.samples) ? [] : D.losses.slice(0, 12);
	pane.message(words, ...losses.map(loss => grouped(loss.count) + ' ' + loss.kind + ': ' + (loss.sentence || loss.reason)));
}

function buildHeading() {
	const h = D;
	ui.facts = make('span', {id: 'facts'});
	ui.lost = button('lost', h.loss_text, 'What was lost or failed, and how it was recorded: a', () => openPanel(ui.about));
	ui.lost.className = 'link' + (h.losses.some(loss => loss.failure) || !h.complete ? ' lossy' : '');
	const when = h.start_unix_ms ? ' · ' + dateText(h.start_unix_ms) + (h.host ? ' on ' + h.host : '') : '';
	return make('header', {class: 'top'}, make('h1', {}, h.title),
		h.command && make('p', {class: 'command', title: h.command}, '$ ' + h.command),
		ui.why = h.why && make('p', {id: 'why', class: 'why'}, h.why),
		make('p', {class: 'facts'}, ui.facts, ui.lost, when));
}

function showFacts() {
	const facts = [plural(valueType().samples, 'sample'), rateText(), D.duration_ms ? secondsText(D.duration_ms / 1000) + ' s recorded' : ''];
	ui.facts.textContent = facts.filter(text => text).join(' · ') + ' · ';
}
