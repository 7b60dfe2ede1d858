// ---- html_table.js: functions, lines, files or modules with what they used themselves and in all. Shares are of
// CPU time, as in `pybpfprof report`. The sandwich has the same list beside it, narrower.

const TABLE_ROW = 24;
const COLUMNS = [
	{id: 'own', text: 'Own', title: 'CPU time while it was running itself'},
	{id: 'total', text: 'Total', title: 'CPU time with it anywhere on the stack'},
	{id: 'name', text: 'Name', title: 'Sort by name'},
	{id: 'place', text: 'Place', title: 'Sort by file and line'},
];

// Rows of a grouping that the search keeps, in the order wanted.
function tableRows(kind) {
	const g = totals(kind), wanted = S.query ? expression() : null, rows = [];
	for (let i = 0; i < g.count; i++)
		if (g.samples[i] && (!wanted || wanted.test(g.place[i] ? g.name[i] + ' (' + g.place[i] + ')' : g.name[i])))
			rows.push(i);
	const text = S.sort === 'place' ? g.place : g.name, by = S.sort === 'total' ? g.total : g.own;
	const other = S.sort === 'total' ? g.own : g.total, way = S.up ? -1 : 1;
	const byName = (a, b) => g.name[a] < g.name[b] ? -1 : g.name[a] > g.name[b] ? 1 : a - b;
	if (S.sort === 'own' || S.sort === 'total')
		return rows.sort((a, b) => way * (by[b] - by[a] || other[b] - other[a]) || byName(a, b));
	const place = i => g.place[i].replace(/\d+$/, digits => digits.padStart(9, '0'));
	const key = S.sort === 'place' ? new Map(rows.map(i => [i, place(i)])) : new Map(rows.map(i => [i, text[i]]));
	return rows.sort((a, b) => {
		const one = key.get(a), two = key.get(b);
		return way * (one < two ? -1 : one > two ? 1 : 0) || byName(a, b);
	});
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
		this.choose = choose; // a row becomes the one that counts
		this.open = open;     // Enter or a double click
		this.at = 0;
		this.heads = COLUMNS.filter(c => !narrow || c.id !== 'place').map(c => make('div', {role: 'columnheader',
			class: 'head ' + c.id, id: id + '-' + c.id}, button('', c.text, c.title, () => sortBy(c.id))));
		this.body = make('div', {class: 'rows', id, tabindex: '0', role: 'rowgroup', 'aria-label': label,
			keydown: event => this.key(event), focus: () => this.list.draw()});
		this.box = make('div', {class: 'table' + (narrow ? ' narrow' : ''), role: 'table', 'aria-label': label},
			make('div', {role: 'row', class: 'heads'}, this.heads), this.body);
		this.list = new RowList(this.body, TABLE_ROW, i => this.row(i));
	}
	show(kind, chosen) {
		const was = this.rows && this.rows[this.at];
		this.kind = kind;
		this.rows = tableRows(kind);
		this.at = Math.max(0, this.rows.indexOf(chosen === undefined ? was : chosen));
		this.chosen = chosen;
		this.box.setAttribute('aria-rowcount', this.rows.length + 1);
		this.heads.forEach(head => {
			const id = head.id.slice(head.id.lastIndexOf('-') + 1), isText = id === 'name' || id === 'place';
			head.setAttribute('aria-sort', S.sort !== id ? 'none' : S.up !== isText ? 'ascending' : 'descending');
		});
		this.list.show(this.rows.length, true);
	}
	row(i) {
		const g = grouping(this.kind), id = this.rows[i], isHere = i === this.at;
		const figures = (cpu, samples, kind) => make('div', {role: 'cell', class: 'figure ' + kind, title: plural(samples, 'sample')},
			meter(cpu, M.allCpu, kind), make('span', {class: 'share'}, percent(cpu, M.allCpu)),
			this.narrow ? null : make('span', {class: 'cpu'}, secondsText(cpu / 1e9) + ' s'));
		const swatch = make('span', {class: 'swatch'});
		swatch.style.background = this.fills[D.function_colour[g.fn[id]]];
		return make('div', {role: 'row', class: 'row' + (isHere ? ' here' : '') + (id === this.chosen ? ' chosen' : ''),
			'aria-rowindex': i + 2, 'data-row': id, click: () => this.pick(i), dblclick: () => this.open(id)},
			figures(g.own[id], g.ownSamples[id], 'own'), figures(g.total[id], g.samples[id], 'total'),
			make('div', {role: 'cell', class: 'name', title: g.name[id] + (g.place[id] ? ' (' + g.place[id] + ')' : '')},
				swatch, g.name[id]),
			this.narrow ? null : make('div', {role: 'cell', class: 'place', title: D.texts[D.function_file[g.fn[id]]]}, g.place[id]));
	}
	get fills() {
		return isDark() ? palettes.dark : palettes.light;
	}
	pick(i) {
		if (!this.rows.length)
			return;
		this.at = Math.max(0, Math.min(i, this.rows.length - 1));
		this.list.reveal(this.at);
		this.choose(this.rows[this.at]);
	}
	key(event) {
		const page = Math.max(1, Math.floor(this.body.clientHeight / TABLE_ROW) - 1);
		const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
		if (event.key in steps && !event.ctrlKey && !event.altKey)
			this.pick(this.at + steps[event.key]);
		else if (event.key === 'Enter' && this.rows.length)
			this.open(this.rows[this.at]);
		else
			return;
		event.preventDefault();
		event.stopPropagation();
	}
}

function describeGroup(g, id) {
	ui.name.classList.remove('hint');
	ui.name.textContent = g.name[id] + (g.place[id] ? ' (' + g.place[id] + ')' : '');
	ui.figures.textContent = ['own ' + percent(g.own[id], M.allCpu), cpuText(g.own[id]),
		'total ' + percent(g.total[id], M.allCpu), cpuText(g.total[id]), plural(g.samples[id], 'sample')].join(' · ');
	aim(g.kind === 'function' || g.kind === 'line' ? g.fn[id] : 0);
}

function buildTable() {
	ui.table = new Table('table', 'What used CPU', {
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
	hint('Own: CPU time while it ran itself. Total: with it anywhere on the stack. Enter or a double click shows callers ' +
		'and callees.', cpuText(M.allCpu) + ' · ' + plural(M.allSamples, 'sample'));
}
