// SPDX-License-Identifier: MIT
// ---- html_threads.js: what each thread did over the time of the recording: ran, waited, was not let run. A lane per thread, and
// one for all of a name where threads are many; names stand left of them. Dragging selects a span of time; the flame graph
// below is of that.

const STRIPE = 19, STRIPE_BAR = 17, STRIPE_COLUMN = 2, GUTTER_MAX = 220; // px
const FOLD_FROM = 60; // threads
const IDLE = -1;
const stripes = {list: null, window: null, cache: new Map(), drag: null};

// By stack: is the collector at work on it? A parent is always older than its children.
function collectsByStack() {
	const kinds = D.stack_frame.map(frame => kindOfFunction(D.frame_function[frame])), on = [false];
	for (let s = 1; s < kinds.length; s++)
		on.push(on[D.stack_parent[s]] || kinds[s] === KIND_COLLECTOR);
	return on;
}

// What a thread was in during a part: a colour, which has a name in stateText().
function stateOf(part) {
	const stack = D.part_stack[part], colour = D.function_colour[D.frame_function[D.stack_frame[stack]]], kind = Math.floor(colour / SHADES);
	if (D.isIdle[stack])
		return IDLE;
	if (kind === KIND_WAIT)
		return colour === KIND_WAIT * SHADES + 1 ? KIND_WAIT * SHADES : colour; // with a holder or not
	if (D.types[D.part_type[part]].isWait)
		return KIND_SYNTHETIC * SHADES;
	stripes.collects = stripes.collects || collectsByStack();
	if (stripes.collects[stack])
		return KIND_COLLECTOR * SHADES;
	if (kind === KIND_NATIVE || kind === KIND_INLINED)
		return KIND_NATIVE * SHADES;
	return kind === KIND_KERNEL ? KIND_KERNEL * SHADES : KIND_USER * SHADES + 5;
}

function stateText(state) {
	const kind = Math.floor(state / SHADES);
	if (state === IDLE)
		return 'idle';
	return kind === KIND_WAIT ? D.causes[state % SHADES] : {[KIND_USER]: 'Python', [KIND_SYNTHETIC]: 'another wait'}[kind] || KIND_NAMES[kind];
}

// Its name first: there is not much room.
function nameFirst(id) {
	const t = D.threads[id];
	return t.name ? t.name + ' (' + t.tid + ')' : threadText(id);
}

// Threads with wall time, the busiest first; idle waits do not count.
function threadList() {
	const list = [];
	D.threadParts.forEach((parts, thread) => {
		const wall = parts.filter(p => D.wallParts.has(D.part_type[p]));
		const busy = wall.reduce((sum, p) => sum + (D.isIdle[D.part_stack[p]] ? 0 : D.part_value[p]), 0);
		if (wall.length)
			list.push({ids: [thread], parts: wall, busy, text: nameFirst(thread)});
	});
	return list.sort((a, b) => b.busy - a.busy);
}

