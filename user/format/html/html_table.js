// SPDX-License-Identifier: MIT
// ---- html_table.js: functions, lines, files or modules with their own and total values. Shares are of the value of the
// chosen type, as in `pybpfprof report`. Beside callers and callees there is the same list, narrower.

const TABLE_ROW = 24;
const byPlace = new Intl.Collator('en', {numeric: true}); // "x.py:9" before "x.py:10"
const COLUMNS = [
	{id: 'own', text: 'Own', more: ' while it was running itself'},
	{id: 'total', text: 'Total', more: ' with it anywhere on the stack'},
	{id: 'name', text: 'Name', title: 'Sort by name'},
	{id: 'place', text: 'Place', title: 'Sort by file and line'},
];

// Rows of a grouping that match the search, sorted as chosen.
function tableRows(kind) {
	const g = totals(kind), wanted = S.query ? expression() : null, rows = [];
	for (let i = 0; i < g.count; i++)
		if (g.samples[i] && (!wanted || wanted.test(groupText(g, i))))
			rows.push(i);
	const byText = (a, b) => a < b ? -1 : a > b ? 1 : 0, byName = (a, b) => byText(g.name[a], g.name[b]) || a - b;
	const compare = {
		own: (a, b) => g.own[b] - g.own[a] || g.total[b] - g.total[a],
		total: (a, b) => g.total[b] - g.total[a] || g.own[b] - g.own[a],
		name: byName,
		place: (a, b) => byPlace.compare(g.place[a], g.place[b]),
	}[S.sort];
	return rows.sort((a, b) => (S.up ? -1 : 1) * compare(a, b) || byName(a, b));
}

function sortBy(id) {
	const isText = id === 'name' || id === 'place';
	change({sort: id, up: S.sort === id ? !S.up : isText && false});
}

function meter(value, whole, kind) {
	const bar = make('span', {class: 'meter ' + kind});
	bar.style.width = (whole ? 100 * value / whole : 0).toFixed(2) + '%';
	return bar;
}

class Table {
	constructor(id, label, {narrow, choose, open}) {
		this.narrow = narrow;
		this.heads = COLUMNS.filter(c => !narrow || c.id !== 'place').map(c => make('div', {role: 'columnheader',
			class: 'head ' + c.id, id: id + '-' + c.id}, button('', c.text, c.title || '', () => sortBy(c.id))));
		this.body = make('div', {class: 'rows', id, tabindex: '0', role: 'rowgroup', 'aria-label': label});
		this.box = make('div', {class: 'table' + (narrow ? ' narrow' : ''), role: 'table', 'aria-label': label},
			make('div', {role: 'row', class: 'heads'}, this.heads), this.body);
		this.list = new RowList(this.body, TABLE_ROW, {makeRow: i => this.row(i), choose: i => choose(this.rows[i]),
			open: i => open(this.rows[i])});
	}
	show(kind, chosen) {
		const was = this.rows && this.rows[this.list.at];
		this.kind = kind;
		this.rows = tableRows(kind);
		this.list.at = Math.max(0, this.rows.indexOf(chosen === undefined ? was : chosen));
		this.chosen = chosen;
		this.box.setAttribute('aria-rowcount', this.rows.length + 1);
		this.heads.forEach(head => {
			const id = head.id.slice(head.id.lastIndexOf('-') + 1), isText = id === 'name' || id === 'place';
			head.firstChild.title = isText ? head.firstChild.title : valueType().sentence + COLUMNS.find(c => c.id === id).more;
			head.setAttribute('aria-sort', S.sort !== id ? 'none' : S.up !== isText ? 'ascending' : 'descending');
		});
		this.list.show(this.rows.length);
	}
	row(i) {
		const g = grouping(this.kind), id = this.rows[i];
		const figures = (value, samples, kind) => make('div', {role: 'cell', class: 'figure ' + kind, title: plural(samples, 'sample')},
			meter(value, M.all, kind), make('span', {class: 'share'}, percent(value, M.all)),
			this.narrow ? null : make('span', {class: 'value'}, valueText(value, true)));
		const swatch = make('span', {class: 'swatch'});
		swatch.style.background = fills()[D.function_colour[g.fn[id]]];
		return make('div', {role: 'row', class: 'row' + (id === this.chosen ? ' chosen' : ''), 'aria-rowindex': i + 2},
			figures(g.own[id], g.ownSamples[id], 'own'), figures(g.total[id], g.samples[id], 'total'),
			make('div', {role: 'cell', class: 'name', title: groupText(g, id)}, swatch, g.name[id]),
			this.narrow ? null : make('div', {role: 'cell', class: 'place', title: D.texts[D.function_file[g.fn[id]]]}, g.place[id]));
	}
}

function groupText(g, id) {
	return g.name[id] + (g.place[id] ? ' (' + g.place[id] + ')' : '');
}

function describeGroup(g, id) {
	const figures = ['own ' + shareText(g.own[id], M.all, M.allSamples), valueText(g.own[id]),
		'total ' + shareText(g.total[id], M.all, M.allSamples), valueText(g.total[id]), plural(g.samples[id], 'sample')].join(' · ');
	say(groupText(g, id), figures, g.kind === 'function' || g.kind === 'line' ? g.fn[id] : 0);
}

function buildTable() {
	ui.table = new Table('table', 'Functions, lines, files or modules', {
		choose: id => describeGroup(grouping(S.group), id),
		open: id => {
			const g = grouping(S.group);
			if (S.group === 'function')
				openSandwich(g.fn[id]);
			else
				change({view: 'source', file: D.function_file[g.fn[id]], line: S.group === 'line' ? g.line[id] : 0}, {step: true});
		},
	});
	ui.tableCount = make('output', {id: 'table-count'});
	ui.group = picker('group', 'Rows are', [['function', 'functions'], ['line', 'lines'], ['file', 'files'],
		['module', 'modules']], value => change({group: value}));
	return make('div', {class: 'stack'}, make('div', {class: 'bar'}, ui.group, ui.tableCount), ui.table.box);
}

function showTable() {
	ui.group.value = S.group;
	ui.table.show(S.group);
	const g = grouping(S.group), all = g.samples.reduce((n, samples) => n + (samples ? 1 : 0), 0), shown = ui.table.rows.length;
	ui.tableCount.textContent = plural(shown, S.group) + (shown < all ? ' of ' + grouped(all) + ', by the search' : '');
	hint('Own: ' + valueType().sentence + ' while it ran itself. Total: with it anywhere on the stack. Enter or a double click shows callers ' +
		'and callees.', valueText(M.all) + ' · ' + plural(M.allSamples, 'sample'));
}
