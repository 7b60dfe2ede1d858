// SPDX-License-Identifier: MIT
// ---- html_time.js: time from left to right, a lane per thread. Several stacks of a slice share its width. A thread that
// used less CPU than there was time leaves the rest of a slice empty; values that are no time fill their slices.

const LANE_HEAD = 20, AXIS = 22, COLUMN = 2; // px; narrower slices are drawn together
const LEGIBLE = 600; // samples one after another that are told apart in a window
const lanes = {key: '', list: [], height: 0, boxes: new Map(), busiestKey: '', busiest: null};

// A box is a node of this tree: it has no roots, so that lanes can share names.
function laneTree() {
	return callTree('none', false, false);
}

// Threads with samples in the selection, the busiest first.
function findLanes() {
	const key = [M.version, S.mode, S.full, ...S.without, span()].join(), isPart = isPartOfTime() && !S.range;
	if (lanes.key === key)
		return;
	let top = AXIS;
	lanes.key = key;
	lanes.boxes.clear();
	lanes.list = [];
	for (let thread = 1; thread < D.threadParts.length; thread++) {
		let value = 0, depth = 0;
		for (const p of D.threadParts[thread]) {
			const [partValue, samples] = isPart && M.samples[p] ? sumOf(p, span()) : [M.value[p], M.samples[p]];
			value += partValue;
			if (samples)
				depth = Math.max(depth, D.depth[D.part_stack[p]]);
		}
		if (depth)
			lanes.list.push({thread, value, depth});
	}
	lanes.list.sort((a, b) => b.value - a.value);
	for (const lane of lanes.list) {
		lane.top = top;
		top += LANE_HEAD + lane.depth * ROW + 6;
	}
	lanes.height = top;
}

// What is in sight: the selection. Without one the order of time opens at the busiest span that frames can be told apart in.
function span() {
	return S.range || S.view === 'time' && !S.wholeTime && busiest() || [0, Math.max(1, D.slices)];
}

function isPartOfTime() {
	const [from, to] = span();
	return to - from < D.slices;
}

// Null: of so short a recording all can be seen.
function busiest() {
	brushSums();
	if (lanes.busiestKey === brush.key)
		return lanes.busiest;
	const wide = Math.max(2, Math.round(LEGIBLE / (D.rate_hz || 100) / sliceSeconds())), {sums} = brush;
	let sum = 0, most = 0, at = 0;
	for (let i = 0; i < sums.length; i++) {
		sum += sums[i] - (i < wide ? 0 : sums[i - wide]);
		if (sum > most * (1 + 1e-9))
			[most, at] = [sum, Math.max(0, i + 1 - wide)];
	}
	lanes.busiestKey = brush.key;
	return lanes.busiest = wide * 4 < D.slices ? [at, Math.min(at + wide, D.slices)] : null;
}

// By column of `step` slices of a lane: a map from nodes to values.
function columnsOf(lane, step) {
	const [from, to] = span(), tree = laneTree(), columns = new Map();
	for (const p of D.threadParts[lane.thread]) {
		if (!isOn(p))
			continue;
		const {isWait} = D.types[D.part_type[p]]; // it may end after what is in sight
		for (let r = rowFrom(p, from); r < D.rowBegin[p + 1] && (isWait || D.row_slice[r] < to); r++) {
			const share = isWait ? shareOf(p, r, [from, to]) : 1;
			const at = Math.floor((Math.min(D.row_slice[r], to - 1) - from) / step);
			if (!share)
				continue;
			if (!columns.has(at))
				columns.set(at, new Map());
			const column = columns.get(at), node = tree.nodeOfPart[p];
			column.set(node, (column.get(node) || 0) + D.row_units[r] * rowUnit(p) * share);
		}
	}
	return [...columns].sort((a, b) => a[0] - b[0]);
}

// A number per node, for the order of stacks in a column: subtrees side by side, so that frames go on as one box.
function ranksOf(tree) {
	if (tree.ranks)
		return tree.ranks;
	const open = [0], ranks = tree.ranks = new Int32Array(tree.count);
	for (let next = 0; open.length; next++) {
		const node = open.pop();
		ranks[node] = next;
		for (let i = tree.childBegin[node]; i < tree.childBegin[node + 1]; i++)
			open.push(tree.childList[i]);
	}
	return ranks;
}

