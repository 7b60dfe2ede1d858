// ---- html_start.js: the page as a whole: what is where, what keys do, and how it begins. All of html_*.js is one
// function (see the Makefile); nothing in it runs before the data is there.

const TABS = [['flame', 'Flame graph'], ['time', 'Time order'], ['sandwich', 'Callers and callees'], ['table', 'Table'],
	['source', 'Source']];
const SHOW = {flame: showFlame, time: showTime, sandwich: showSandwich, table: showTable, source: showSource};

function viewBox() {
	return {flame: () => ui.flame.box, time: () => ui.time.box, sandwich: () => ui.sandwich.box,
		table: () => ui.table.body, source: () => ui.codeBox}[S.view]();
}

function openView(view, focus = true) {
	change({view}, {step: true});
	if (focus)
		viewBox().focus({preventScroll: true});
}

function next(values, value) {
	return values[(values.indexOf(value) + 1) % values.length];
}

function resetAll() {
	change({zoom: 0, query: '', range: null, hidden: new Set()}, {step: true});
}

const commonKeys = {
	'/': () => { ui.search.focus(); ui.search.select(); },
	'?': () => openPanel(ui.help),
	0: resetAll,
	c: () => openSandwich(aimed()),
	e: () => openSource(aimed()),
	i: () => change({icicle: !S.icicle}),
	o: () => change({order: next(ORDERS, S.order)}),
	m: () => change({leaf: !S.leaf}),
	l: () => change({mode: next(MODES, S.mode)}),
	p: () => change({roots: next(ROOTS, S.roots)}),
	f: () => change({full: !S.full}),
	g: () => change({gil: !S.gil}),
	t: () => openPanel(ui.threads),
	a: () => openPanel(ui.about),
	d: () => change({theme: next(THEMES, S.theme)}),
	'[': () => moveRange(-0.5, 1),
	']': () => moveRange(0.5, 1),
};
TABS.forEach(([view], i) => { commonKeys[i + 1] = () => openView(view); });

// What c and e are about: the frame that the keyboard is at, else what the pointer was at last.
function aimed() {
	if (S.view === 'flame' && document.activeElement === ui.flame.box) {
		const tree = callTree();
		return tree.labels.fn[tree.label[here]] || ui.aimed;
	}
	return ui.aimed;
}

function stepOut() {
	if (S.query)
		change({query: ''});
	else if (S.view === 'flame' && S.zoom)
		zoomTo(0);
	else if (S.range)
		setRange(0, D.slices);
}

function onKey(event) {
	const typing = event.target === ui.search, control = event.ctrlKey || event.metaKey, inPanel = event.target.closest('dialog');
	const tag = event.target.localName, isEscape = event.key === 'Escape';
	const isControl = tag === 'button' && ['Enter', ' '].includes(event.key) || tag === 'select' && !isEscape;
	const ofView = {flame: flameKeys, time: timeKeys, sandwich: sandwichKeys, table: {}, source: sourceKeys}[S.view];
	const act = ofView[event.key] || commonKeys[event.key];
	if (control && event.key.toLowerCase() === 'f' && !typing && !inPanel) {
		commonKeys['/'](); // a second Ctrl-F is the browser's own
	} else if (control || event.altKey) {
		return;
	} else if (inPanel) {
		const own = {'?': ui.help, t: ui.threads, a: ui.about}[event.key];
		if (own !== inPanel)
			return;
		inPanel.close();
	} else if (isEscape) {
		if (typing)
			viewBox().focus({preventScroll: true});
		stepOut();
	} else if (typing && event.key === 'Enter') {
		viewBox().focus({preventScroll: true});
	} else if (typing || isControl || !act) {
		return;
	} else {
		act();
	}
	event.preventDefault();
}

// ---- the bar of tools

function buildTools() {
	ui.search = make('input', {type: 'search', id: 'search', maxlength: QUERY_MAX, placeholder: 'Search (regular expression)',
		spellcheck: 'false', autocomplete: 'off', 'aria-label': 'Search, a regular expression', title: 'Search: /'});
	let timer = 0;
	const searchNow = () => {
		clearTimeout(timer);
		if (ui.search.value !== S.query)
			change({query: ui.search.value});
	};
	ui.search.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(searchNow, 60);
	});
	ui.search.addEventListener('change', searchNow);
	ui.caseButton = toggle('case', 'Aa', 'Match upper and lower case', 'matchCase');
	ui.clear = button('clear', 'Clear', 'Clear the search: Esc', () => change({query: ''}));
	ui.matched = make('output', {id: 'matched', class: 'matched', 'aria-live': 'polite'});
	return make('div', {class: 'tools search', role: 'search'}, ui.search, ui.caseButton, ui.clear, ui.matched);
}

