// SPDX-License-Identifier: MIT
// ---- html_text.js: moments, and lists of rows.

// A moment of the recording, as exact as `step` seconds need.
function momentText(s, step) {
	const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
	const total = Math.max(0, s), minutes = Math.floor(total / 60), rest = total - 60 * minutes;
	if (D.duration_ms < 120000)
		return total.toFixed(digits) + ' s';
	const pad = (rest < 9.9999 ? '0' : '') + rest.toFixed(digits);
	if (minutes < 60)
		return minutes + ':' + pad;
	return Math.floor(minutes / 60) + ':' + String(minutes % 60).padStart(2, '0') + ':' + pad;
}

function sliceSeconds() {
	return D.slice_ns / 1e9;
}

function rangeText(range) {
	const step = sliceSeconds();
	return momentText(range[0] * step, step) + ' – ' + momentText(range[1] * step, step);
}

function dateText(ms) {
	return new Date(ms).toISOString().replace('T', ' ').replace(/\.\d+Z/, ' UTC');
}

// Rows of equal height; there are elements only for those in sight.
class RowList {
	// choose(i): a click, or the keyboard, came to row i; open(i): Enter, or a double click
	constructor(box, height, {makeRow, choose, open}) {
		Object.assign(this, {box, height, makeRow, choose, open, count: 0, at: 0});
		this.space = make('div', {class: 'space', role: 'presentation'});
		box.append(this.space);
		box.addEventListener('scroll', () => this.draw());
		box.addEventListener('focus', () => this.draw());
		box.addEventListener('keydown', event => this.key(event));
		new ResizeObserver(() => this.draw()).observe(box);
	}
	show(count) {
		this.count = count;
		this.space.style.height = count * this.height + 'px';
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
	pick(i) {
		if (!this.count)
			return;
		this.at = Math.max(0, Math.min(i, this.count - 1));
		this.reveal(this.at);
		this.choose(this.at);
	}
	key(event) {
		const page = Math.max(1, Math.floor(this.box.clientHeight / this.height) - 1);
		const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
		if (event.ctrlKey || event.altKey || !(event.key in steps || event.key === 'Enter' && this.count))
			return;
		if (event.key === 'Enter')
			this.open(this.at);
		else
			this.pick(this.at + steps[event.key]);
		event.preventDefault();
		event.stopPropagation();
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
			row.classList.toggle('here', i === this.at);
			row.addEventListener('click', () => this.pick(i));
			row.addEventListener('dblclick', () => this.open(i));
			rows.push(row);
		}
		this.space.replaceChildren(...rows);
	}
}
