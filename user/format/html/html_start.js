// SPDX-License-Identifier: MIT
// ---- html_start.js: the page as a whole: its layout, its keys, and how it begins. All of flame_*.js and html_*.js is
// one function (see the Makefile); nothing in it runs before the data is there.

// The views in the order of their tabs: text, how the view is built and shown, what has its focus, its keys.
const TABS = {
	flame: {text: 'Flame graph', build: () => buildFlame(), show: () => showFlame(), box: () => ui.flame.box, keys: () => flameKeys},
	time: {text: 'Time order', build: () => buildTime(), show: () => showTime(), box: () => ui.time.box, keys: () => timeKeys},
	sandwich: {text: 'Callers and callees', build: () => buildSandwich(), show: () => showSandwich(), box: () => ui.sandwich.box,
		keys: () => sandwichKeys},
	table: {text: 'Table', build: () => buildTable(), show: () => showTable(), box: () => ui.table.body, keys: () => ({})},
	source: {text: 'Source', build: () => buildSource(), show: () => showSource(), box: () => ui.codeBox, keys: () => sourceKeys},
	threads: {text: 'Threads', build: () => buildStripes(), show: () => showStripes(), box: () => ui.stripes.box, keys: () => stripeKeys},
};
const VIEWS = Object.keys(TABS); // the last is there where waits were recorded

function viewBox() {
	return TABS[S.view].box();
}

function openView(view, focus = true) {
	if (view === 'threads' && !hasWaits())
		return;
	change({view}, {step: true});
	if (focus)
		viewBox().focus({preventScroll: true});
}

// The function that "callers and callees" and "source" are about.
function aim(fn = 0) {
	ui.aimed = fn;
	ui.toSandwich.disabled = ui.toSource.disabled = !fn || isSynthetic(kindOfFunction(fn));
}

function openSandwich(fn) {
	if (!fn)
		return;
	const frame = D.frame_function.indexOf(fn, 1);
	if (S.view === 'sandwich')
		pair.trail.push(S.focus);
	change({view: 'sandwich', focus: frame > 0 ? grouping('function').ofFrame[frame] : -1}, {step: true});
	viewBox().focus();
}

function openSource(fn) {
	if (fn)
		change({view: 'source', file: D.function_file[fn], line: D.function_line[fn]}, {step: true});
}

function widthHint() {
	return (S.own && D.canSkip && !S.leaf ? 'From where your code begins; u shows the whole. ' : '') + 'Width is the share of ' + valueType().sentence + '. Click a frame or press Enter to zoom, / to search, ? for all keys.';
}

function isOnTop() {
	return S.view === 'time' ? !S.timeFlame : S.icicle;
}

function turnOver() {
	change(S.view === 'time' ? {timeFlame: !S.timeFlame} : {icicle: !S.icicle});
}

function next(values, value) {
	return values[(values.indexOf(value) + 1) % values.length];
}

function resetAll() {
	change({zoom: 0, query: '', range: null, wholeTime: false, hidden: new Set()}, {step: true});
}

const commonKeys = {
	i: flameKeys.i,
	'/': flameKeys['/'],
	'?': () => openPanel(ui.help),
	0: resetAll,
	c: () => openSandwich(ui.aimed),
	e: () => openSource(ui.aimed),
	o: () => change({order: next(ORDERS, S.order)}),
	m: () => change({leaf: !S.leaf}),
	u: () => D.canSkip && change({own: !S.own}),
	l: () => change({mode: next(MODES, S.mode)}),
	p: () => change({roots: next(rootChoices(), S.roots)}),
	f: () => change({full: !S.full}),
	g: () => change({gil: !S.gil}),
	t: () => openPanel(ui.threads),
	a: () => openPanel(ui.about),
	d: () => change({theme: next(THEMES, S.theme)}),
	v: () => change({type: next([...D.types.keys()], S.type)}),
	w: () => D.hasIdle && change({idle: !S.idle}),
	'[': () => moveRange(-0.5, 1),
	']': () => moveRange(0.5, 1),
};
VIEWS.forEach((view, i) => { commonKeys[i + 1] = () => openView(view); });

