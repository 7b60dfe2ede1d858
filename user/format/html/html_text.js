// ---- html_text.js: elements and figures. Names reach the page as text nodes and attribute values only, nothing
// is ever parsed as markup.

const $ = id => document.getElementById(id);

function make(name, attributes, ...parts) {
	const e = document.createElement(name);
	for (const key in attributes) {
		const value = attributes[key];
		if (typeof value === 'function')
			e.addEventListener(key, value);
		else if (value !== false && value !== undefined)
			e.setAttribute(key, value === true ? '' : value);
	}
	e.append(...parts.flat(Infinity).filter(part => part !== null && part !== undefined && part !== false));
	return e;
}

function button(id, text, title, act) {
	return make('button', {type: 'button', id, title, click: act}, text);
}

function percent(part, whole) {
	return (whole ? 100 * part / whole : 0).toFixed(2) + '%';
}

function grouped(n) {
	return Math.round(n).toLocaleString('en');
}

function plural(n, what) {
	return grouped(n) + ' ' + what + (Math.round(n) === 1 ? '' : what.endsWith('s') ? 'es' : 's');
}

function secondsText(s) {
	return s < 10 ? s.toFixed(3) : s < 1000 ? s.toFixed(1) : grouped(s);
}

function cpuText(ns) {
	return secondsText(ns / 1e9) + ' CPU s';
}

// A moment of the recording, as exact as `step` seconds need.
function momentText(s, step) {
	const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
	const total = Math.max(0, s), minutes = Math.floor(total / 60), rest = total - 60 * minutes;
	if (D.head.duration_ms < 120000)
		return total.toFixed(digits) + ' s';
	const pad = (rest < 9.9999 ? '0' : '') + rest.toFixed(digits);
	if (minutes < 60)
		return minutes + ':' + pad;
	return Math.floor(minutes / 60) + ':' + String(minutes % 60).padStart(2, '0') + ':' + pad;
}

function sliceSeconds() {
	return D.head.slice_ns / 1e9;
}

function rangeText(range) {
	const step = sliceSeconds();
	return momentText(range[0] * step, step) + ' – ' + momentText(range[1] * step, step);
}

function dateText(ms) {
	return new Date(ms).toISOString().replace('T', ' ').replace(/\.\d+Z/, ' UTC');
}

// What is no expression is searched for as it is: `main (app.py` should be found.
function expressionOf(query, matchCase) {
	const flags = matchCase ? '' : 'i';
	try {
		return {expression: new RegExp(query, flags), literal: false};
	} catch (e) {
		return {expression: new RegExp(query.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), flags), literal: true};
	}
}

// Only so many elements as are in sight; all rows are equally high.
class RowList {
	constructor(box, height, makeRow) {
		this.box = box;
		this.height = height;
		this.makeRow = makeRow;
		this.space = make('div', {class: 'space', role: 'presentation'});
		box.append(this.space);
		box.addEventListener('scroll', () => this.draw());
		new ResizeObserver(() => this.draw()).observe(box);
		this.count = 0;
	}
	show(count, keep) {
		this.count = count;
		this.space.style.height = count * this.height + 'px';
		if (!keep)
			this.box.scrollTop = 0;
		this.draw();
	}
	reveal(i) {
		const top = i * this.height, box = this.box, room = box.clientHeight - this.height;
		if (top < box.scrollTop)
			box.scrollTop = top;
		else if (top > box.scrollTop + room)
			box.scrollTop = top - room;
		this.draw();
	}
	centre(i) {
		this.box.scrollTop = i * this.height - this.box.clientHeight / 2;
		this.draw();
	}
	draw() {
		const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - 5);
		const end = Math.min(this.count, first + Math.ceil(this.box.clientHeight / this.height) + 12);
		const rows = [];
		for (let i = first; i < end; i++) {
			const row = this.makeRow(i);
			row.style.top = i * this.height + 'px';
			rows.push(row);
		}
		this.space.replaceChildren(...rows);
	}
}
