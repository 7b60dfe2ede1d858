// SPDX-License-Identifier: MIT
// ---- html_brush.js: the values over the time of the recording. All views show the span selected here. Its two ends are
// sliders for the keyboard and for screen readers; the mouse drags an end, the middle, or a new span.

const brush = {key: '', sums: null, hit: null, drag: null};
const GRIP = 6, BRUSH_AXIS = 16;

function buildBrush() {
	const grip = (id, label) => make('div', {id, class: 'grip', role: 'slider', tabindex: '0', 'aria-label': label,
		'aria-orientation': 'horizontal', keydown: brushKey});
	brush.canvas = make('canvas', {});
	brush.shade = make('div', {class: 'chosen'});
	brush.from = grip('brush-from', 'Start of the selected time');
	brush.to = grip('brush-to', 'End of the selected time');
	brush.words = make('output', {id: 'brush-words'});
	brush.all = button('brush-all', 'All time', 'Select all of the time: 0', () => setRange(0, D.slices));
	brush.box = make('div', {id: 'brush', class: 'brush', role: 'group', 'aria-label': 'Values over time',
		pointerdown: brushDown, pointermove: brushMove, pointerup: brushUp, pointercancel: brushUp,
		dblclick: () => setRange(0, D.slices)}, brush.canvas, brush.shade, brush.from, brush.to);
	new ResizeObserver(() => showBrush()).observe(brush.box);
	return make('section', {class: 'brush-row', 'aria-label': 'Time'}, brush.box,
		make('div', {class: 'brush-side'}, brush.words, brush.all));
}

// While the span is dragged the views follow: browsers tell of the pointer once per frame.
function setRange(from, to, isPart) {
	const range = cutRange(from, to), wholeTime = !range && S.view === 'time' || S.wholeTime;
	if (String(range) !== String(S.range) || wholeTime !== S.wholeTime)
		change({range, wholeTime}, {quiet: isPart});
	else if (!isPart)
		saveState(false);
}

function sliceAt(event) {
	const r = brush.box.getBoundingClientRect();
	return Math.max(0, Math.min(D.slices, (event.clientX - r.left) / r.width * D.slices));
}

// The part of the brush at a slice: an end, the middle, or what a new span begins in.
function brushPart(at) {
	const [from, to] = span(), near = GRIP / brush.box.clientWidth * D.slices;
	if (!isPartOfTime())
		return 'new';
	return Math.abs(at - from) <= near ? 'from' : Math.abs(at - to) <= near ? 'to' : at > from && at < to ? 'move' : 'new';
}

function brushDown(event) {
	if (event.button || !D.slices)
		return;
	const at = sliceAt(event), [from, to] = span(), kind = brushPart(at);
	brush.drag = {kind, at, from, to, moved: false};
	brush.box.setPointerCapture(event.pointerId);
	event.preventDefault();
	(kind === 'to' ? brush.to : brush.from).focus({preventScroll: true});
}

function dragged(drag, at) {
	if (drag.kind === 'from')
		return [Math.round(at), drag.to];
	if (drag.kind === 'to')
		return [drag.from, Math.round(at)];
	if (drag.kind === 'new')
		return [Math.floor(Math.min(drag.at, at)), Math.ceil(Math.max(drag.at, at))];
	const wide = drag.to - drag.from, first = Math.round(drag.from + at - drag.at);
	const kept = Math.max(0, Math.min(first, D.slices - wide));
	return [kept, kept + wide];
}

function brushMove(event) {
	const {drag} = brush;
	if (!drag) {
		brush.box.style.cursor = {from: 'ew-resize', to: 'ew-resize', move: 'grab', new: 'crosshair'}[brushPart(sliceAt(event))];
		return;
	}
	if (!drag.moved && Math.abs(sliceAt(event) - drag.at) * brush.box.clientWidth < 3 * D.slices)
		return;
	drag.moved = true;
	setRange(...dragged(drag, sliceAt(event)), true);
}

function brushUp(event) {
	const {drag} = brush;
	brush.drag = null;
	if (drag && drag.moved)
		setRange(...dragged(drag, sliceAt(event)));
	else if (drag && drag.kind === 'new' && isPartOfTime())
		setRange(0, D.slices);
}