// Collects boxes from pieces of time, left to right: frames that go on are one box.
class Boxes {
	constructor(tree, least) {
		this.tree = tree;
		this.least = least;
		this.open = []; // by depth: [node, from]
		this.edge = -1;
		this.out = [];
	}
	close(depth) {
		while (this.open.length > depth) {
			const [node, from] = this.open.pop();
			if (this.edge - from >= this.least)
				this.out.push({node, from, to: this.edge, depth: this.open.length});
		}
	}
	add(from, to, node) {
		const path = [];
		for (let i = node; i > 0; i = this.tree.parent[i])
			path.push(i);
		path.reverse();
		let common = 0;
		if (from - this.edge < 1e-9)
			while (common < this.open.length && this.open[common][0] === path[common])
				common++;
		this.close(common);
		for (let depth = common; depth < path.length; depth++)
			this.open.push([path[depth], from]);
		this.edge = to;
	}
}

// In seconds from the start of the selection. A sample stands for the CPU time before it, which may have begun in a
// slice without samples: it is drawn from there on, as far as the sample before leaves room.
function boxesOf(lane, pxPerSecond) {
	const second = sliceSeconds(), step = Math.max(1, Math.ceil(COLUMN / (second * pxPerSecond))), wide = step * second;
	const tree = laneTree(), ranks = ranksOf(tree), boxes = new Boxes(tree, HIDE / pxPerSecond), isTime = valueType().time;
	for (const [at, column] of columnsOf(lane, step)) {
		const pieces = [...column].sort((a, b) => ranks[a[0]] - ranks[b[0]]);
		const sum = pieces.reduce((all, piece) => all + piece[1], 0), to = (at + 1) * wide;
		let x = Math.max(boxes.edge, 0, to - (isTime ? sum / 1e9 : wide));
		if (x - Math.max(0, boxes.edge) < wide * 0.25)
			x = Math.max(0, boxes.edge);
		const scale = sum ? (to - x) / sum : 0;
		for (const [node, value] of pieces) {
			boxes.add(x, x + value * scale, node);
			x += value * scale;
		}
		boxes.edge = to;
	}
	boxes.close(0);
	return boxes.out;
}

function laneRow(lane, depth) {
	return lane.top + LANE_HEAD + (S.timeFlame ? lane.depth - 1 - depth : depth) * ROW;
}

function paintLane(pane, lane, pxPerSecond) {
	const tree = laneTree(), hits = hitsOf(tree.labels), [from] = span(), pen = pane.pen;
	const key = pxPerSecond.toFixed(6);
	let kept = lanes.boxes.get(lane.thread);
	if (!kept || kept.key !== key)
		lanes.boxes.set(lane.thread, kept = {key, boxes: boxesOf(lane, pxPerSecond)});
	for (const box of kept.boxes) {
		const y = laneRow(lane, box.depth);
		if (!pane.inSight(y))
			continue;
		const label = tree.label[box.node], hit = Boolean(hits && hits[label]);
		pane.frame(box.from * pxPerSecond, y, (box.to - box.from) * pxPerSecond, {
			text: tree.labels.texts[label], colour: tree.labels.colour[label], hit, dim: Boolean(hits) && !hit,
			least: 1.4, ref: {box, lane, start: from * sliceSeconds()}});
	}
	if (!pane.inSight(lane.top))
		return;
	pen.fillStyle = pane.inks.plate;
	pen.fillRect(0, lane.top, pane.width, LANE_HEAD - 2);
	pen.fillStyle = pane.inks.ink;
	pen.font = '600 11.5px system-ui, sans-serif';
	pen.fillText(laneText(lane), 6, lane.top + 13);
	pen.font = LETTERS;
}

function laneText(lane) {
	const thread = D.threads[lane.thread];
	return threadText(lane.thread) + ' · ' + processText(thread.process).slice(0, 90) + ' · ' + valueText(lane.value);
}

