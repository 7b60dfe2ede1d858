// SPDX-License-Identifier: MIT
// ---- flame_pane.js: a canvas that scrolls. It is as large as what is in sight and stays there; the views draw boxes
// at the places where they would be on a sheet of any height.

const ROW = 18;      // px, as in svg_still.h
const THIN = 3;      // px; narrower boxes are drawn without a gap, in the middle shade of their kind
const HIDE = 0.3;    // px; narrower ones are drawn together
const SHADES = 12;   // of a kind, as in svg_layout.h
const LETTERS = '11px ui-monospace, "SF Mono", SFMono-Regular, Menlo, "Cascadia Mono", Consolas, ' +
	'"Liberation Mono", "DejaVu Sans Mono", monospace';
const KINDS = 'ulscikmwgrpne'; // letters of svg_style.css in the order of enum svg_kind
const KIND_USER = 0, KIND_SITE = 2, KIND_NATIVE = 3, KIND_SYNTHETIC = 6, KIND_WAIT = 7, KIND_ROOT = 9;
const palettes = {}; // by colour: kind × shades + shade

function readPalettes() {
	const take = (rules, palette) => {
		for (const rule of rules) {
			const found = /^\.([a-z])(\d*)$/.exec(rule.selectorText || '');
			if (!found || !rule.style.fill)
				continue;
			const first = KINDS.indexOf(found[1]) * SHADES + Number(found[2]);
			palette.fill(rule.style.fill, first, first + (found[2] ? 1 : SHADES));
		}
		return palette;
	};
	const rules = [...$('palette').sheet.cssRules];
	palettes.light = take(rules, new Array(KINDS.length * SHADES).fill('#888888'));
	palettes.dark = palettes.light.slice();
	for (const rule of rules)
		if (rule.media)
			take(rule.cssRules, palettes.dark);
}