// "worker-1", "worker-2" of a process are one lane.
function foldByName(list) {
	const found = new Map();
	for (const lane of list) {
		const {name, process} = D.threads[lane.ids[0]], common = name.replace(/[-_ #:(]*\d[\d.]*\)?$/, ''), key = process + '\0' + common;
		const where = D.processCount > 1 ? ' · process ' + D.processes[process].pid : '';
		const all = found.get(key) || {ids: [], parts: [], busy: 0, text: (common || 'without a name') + where};
		found.set(key, {...all, ids: [...all.ids, ...lane.ids], parts: all.parts.concat(lane.parts), busy: all.busy + lane.busy});
	}
	const folded = [...found.values()];
	for (const lane of folded)
		lane.text = lane.ids.length > 1 ? lane.text + ' · ' + plural(lane.ids.length, 'thread') : nameFirst(lane.ids[0]);
	return folded.sort((a, b) => b.busy - a.busy);
}

function findStripes() {
	if (!stripes.list) {
		const all = threadList();
		stripes.list = all.length > FOLD_FROM ? foldByName(all) : all;
		stripes.states = [...new Set(stripes.list.flatMap(lane => lane.parts.map(stateOf)))].sort((a, b) => a - b);
	}
	return stripes.list;
}

function stripeSpan() {
	return stripes.window || [0, Math.max(1, D.slices)];
}

// By state, how much of each column of a lane: a wait is drawn from where it began.
function stripeColumns(lane, count) {
	const [from, to] = stripeSpan(), key = [count, from, to].join(), kept = stripes.cache.get(lane);
	if (kept && kept.key === key)
		return kept.columns;
	const columns = new Map(), perSlice = count / (to - from), full = D.slice_ns / perSlice * lane.ids.length;
	for (const p of lane.parts) {
		const state = stateOf(p), unit = rowUnit(p);
		if (!columns.has(state))
			columns.set(state, new Float64Array(count));
		const out = columns.get(state);
		for (let r = rowFrom(p, from); r < D.rowBegin[p + 1]; r++) {
			const value = D.row_units[r] * unit, end = (D.row_slice[r] + 1 - from) * perSlice;
			fillColumns(out, end - value / D.slice_ns * perSlice, end, value / full);
		}
	}
	stripes.cache.set(lane, {key, columns});
	return columns;
}

// Adds `amount`, spread evenly between two places; what is outside is cut.
function fillColumns(out, begin, end, amount) {
	const each = amount / Math.max(end - begin, 1e-9), last = Math.min(out.length, Math.ceil(end));
	for (let i = Math.max(0, Math.floor(begin)); i < last; i++)
		out[i] += each * Math.max(0, Math.min(end, i + 1) - Math.max(begin, i));
}

function columnSum(columns, i) {
	let sum = 0;
	for (const values of columns.values())
		sum += values[i];
	return sum;
}

function gutter() {
	return Math.min(GUTTER_MAX, Math.round(ui.stripes.width / 4));
}

function columnCount() {
	return Math.max(1, Math.floor((ui.stripes.width - gutter()) / STRIPE_COLUMN));
}

// Layers of a column from the ground up; more than there is time for is made to fit.
function paintStripe(pane, lane, y) {
	const {pen} = pane, count = columnCount(), columns = stripeColumns(lane, count), left = gutter();
	const wide = (pane.width - left) / count, ground = y + STRIPE_BAR, height = new Float64Array(count);
	const scale = Float64Array.from(height, (_, i) => STRIPE_BAR / Math.max(1, columnSum(columns, i)));
	pen.globalAlpha = lane.ids.every(id => S.hidden.has(id)) ? 0.25 : 1;
	pen.fillStyle = pane.inks.plate;
	pen.fillRect(left, y, pane.width - left, STRIPE_BAR);
	for (const state of stripes.states.filter(one => columns.has(one) && one !== IDLE)) {
		const values = columns.get(state);
		pen.fillStyle = pane.inks.fills[state];
		for (let i = 0; i < count; i++) {
			const tall = values[i] * scale[i];
			if (tall < 0.2)
				continue;
			pen.fillRect(left + i * wide, ground - height[i] - tall, wide + 0.3, tall);
			height[i] += tall;
		}
	}
	pen.fillStyle = pane.inks.ink;
	pen.font = '11.5px system-ui, sans-serif';
	pen.fillText(pane.fit(lane.text, left - 8), 2, y + 12.5);
	pen.font = LETTERS;
	pen.globalAlpha = 1;
}

function stripeX(pane, slice) {
	const [from, to] = stripeSpan();
	return gutter() + (slice - from) / (to - from) * (pane.width - gutter());
}

function paintStripes(pane) {
	const [from, to] = stripeSpan(), list = findStripes(), second = sliceSeconds();
	if (!list.length || !D.slices)
		return paintNothing(pane);
	list.forEach((lane, i) => {
		const y = AXIS + i * STRIPE;
		if (y < pane.top + pane.height && y + STRIPE > pane.top)
			paintStripe(pane, lane, y);
		pane.boxes.push({x: 0, y, width: pane.width, shown: lane.text, text: lane.text, ref: i});
	});
	if (S.range) {
		const [left, right] = S.range.map(slice => stripeX(pane, slice));
		pane.pen.globalAlpha = 0.6;
		pane.pen.fillStyle = pane.inks.paper;
		pane.pen.fillRect(gutter(), pane.top, Math.max(0, left - gutter()), pane.height);
		pane.pen.fillRect(right, pane.top, Math.max(0, pane.width - right), pane.height);
		pane.pen.globalAlpha = 1;
	}
	pane.pen.fillStyle = pane.inks.paper;
	pane.pen.fillRect(0, pane.top, pane.width, AXIS - 2);
	pane.pen.translate(gutter(), 0);
	drawAxis(pane.pen, pane.inks, {from: from * second, seconds: (to - from) * second, width: pane.width - gutter(), y: pane.top + AXIS - 2});
	pane.pen.translate(-gutter(), 0);
}

// ---- the mouse

function stripeAt(event) {
	const pane = ui.stripes, r = pane.canvas.getBoundingClientRect(), [from, to] = stripeSpan();
	const x = Math.max(0, Math.min(1, (event.clientX - r.left - gutter()) / (r.width - gutter()))), y = event.clientY - r.top + pane.box.scrollTop - AXIS;
	return {slice: from + x * (to - from), x, lane: y >= 0 ? findStripes()[Math.floor(y / STRIPE)] : undefined};
}

function stripeDown(event) {
	if (event.button || !D.slices)
		return;
	stripes.drag = {...stripeAt(event), moved: false};
	ui.stripes.canvas.setPointerCapture(event.pointerId);
}

function stripeMove(event) {
	const at = stripeAt(event), {drag} = stripes;
	if (!drag)
		return describeStripe(at);
	if (!drag.moved && Math.abs(at.x - drag.x) * columnCount() < 2)
		return;
	drag.moved = true;
	setRange(Math.floor(Math.min(drag.slice, at.slice)), Math.ceil(Math.max(drag.slice, at.slice)), true);
}

// A click chooses the threads of a lane alone, and all again.
function stripeUp(event) {
	const {drag} = stripes, at = stripeAt(event);
	stripes.drag = null;
	if (!drag)
		return;
	if (drag.moved)
		setRange(Math.floor(Math.min(drag.slice, at.slice)), Math.ceil(Math.max(drag.slice, at.slice)));
	else if (drag.lane)
		chooseLane(drag.lane);
}

function chooseLane(lane) {
	const others = othersThan(lane.ids), isAlone = others.size === S.hidden.size && lane.ids.every(id => !S.hidden.has(id));
	change({hidden: isAlone ? new Set() : others});
}

function describeStripe({lane, x, slice}) {
	if (!lane)
		return stripeHint();
	const count = columnCount(), at = Math.min(count - 1, Math.floor(x * count));
	const columns = stripeColumns(lane, count), sum = Math.max(1, columnSum(columns, at));
	const shares = [...columns].filter(([, values]) => values[at] > 0.005).sort((a, b) => b[1][at] - a[1][at])
		.map(([state, values]) => stateText(state) + ' ' + Math.round(100 * values[at] / sum) + '%');
	say(lane.text, [momentText(slice * sliceSeconds(), sliceSeconds()), shares.join(', ') || 'nothing recorded'].join(' · '));
}

// ---- what is around it

function zoomStripes(range) {
	stripes.window = range;
	showStripes();
}

const stripeKeys = {
	ArrowLeft: () => moveRange(-0.2, 1),
	ArrowRight: () => moveRange(0.2, 1),
	Enter: () => zoomStripes(S.range),
	Backspace: () => zoomStripes(null),
	Home: () => { zoomStripes(null); setRange(0, D.slices); },
};

function paintBelow(pane) {
	const tree = callTree(), look = lookOf(pane, tree, () => false);
	if (!tree.total[0])
		return paintNothing(pane);
	drawTree(pane, tree, 0, 0, pane.width, depth => depth * ROW + 1, look);
}

function buildStripes() {
	const pane = ui.stripes = new Pane('stripes', 'What threads did, in order of time', paintStripes), below = ui.below = new Pane('below',
		'Flame graph of the selection', paintBelow);
	for (const [name, act] of [['pointerdown', stripeDown], ['pointermove', stripeMove], ['pointerup', stripeUp], ['pointercancel', stripeUp]])
		pane.canvas.addEventListener(name, act);
	pane.canvas.addEventListener('mouseleave', stripeHint);
	pane.canvas.addEventListener('dblclick', () => zoomStripes(S.range));
	pane.canvas.style.cursor = 'crosshair';
	below.listen({click: box => { change({view: 'flame'}, {step: true}); zoomTo(box.ref); },
		over: box => box ? describe(callTree(), box.ref) : stripeHint(), title: box => callTree().text(box.ref)});
	return make('div', {class: 'stack'}, pane.box, below.box);
}

function hasWaits() {
	return D.types.some(type => type.isWait && type.parts.size < 2);
}

function stripeHint() {
	const where = stripes.window ? rangeText(stripes.window) + '; Backspace: all' : '';
	hint('A lane per thread, the busiest first. Drag to select a span of time, Enter to look closer; click a lane for its threads alone.', where);
}

function showStripes() {
	ui.stripes.setHeight(AXIS + findStripes().length * STRIPE);
	ui.below.setHeight(callTree().rows * ROW + 2);
	stripeHint();
	ui.stripes.redraw();
	ui.below.redraw();
}
