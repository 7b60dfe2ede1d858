// SPDX-License-Identifier: MIT
// ---- html_why.js: why it is slow, of the span and the threads that are selected, as user/profile/why.c says it of all.

// Of a state: its part, in the order of the sentence.
function partOfState(state) {
	const kind = Math.floor(state / SHADES), shade = state % SHADES;
	if (kind === KIND_WAIT)
		return shade === 0 ? 'waiting for the GIL' : D.scheduler.includes(shade) ? 'not scheduled' : 'blocked';
	return {[KIND_USER]: 'Python', [KIND_NATIVE]: 'native', [KIND_KERNEL]: 'kernel', [KIND_COLLECTOR]: 'in the garbage collector'}[kind] || 'blocked';
}
const WHY_PARTS = ['Python', 'native', 'kernel', 'waiting for the GIL', 'blocked', 'not scheduled', 'in the garbage collector'];

// By largest remainders, so that they add up.
function wholePercents(values) {
	const all = values.reduce((a, b) => a + b, 0), exact = values.map(value => 100 * value / (all || 1)), out = exact.map(Math.floor);
	const order = [...exact.keys()].sort((a, b) => exact[b] % 1 - exact[a] % 1 || a - b);
	const missing = all ? 100 - out.reduce((a, b) => a + b, 0) : 0;
	order.slice(0, missing).forEach(i => out[i]++);
	return out;
}

// What a part is made of: shared objects, causes.
function detailOf(part, state) {
	const f = D.frame_function[D.stack_frame[D.part_stack[part]]], kind = Math.floor(state / SHADES);
	return kind === KIND_NATIVE ? D.texts[D.function_module[f]].replace(/(?<=.)\.(cpython-|abi3\.|so).*$/, '') :
		kind === KIND_WAIT || kind === KIND_SYNTHETIC ? nameOf(f).replace(/^\[(.*)\]$/, '$1') : '';
}

function whySums() {
	const sums = new Map(WHY_PARTS.map(part => [part, {value: 0, details: new Map()}]));
	for (let p = 0; p < D.part_samples.length; p++) {
		if (!D.wallParts.has(D.part_type[p]) || S.hidden.has(D.part_thread[p]) || D.isIdle[D.part_stack[p]])
			continue;
		const [value] = S.range ? sumOf(p, S.range) : [D.part_value[p]], state = stateOf(p);
		const sum = sums.get(partOfState(state)), detail = detailOf(p, state);
		sum.value += value;
		sum.details.set(detail, (sum.details.get(detail) || 0) + value);
	}
	return sums;
}

function whyText() {
	const sums = whySums(), all = [...sums.values()].reduce((sum, part) => sum + part.value, 0), percents = wholePercents([...sums.values()].map(part => part.value));
	const text = WHY_PARTS.map((part, i) => {
		const list = [...sums.get(part).details].filter(([name, value]) => name && 100 * value >= all / 2).sort((a, b) => b[1] - a[1]).slice(0, 3);
		const names = list.map(([name, value]) => Math.min(percents[i], Math.round(100 * value / all)) + ' % ' + name.slice(0, 80)).join(', ');
		return percents[i] ? percents[i] + ' % ' + part + (names && ' (' + names + ')') : '';
	}).filter(part => part).join(', ');
	return text && 'Of the selection, ' + secondsText(all / 1e9) + ' s of wall time: ' + text + '.';
}

// Of all it is what is said everywhere; a selection is added up where there are waits.
function showWhy() {
	if (ui.why)
		ui.why.textContent = (S.range || S.hidden.size) && hasWaits() && whyText() || D.why;
}