function brushKey(event) {
	const [from, to] = span(), far = Math.max(1, Math.round(D.slices / 20));
	const step = {Home: -D.slices, End: D.slices, ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -far,
		PageUp: far}[event.key];
	if (!step)
		return;
	if (event.currentTarget === brush.from)
		setRange(Math.max(0, Math.min(from + step, to - 1)), to);
	else
		setRange(from, Math.max(from + 1, Math.min(to + step, D.slices)));
	event.preventDefault();
	event.stopPropagation();
}

// ---- drawing

function brushSums() {
	const key = [[...S.hidden].join(), S.gil, S.idle, [...S.without].join(), S.type, S.query, S.matchCase, S.mode, S.full, S.leaf, S.own].join('\0');
	if (brush.key === key)
		return;
	brush.key = key;
	brush.sums = valuePerSlice();
	brush.hit = null;
	if (S.query) {
		const tree = callTree(), {covered} = coveredBy(tree);
		brush.hit = valuePerSlice(p => covered[tree.nodeOfPart[p]]);
	}
}

// The mean value of a slice, per bar of some pixels.
function bars(sums, count) {
	const out = new Float64Array(count), slices = new Int32Array(count);
	for (let i = 0; i < sums.length; i++) {
		const bar = Math.min(count - 1, Math.floor(i * count / sums.length));
		out[bar] += sums[i];
		slices[bar]++;
	}
	return out.map((sum, i) => sum / Math.max(1, slices[i]));
}

// A bar spans some ticks of the timer: one that spans a single tick would be empty or twice as high by chance.
function barCount(width) {
	const ticks = D.slices * sliceSeconds() * (D.rate_hz || 100);
	return Math.max(1, Math.min(Math.floor(width / 3), D.slices, Math.max(8, Math.floor(ticks / 8))));
}

function paintBrush() {
	const ratio = window.devicePixelRatio || 1, width = brush.box.clientWidth, height = brush.box.clientHeight;
	const {canvas} = brush, pen = canvas.getContext('2d'), colours = inks();
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	pen.setTransform(ratio, 0, 0, ratio, 0, 0);
	brushSums();
	const room = height - BRUSH_AXIS - 4, count = barCount(width), wide = width / count;
	const all = bars(brush.sums, count), most = Math.max(...all, 1e-9);
	for (const [values, colour] of [[all, colours.bar], [brush.hit ? bars(brush.hit, count) : [], colours.hit]]) {
		pen.fillStyle = colour;
		values.forEach((value, i) => {
			const h = value / most * room;
			pen.fillRect(i * wide, 4 + room - h, Math.max(1, wide - (wide > 3 ? 1 : 0)), h);
		});
	}
	drawAxis(pen, colours, {from: 0, seconds: D.slices * sliceSeconds(), width, y: height + 3});
	if (valueType().name === 'cpu')
		drawMost(most / D.slice_ns, pen, colours);
}

// Over the bars, so on a piece of paper of its own.
function drawMost(cpus, pen, colours) {
	const text = 'most: ' + (cpus < 0.095 ? cpus.toFixed(3) : cpus.toFixed(1)) + ' CPUs';
	pen.fillStyle = colours.paper;
	pen.globalAlpha = 0.8;
	pen.fillRect(2, 2, pen.measureText(text).width + 5, 15);
	pen.globalAlpha = 1;
	pen.fillStyle = colours.quiet;
	pen.fillText(text, 4, 13);
}

function showBrush() {
	const section = brush.box.closest('section'), width = brush.box.clientWidth, [from, to] = span(), step = sliceSeconds();
	section.hidden = !D.slices;
	if (!D.slices || !width)
		return;
	paintBrush();
	brush.shade.style.left = from / D.slices * 100 + '%';
	brush.shade.style.width = (to - from) / D.slices * 100 + '%';
	brush.box.classList.toggle('whole', !isPartOfTime());
	for (const [grip, at] of [[brush.from, from], [brush.to, to]]) {
		grip.style.left = at / D.slices * 100 + '%';
		grip.setAttribute('aria-valuemin', '0');
		grip.setAttribute('aria-valuemax', (D.slices * step).toFixed(3));
		grip.setAttribute('aria-valuenow', (at * step).toFixed(3));
		grip.setAttribute('aria-valuetext', momentText(at * step, step));
	}
	brush.words.textContent = S.range ? rangeText(S.range) + ' · ' + valueText(M.all) :
		isPartOfTime() ? 'The busiest span: ' + rangeText(span()) : 'Drag to select a span of time';
	$('brush-all').disabled = !isPartOfTime();
}
