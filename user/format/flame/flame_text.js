// SPDX-License-Identifier: MIT
// ---- flame_text.js: elements and figures. Names reach a page as text nodes and attribute values only, nothing is
// ever parsed as markup. The files flame_*.js are part of the script of an SVG and of that of an HTML page (see the
// Makefile); what a page itself must define is listed in flame_view.js.

const $ = id => document.getElementById(id);

// The namespace is said because an SVG is an XML document, where createElement would give an unknown element.
function make(name, attributes, ...parts) {
	const e = document.createElementNS('http://www.w3.org/1999/xhtml', name);
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

// "42.3% ± 1.0": as exact as the number of samples allows, by the rule of user/profile/chance.c.
function shareText(part, whole, samples) {
	const share = whole ? Math.min(1, part / whole) : 0;
	const width = samples ? Math.max(1.959964 * Math.sqrt(share * (1 - share) / samples), 1 - Math.pow(0.05, 1 / samples)) : 1;
	const digits = width >= 0.02 ? 0 : width >= 0.002 ? 1 : 2;
	return (100 * share).toFixed(digits) + '% ± ' + (100 * width).toFixed(digits);
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

// A value in what people read: "1.234 CPU s", "3.400 MiB allocated", "12 page faults".
function valueText(value, short) {
	const v = valueType(), n = value / v.scale;
	return (v.scale === 1 ? grouped(n) : secondsText(n)) + (short ? v.short && ' ' + v.short : v.unit);
}

// A query that is no regular expression is searched for as it is: `main (app.py` should be found.
function expressionOf(query, matchCase) {
	const flags = matchCase ? '' : 'i';
	try {
		return {expression: new RegExp(query, flags), literal: false};
	} catch (e) {
		return {expression: new RegExp(query.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), flags), literal: true};
	}
}