function stepOut() {
	if (S.query)
		change({query: ''});
	else if (S.view === 'flame' && S.zoom)
		zoomTo(0);
	else if (isPartOfTime())
		setRange(0, D.slices);
}

function viewKeys() {
	return {...commonKeys, ...TABS[S.view].keys()};
}

// In a panel only the key that opened it does something; Esc closes it by itself.
function onPageKey(event) {
	const panel = event.target.closest('dialog'), own = {'?': ui.help, t: ui.threads, a: ui.about}[event.key];
	if (!panel)
		return onKey(event);
	if (own === panel) {
		panel.close();
		event.preventDefault();
	}
}

// ---- the bar of tools

function buildToggles() {
	ui.type = picker('type', 'What is measured: v', D.types.map(type => [type.name, type.sentence]),
		name => change({type: D.types.findIndex(type => type.name === name)}));
	ui.type.hidden = D.types.length < 2;
	ui.mode = picker('mode', 'What a frame is: l', [['line', 'Lines'], ['function', 'Functions'], ['name', 'No lines']],
		mode => change({mode}));
	ui.roots = picker('roots', 'What the root is split by: p', [['none', 'All together'], ['container', 'Per container'],
		['program', 'Per program'], ['process', 'Per process'], ['thread', 'Per thread']].filter(([root]) =>
		rootChoices().includes(root)), roots => change({roots}));
	buildOwnButton(D.canSkip);
	ui.options = button('options', 'Options', 'More of the view', () => {
		const isOpen = ui.app.classList.toggle('options');
		ui.options.setAttribute('aria-expanded', String(isOpen));
	});
	ui.options.setAttribute('aria-controls', 'tools');
	ui.order = picker('order', 'Order from left to right: o', [['heavy', 'Heaviest first'], ['name', 'By name']], order => change({order}));
	buildLayoutButton();
	ui.leaf = toggle('leaf', 'From the leaf', 'Merge stacks from the running function on: m', 'leaf');
	ui.gil = toggle('gil', 'GIL', 'Only samples that held the GIL: g', 'gil');
	ui.full = toggle('full', 'Paths', 'Whole paths of files: f', 'full');
	ui.idle = toggle('idle', 'Idle', 'Also waits of threads that have nothing to do: w', 'idle');
	ui.idle.hidden = !D.hasIdle;
	ui.threadsButton = button('threads', 'Threads', 'Choose processes and threads: t', () => openPanel(ui.threads));
	ui.theme = button('theme', '', 'Dark, light, or as the system has it: d', () => change({theme: next(THEMES, S.theme)}));
	ui.reset = button('reset', 'Reset', 'Zoom, search, time and threads: 0', resetAll);
	return make('div', {id: 'tools', class: 'tools', role: 'toolbar', 'aria-label': 'View'}, ui.type, ui.mode, ui.roots, ui.order, ui.icicle, ui.leaf,
		ui.gil, ui.idle, ui.full, ui.threadsButton, ui.reset, ui.theme, button('about-open', 'About', 'Command, settings, what was lost or failed: a',
			() => openPanel(ui.about)), button('help-open', '?', 'Keys: ?', () => openPanel(ui.help)));
}