function buildToggles() {
	ui.mode = picker('mode', 'What a frame is: l', [['line', 'Lines'], ['function', 'Functions'], ['name', 'No lines']],
		mode => change({mode}));
	ui.roots = picker('roots', 'What the root is split by: p', [['none', 'All together'], ['process', 'Per process'], ['thread', 'Per thread']],
		roots => change({roots}));
	ui.order = picker('order', 'Order from left to right: o', [['heavy', 'Heaviest first'], ['name', 'By name']], order => change({order}));
	ui.icicle = button('layout', '', 'Turn it over: i', () => change({icicle: !S.icicle}));
	ui.leaf = toggle('leaf', 'From the leaf', 'Merge stacks from the running function on: m', 'leaf');
	ui.gil = toggle('gil', 'GIL', 'Only samples that held the GIL: g', 'gil');
	ui.full = toggle('full', 'Paths', 'Whole paths of files: f', 'full');
	ui.threadsButton = button('threads', 'Threads', 'Choose processes and threads: t', () => openPanel(ui.threads));
	ui.theme = button('theme', '', 'Dark, light, or as the system has it: d', () => change({theme: next(THEMES, S.theme)}));
	ui.reset = button('reset', 'Reset', 'Zoom, search, time and threads: 0', resetAll);
	return make('div', {class: 'tools', role: 'toolbar', 'aria-label': 'View'}, ui.mode, ui.roots, ui.order, ui.icicle, ui.leaf,
		ui.gil, ui.full, ui.threadsButton, ui.reset, ui.theme, button('about-open', 'About', 'Command, settings, what was lost: a',
			() => openPanel(ui.about)), button('help-open', '?', 'Keys: ?', () => openPanel(ui.help)));
}

function buildTabs() {
	ui.tabs = TABS.map(([view, text], i) => make('button', {type: 'button', role: 'tab', id: 'tab-' + view, 'aria-controls': 'view-' + view,
		title: text + ': ' + (i + 1), click: () => openView(view, false), keydown: tabKey}, text));
	return make('div', {class: 'tabs', role: 'tablist', 'aria-label': 'Views'}, ui.tabs);
}

function tabKey(event) {
	const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
	if (!step)
		return;
	const to = (VIEWS.indexOf(S.view) + step + VIEWS.length) % VIEWS.length;
	openView(VIEWS[to], false);
	ui.tabs[to].focus();
	event.preventDefault();
	event.stopPropagation();
}

function buildFooter() {
	ui.name = make('span', {id: 'name', class: 'name'});
	ui.figures = make('span', {id: 'figures', class: 'figures'});
	ui.toSandwich = button('to-sandwich', 'Callers and callees', 'Of this function: c', () => openSandwich(ui.aimed));
	ui.toSource = button('to-source', 'Source', 'Of this function: e', () => openSource(ui.aimed));
	return make('footer', {}, make('div', {class: 'words', 'aria-live': 'polite'}, ui.name, ui.figures), ui.toSandwich, ui.toSource);
}

function buildPage() {
	const built = {flame: buildFlame(), time: buildTime(), sandwich: buildSandwich(), table: buildTable(), source: buildSource()};
	ui.panels = VIEWS.map(view => make('div', {id: 'view-' + view, class: 'view', role: 'tabpanel', 'aria-labelledby': 'tab-' + view,
		hidden: true}, built[view]));
	document.body.append(make('div', {id: 'app'}, buildHeading(), buildBrush(),
		make('div', {class: 'strip'}, buildTabs(), buildTools()), make('div', {class: 'strip'}, buildToggles(), legend()),
		make('main', {}, ui.panels), buildFooter()), buildThreadPanel(), buildAbout(), buildHelp());
	document.title = D.head.title;
}

// Everything that shows state is set from it here, whatever changed.
function showAll() {
	document.documentElement.dataset.theme = S.theme;
	if (ui.search.value !== S.query)
		ui.search.value = S.query;
	for (const [control, value] of [[ui.mode, S.mode], [ui.roots, S.roots], [ui.order, S.order]])
		control.value = value;
	for (const [control, on] of [[ui.leaf, S.leaf], [ui.gil, S.gil], [ui.full, S.full], [ui.caseButton, S.matchCase]])
		control.setAttribute('aria-pressed', String(on));
	ui.icicle.textContent = S.icicle ? 'Flame' : 'Icicle';
	ui.theme.textContent = {auto: 'Auto', light: 'Light', dark: 'Dark'}[S.theme];
	ui.reset.disabled = !S.zoom && !S.query && !S.range && !S.hidden.size;
	// What a view cannot do is not offered there.
	ui.roots.disabled = ui.leaf.disabled = ui.order.disabled = S.view !== 'flame';
	ui.order.disabled = S.view !== 'flame' && S.view !== 'sandwich';
	ui.icicle.disabled = S.view !== 'flame' && S.view !== 'time';
	ui.mode.disabled = S.view === 'table' || S.view === 'source';
	VIEWS.forEach((view, i) => {
		ui.panels[i].hidden = view !== S.view;
		ui.tabs[i].setAttribute('aria-selected', String(view === S.view));
		ui.tabs[i].tabIndex = view === S.view ? 0 : -1;
	});
	paintLegend();
	showThreads();
	SHOW[S.view]();
	showMatched();
	showBrush();
}

async function begin() {
	try {
		await load();
	} catch (e) {
		document.body.append(make('p', {class: 'broken'}, 'This page could not be opened: ' + e.message +
			'. It needs a browser of 2023 or later, and to be whole.'));
		return;
	}
	readPalettes();
	initState();
	weigh();
	buildPage();
	document.addEventListener('keydown', onKey);
	document.addEventListener('keydown', event => { ui.byKeys = event.key.startsWith('Arrow') || ui.byKeys; }, true);
	document.addEventListener('pointerdown', () => { ui.byKeys = false; }, true);
	window.addEventListener('popstate', restoreState);
	window.addEventListener('hashchange', restoreState);
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', showAll);
	restoreState();
	viewBox().focus({preventScroll: true});
	document.documentElement.dataset.ready = '1';
}

Promise.resolve().then(begin); // when all files of the script were run