// Round steps: 1, 2, 5 × 10^n seconds, then minutes.
function tickStep(seconds, room) {
	const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
		1800, 3600, 7200, 14400, 43200, 86400];
	return steps.find(step => seconds / step <= room) || seconds / room;
}

function drawAxis(pen, colours, {from, seconds, width, y}) {
	const step = tickStep(seconds, Math.max(2, width / 90));
	pen.font = '11px system-ui, sans-serif';
	pen.fillStyle = colours.quiet;
	for (let t = Math.ceil(from / step - 1e-9) * step; t <= from + seconds + 1e-9; t += step) {
		const x = (t - from) / seconds * width, text = momentText(t, step);
		pen.fillRect(x, y - 14, 1, 5);
		if (x + pen.measureText(text).width + 4 < width)
			pen.fillText(text, x + 3, y - 6);
	}
}

function paintTime(pane) {
	const [from, to] = span(), seconds = (to - from) * sliceSeconds(), scale = pane.width / seconds;
	findLanes();
	if (!lanes.list.length)
		return paintNothing(pane);
	for (const lane of lanes.list)
		if (lane.top < pane.top + pane.height && lane.top + LANE_HEAD + lane.depth * ROW > pane.top)
			paintLane(pane, lane, scale);
	pane.pen.fillStyle = pane.inks.paper;
	pane.pen.fillRect(0, pane.top, pane.width, AXIS - 2);
	drawAxis(pane.pen, pane.inks, {from: from * sliceSeconds(), seconds, width: pane.width, y: pane.top + AXIS - 2});
}

function describeBox({box, lane, start}) {
	const tree = laneTree(), step = sliceSeconds() / 10;
	const figures = [momentText(start + box.from, step) + ' – ' + momentText(start + box.to, step),
		secondsText(box.to - box.from) + ' s', threadText(lane.thread)].join(' · ');
	say(tree.text(box.node), figures, tree.labels.fn[tree.label[box.node]]);
}

// The selection becomes what the box spans, with a little air.
function zoomToBox({box}) {
	const [from] = span(), second = sliceSeconds(), air = Math.max(2 * second, (box.to - box.from) / 20);
	setRange(from + Math.floor((box.from - air) / second), from + Math.ceil((box.to + air) / second));
}

function moveRange(share, zoom) {
	const [from, to] = span(), wide = to - from, next = Math.max(2, Math.round(wide * zoom));
	const middle = (from + to) / 2 + share * wide, first = Math.round(middle - next / 2);
	if (next >= D.slices)
		return setRange(0, D.slices);
	const shifted = Math.max(0, Math.min(first, D.slices - next));
	setRange(shifted, shifted + next);
}

const timeKeys = {
	ArrowLeft: () => moveRange(-0.2, 1),
	ArrowRight: () => moveRange(0.2, 1),
	ArrowUp: () => moveRange(0, 0.5),
	ArrowDown: () => moveRange(0, 2),
	Enter: () => moveRange(0, 0.5),
	Backspace: () => moveRange(0, 2),
	Home: () => setRange(0, D.slices),
};

function buildTime() {
	const pane = ui.time = new Pane('time', 'Stacks in order of time, by thread', paintTime);
	pane.listen({click: box => zoomToBox(box.ref), over: box => box ? describeBox(box.ref) : timeHint(), cursor: 'zoom-in',
		title: box => laneTree().text(box.ref.box.node)});
	return pane.box;
}

function timeHint() {
	const step = sliceSeconds(), isCoarse = D.rate_hz && step > 2 / D.rate_hz;
	const words = 'Time runs to the right; each thread has a lane. Click a frame to look at its span of time.' +
		(isCoarse ? ' Within ' + secondsText(step) + ' s stacks stand side by side.' : '');
	const where = !isPartOfTime() ? '' : (S.range ? '' : 'The busiest span, ') + rangeText(span()) + (S.range ? '' : '; Home: all');
	hint(D.slices ? words : 'This profile does not say when its samples were taken.', where);
}

function showTime() {
	findLanes();
	ui.time.setHeight(lanes.height);
	timeHint();
	ui.time.redraw();
}