function buildTabs() {
	ui.tabs = VIEWS.map((view, i) => make('button', {type: 'button', role: 'tab', id: 'tab-' + view, 'aria-controls': 'view-' + view,
		title: TABS[view].text + ': ' + (i + 1), click: () => openView(view, false), keydown: tabKey}, TABS[view].text));
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

function buildPageFooter() {
	ui.toSandwich = button('to-sandwich', 'Callers and callees', 'Of this function: c', () => openSandwich(ui.aimed));
	ui.toSource = button('to-source', 'Source', 'Of this function: e', () => openSource(ui.aimed));
	return buildFooter(ui.toSandwich, ui.toSource);
}

// Of a kind in several colours: its name, then theirs.
function legendOf(kind, name) {
	const shades = {[KIND_SITE]: D.libraries, [KIND_NATIVE]: D.objects}[kind] || [];
	const causes = new Set(D.function_colour.filter(colour => kind === KIND_WAIT && Math.floor(colour / SHADES) === kind));
	const list = kind === KIND_WAIT ? [...causes].sort((a, b) => a - b).map(colour => [colour % SHADES, D.causes[colour % SHADES]]) : shades;
	return list.length ? [[kind, name], ...list.map(([shade, text]) => [kind, text, shade])] :
		[[kind, name, kind === KIND_SITE || kind === KIND_NATIVE ? 0 : 5]];
}

// Where there is more than Python, kinds can be switched off: what they had is shown as that of what called them.
function buildLegend(kinds, used) {
	const box = legend(kinds), hasMore = [KIND_NATIVE, KIND_INLINED, KIND_KERNEL, KIND_WAIT, KIND_COLLECTOR].some(kind => used.has(kind));
	ui.kinds = [];
	if (!hasMore)
		return box;
	box.removeAttribute('aria-hidden');
	[...box.children].forEach((item, i) => {
		const [kind] = kinds[i], isFirst = !i || kinds[i - 1][0] !== kind;
		if (kind === KIND_USER || !isFirst)
			return;
		const act = () => change({without: S.without.has(kind) ? new Set([...S.without].filter(other => other !== kind)) :
			new Set([...S.without, kind])});
		const control = make('button', {type: 'button', class: 'kind', 'data-kind': kind, title: 'Show or hide these frames', click: act});
		control.append(...item.childNodes);
		item.append(control);
		ui.kinds.push(control);
	});
	return box;
}

function buildPage() {
	ui.panels = VIEWS.map(view => make('div', {id: 'view-' + view, class: 'view', role: 'tabpanel', 'aria-labelledby': 'tab-' + view,
		hidden: true}, TABS[view].build()));
	const used = new Set(D.function_colour.slice(1).map(colour => Math.floor(colour / SHADES)));
	const kinds = [...KIND_NAMES.entries()].filter(([kind]) => used.has(kind)).flatMap(([kind, name]) => legendOf(kind, name));
	const toggles = buildToggles();
	ui.app = make('div', {id: 'app'}, buildHeading(), buildBrush(),
		make('div', {class: 'strip'}, buildTabs(), buildSearch()), make('div', {class: 'strip'}, ui.options, ui.own, toggles, buildLegend(kinds, used)),
		make('main', {}, ui.panels), buildPageFooter());
	document.body.append(ui.app, buildThreadPanel(), buildAbout(), buildHelp());
}

// Sets everything that shows state, after any change.
function showAll() {
	document.documentElement.dataset.theme = S.theme;
	for (const [control, value] of [[ui.type, valueType().name], [ui.mode, S.mode], [ui.roots, S.roots], [ui.order, S.order]])
		control.value = value;
	for (const [control, on] of [[ui.leaf, S.leaf], [ui.gil, S.gil], [ui.idle, S.idle], [ui.full, S.full]])
		control.setAttribute('aria-pressed', String(on));
	ui.theme.textContent = {auto: 'Auto', light: 'Light', dark: 'Dark'}[S.theme];
	ui.reset.disabled = !S.zoom && !S.query && !S.range && !S.hidden.size;
	// A view offers only what it can do.
	ui.roots.disabled = ui.leaf.disabled = ui.order.disabled = S.view !== 'flame';
	ui.own.disabled = S.view !== 'flame' || S.leaf;
	ui.order.disabled = S.view !== 'flame' && S.view !== 'sandwich';
	ui.icicle.disabled = S.view !== 'flame' && S.view !== 'time';
	ui.mode.disabled = S.view === 'table' || S.view === 'source';
	ui.kinds.forEach(control => control.setAttribute('aria-pressed', String(!S.without.has(Number(control.dataset.kind)))));
	VIEWS.forEach((view, i) => {
		ui.tabs[i].hidden = view === 'threads' && !hasWaits();
		ui.panels[i].hidden = view !== S.view;
		ui.tabs[i].setAttribute('aria-selected', String(view === S.view));
		ui.tabs[i].tabIndex = view === S.view ? 0 : -1;
	});
	showFacts();
	showWhy();
	showThreads();
	TABS[S.view].show();
	showTools();
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
	listen(onPageKey);
	restoreState();
	viewBox().focus({preventScroll: true});
	document.documentElement.dataset.ready = '1';
}

Promise.resolve().then(begin); // when all files of the script were run