function isDark() {
	return S.theme === 'dark' || (S.theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
}

function fills() {
	return isDark() ? palettes.dark : palettes.light;
}

// The colours of the page for canvases, from its style sheet.
function inks() {
	const style = getComputedStyle(document.documentElement), out = {fills: fills()};
	for (const name of ['ink', 'quiet', 'plate', 'paper', 'accent', 'hit', 'hit-ink', 'bar'])
		out[name] = style.getPropertyValue('--' + name).trim();
	return out;
}

function middleShade(colour) {
	const kind = Math.floor(colour / SHADES);
	if (kind === KIND_WAIT)
		return colour;
	return kind === KIND_SITE || kind === KIND_NATIVE ? colour - colour % 2 : colour - colour % SHADES + 5; // a library has two
}

class Pane {
	constructor(id, label, paint) {
		this.canvas = make('canvas', {});
		this.space = make('div', {class: 'sheet'}, this.canvas);
		this.box = make('div', {id, class: 'pane', tabindex: '0', role: 'application',
			'aria-roledescription': 'flame graph', 'aria-label': label, 'aria-describedby': 'name'}, this.space);
		this.pen = this.canvas.getContext('2d');
		this.paint = paint;
		this.boxes = [];
		this.letter = 6.6;
		for (const name of ['scroll', 'focus', 'blur'])
			this.box.addEventListener(name, () => this.redraw());
		new ResizeObserver(() => this.resized()).observe(this.box);
	}
	// over(box), or over(null) when the mouse leaves; click(box)
	listen({over, click, cursor = 'pointer', title = () => ''}) {
		this.canvas.addEventListener('click', event => {
			const box = this.at(event);
			if (box)
				click(box);
		});
		this.canvas.addEventListener('mousemove', event => {
			const box = this.at(event);
			this.canvas.style.cursor = box ? cursor : '';
			this.canvas.title = box ? title(box) : '';
			if (box)
				over(box);
		});
		this.canvas.addEventListener('mouseleave', () => over(null));
	}
	get width() {
		return this.box.clientWidth;
	}
	get height() {
		return this.box.clientHeight;
	}
	setHeight(height) {
		this.space.style.height = Math.max(height, 1) + 'px';
	}
	// A graph that stands on the ground keeps what is at the lower edge in sight.
	resized() {
		if (this.onGround && this.onGround())
			this.box.scrollTop = this.box.scrollHeight - this.height - (this.below || 0);
		this.redraw();
	}
	redraw() {
		if (this.waiting)
			return;
		this.waiting = true;
		requestAnimationFrame(() => {
			this.waiting = false;
			this.draw();
		});
	}
	draw() {
		const ratio = window.devicePixelRatio || 1, {width, height} = this;
		if (!width || !height) // hidden
			return;
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round(height * ratio);
		this.canvas.style.width = width + 'px';
		this.canvas.style.height = height + 'px';
		this.top = this.box.scrollTop;
		this.pen.setTransform(ratio, 0, 0, ratio, 0, -this.top * ratio);
		this.pen.font = LETTERS;
		this.pen.textBaseline = 'alphabetic';
		this.letter = this.pen.measureText('m'.repeat(50)).width / 50 || 6.6;
		this.inks = inks();
		this.boxes = [];
		this.paint(this);
		this.below = this.box.scrollHeight - this.top - height; // px below what is in sight
		this.canvas.frames = this.boxes; // for scripts that drive the page
	}
	inSight(y) {
		return y > this.top - ROW && y < this.top + this.height;
	}
	// As much of `text` as `width` px hold.
	fit(text, width) {
		const room = Math.floor(width / this.letter);
		if (room < 3)
			return '';
		if (/^[\x20-\x7e]*$/.test(text))
			return text.length <= room ? text : text.slice(0, room - 1) + '…';
		if (this.pen.measureText(text).width <= width)
			return text;
		const letters = Array.from(text).slice(0, room);
		while (letters.length && this.pen.measureText(letters.join('') + '…').width > width)
			letters.pop();
		return letters.length ? letters.join('') + '…' : '';
	}
	// look: {text, colour, ref, hit, dim, above, here, least}; least: px that a thin box has anyway
	frame(x, y, width, look) {
		const {pen} = this, isThin = width < THIN;
		if (!this.inSight(y))
			return;
		pen.globalAlpha = look.above ? 0.5 : look.dim ? 0.42 : isThin && !look.least ? 0.75 : 1;
		pen.fillStyle = look.hit ? this.inks.hit : this.inks.fills[isThin ? middleShade(look.colour) : look.colour];
		if (isThin) {
			pen.fillRect(x, y, Math.max(width, look.least || 0.4), ROW - 1);
		} else {
			pen.beginPath();
			pen.roundRect(x, y, width - 0.6, ROW - 1, 2);
			pen.fill();
		}
		pen.globalAlpha = 1;
		const shown = width > 7 + 3 * this.letter ? this.fit(look.text, width - 7) : '';
		this.words(shown, look, x, y);
		if (look.here)
			this.outline(x, y, width);
		if (look.ref !== undefined)
			this.boxes.push({x, y, width, shown, ...look});
	}
	// The place in brackets reads best set apart.
	words(text, look, x, y) {
		const at = look.colour >= KIND_ROOT * SHADES && look.colour < (KIND_ROOT + 1) * SHADES ? -1 : text.lastIndexOf(' (');
		const {pen} = this, alpha = look.dim ? 0.75 : 1;
		if (!text)
			return;
		pen.fillStyle = look.hit ? this.inks['hit-ink'] : this.inks.ink;
		pen.globalAlpha = alpha;
		pen.fillText(at > 0 ? text.slice(0, at) : text, x + 3.5, y + 12.5);
		if (at > 0) {
			pen.globalAlpha = 0.88 * alpha;
			pen.fillText(text.slice(at), x + 3.5 + pen.measureText(text.slice(0, at)).width, y + 12.5);
		}
		pen.globalAlpha = 1;
	}
	outline(x, y, width) {
		this.pen.strokeStyle = this.inks.accent;
		this.pen.lineWidth = 2;
		this.pen.strokeRect(x + 1, y + 1, Math.max(width - 2.6, 1), ROW - 3);
	}
	// A sentence instead of a graph, and more lines below it.
	message(...lines) {
		this.pen.fillStyle = this.inks.quiet;
		this.pen.font = '13px system-ui, sans-serif';
		lines.forEach((line, i) => this.pen.fillText(line, 12, this.top + 28 + 20 * i));
	}
	at(event) {
		const r = this.canvas.getBoundingClientRect(), x = event.clientX - r.left, y = event.clientY - r.top + this.top;
		return this.boxes.findLast(b => y >= b.y && y < b.y + ROW && x >= b.x && x < b.x + Math.max(b.width, 1));
	}
	reveal(y) {
		if (y < this.box.scrollTop + ROW)
			this.box.scrollTop = y - 2 * ROW;
		else if (y + 2 * ROW > this.box.scrollTop + this.height)
			this.box.scrollTop = y + 3 * ROW - this.height;
	}
	// The box beside one of the same row, wide enough to be seen: -1 left, 1 right.
	beside(ref, step) {
		const here = this.boxes.find(b => b.ref === ref);
		if (!here)
			return null;
		const row = this.boxes.filter(b => b.y === here.y && b.width >= THIN).sort((a, b) => a.x - b.x);
		return row[row.indexOf(here) + step] || null;
	}
}

// Draws the subtree of a node; `rowTop` gives the y of a depth. Children too narrow to be seen become one strip.
function drawTree(pane, tree, top, x, width, rowTop, lookOf) {
	const scale = width / (tree.total[top] || 1);
	const visit = (node, left, depth) => {
		pane.frame(left, rowTop(depth), tree.total[node] * scale, lookOf(node));
		let rest = 0, at = left;
		for (const child of tree.children(node)) {
			const wide = tree.total[child] * scale;
			if (!wide)
				continue;
			if (wide < HIDE) {
				rest += wide;
				if (rest > 1) {
					pane.frame(at, rowTop(depth + 1), rest, {...lookOf(child), ref: undefined, here: false});
					at += rest;
					rest = 0;
				}
				continue;
			}
			visit(child, at + rest, depth + 1);
			at += rest + wide;
			rest = 0;
		}
	};
	visit(top, x, tree.depth[top]);
}
