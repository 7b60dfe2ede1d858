// SPDX-License-Identifier: MIT
// ---- html_sandwich.js: one function in the middle, its callers above, its callees below. A box is as wide as its share
// of the function's value.

const pair = {key: '', trees: null, here: null, trail: []}; // trail: functions that were in the middle before

function sandwichTrees() {
	const key = [M.version, S.mode, S.full, S.focus].join();
	if (pair.key !== key)
		Object.assign(pair, {key, trees: S.focus < 0 ? null : sandwich(S.focus), here: null});
	return pair.trees;
}

function sandwichHeight([callers, callees]) {
	return (callers.rows + callees.rows - 1) * ROW + 8;
}

function paintSandwich(pane) {
	const trees = sandwichTrees(), g = grouping('function');
	if (!trees || !trees[1].total[0])
		return pane.message(S.focus < 0 ? 'Choose a function in the list.' : 'It has no samples in this selection.');
	const [callers, callees] = trees, middle = (callers.rows - 1) * ROW + 4;
	const isHere = ref => ref === pair.here;
	const focus = {text: groupText(g, S.focus), colour: D.function_colour[g.fn[S.focus]], ref: 'b0',
		here: isHere('b0') && showsHere(pane)};
	const lookUp = lookOf(pane, callers, isHere, node => 'a' + node), lookDown = lookOf(pane, callees, isHere, node => 'b' + node);
	drawTree(pane, callers, 0, 0, pane.width, depth => middle - depth * ROW, node => node ? lookUp(node) : focus);
	drawTree(pane, callees, 0, 0, pane.width, depth => middle + depth * ROW, node => node ? lookDown(node) : focus);
	pane.pen.strokeStyle = pane.inks.ink;
	pane.pen.lineWidth = 1.5;
	pane.pen.strokeRect(0.75, middle + 0.5, pane.width - 1.5, ROW - 2);
}

// "a12" is node 12 of the callers, "b3" node 3 of the callees.
function nodeOf(ref) {
	const trees = sandwichTrees();
	return trees && ref ? [trees[ref[0] === 'a' ? 0 : 1], Number(ref.slice(1))] : [null, 0];
}

function describePair(ref) {
	const [tree, node] = nodeOf(ref);
	if (!tree)
		return;
	if (!node)
		return describeGroup(grouping('function'), S.focus);
	describe(tree, node, 0, ref[0] === 'a' ? 'called it in ' : 'called by it in ');
}

function focusOn(ref) {
	const [tree, node] = nodeOf(ref);
	if (tree && node)
		openSandwich(tree.labels.fn[tree.label[node]]);
}

function movePair(ref) {
	if (!ref)
		return;
	const box = ui.sandwich.boxes.find(b => b.ref === ref);
	pair.here = ref;
	if (box)
		ui.sandwich.reveal(box.y);
	ui.sandwich.redraw();
	describePair(ref);
}

// Away from the middle: the widest; towards it: the parent.
function pairStep(side) {
	const ref = pair.here || 'b0', [tree, node] = nodeOf(ref), trees = sandwichTrees();
	if (!tree)
		return null;
	if (!node)
		return widestChild(trees[side === 'a' ? 0 : 1], 0) ? side + widestChild(trees[side === 'a' ? 0 : 1], 0) : ref;
	if (ref[0] === side)
		return side + widestChild(tree, node);
	return tree.parent[node] ? ref[0] + tree.parent[node] : 'b0';
}

function pairBeside(step) {
	const next = ui.sandwich.beside(pair.here || 'b0', step);
	return next && next.ref;
}

const sandwichKeys = {
	ArrowUp: () => movePair(pairStep('a')),
	ArrowDown: () => movePair(pairStep('b')),
	ArrowLeft: () => movePair(pairBeside(-1)),
	ArrowRight: () => movePair(pairBeside(1)),
	Enter: () => focusOn(pair.here),
	' ': () => focusOn(pair.here),
	Backspace: () => {
		if (pair.trail.length)
			change({focus: pair.trail.pop()}, {step: true});
	},
};

function buildSandwich() {
	const pane = ui.sandwich = new Pane('sandwich', 'Callers and callees', paintSandwich);
	pane.listen({click: box => focusOn(box.ref), over: box => describePair(box ? box.ref : pair.here || 'b0')});
	ui.functions = new Table('functions', 'Functions', {
		narrow: true,
		choose: id => change({focus: id}, {step: true}),
		open: () => pane.box.focus(),
	});
	return make('div', {class: 'split'}, ui.functions.box, pane.box);
}

function showSandwich() {
	if (S.focus < 0) {
		const rows = tableRows('function');
		S.focus = rows.length ? rows[0] : -1;
	}
	totals('function');
	ui.functions.show('function', S.focus);
	if (shownFocus !== S.focus)
		ui.functions.list.reveal(ui.functions.list.at);
	const trees = sandwichTrees(), pane = ui.sandwich;
	if (trees) {
		pane.setHeight(sandwichHeight(trees));
		if (shownFocus !== S.focus)
			pane.box.scrollTop = Math.max(0, (trees[0].rows - 1) * ROW - pane.height / 2);
		describePair('b0');
	} else {
		hint('No function has samples in this selection.');
	}
	shownFocus = S.focus;
	pane.redraw();
}

let shownFocus = -2;
