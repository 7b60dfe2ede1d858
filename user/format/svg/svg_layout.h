/* SPDX-License-Identifier: MIT */
/*
 * The part of a call tree that is drawn, and its places: nodes in drawing order with their left edge, and their
 * texts without repetition. The still picture and the script's data are both written from this.
 */
#pragma once
#include "user/profile/diff_tree.h"
#include "user/profile/libraries.h"
#include "user/profile/waits.h"

#define SVG_SHADES       12
#define SVG_MIDDLE_SHADE 5      /* stands for its kind: legend, strips of thin frames */
#define SVG_NODES_MAX    100000 /* what a page zooms in 100 ms; beyond, wider frames are left out, */
#define SVG_MOST_SHARE   200    /* but none as wide as 1/200 */
#define SVG_LEAST_SHARE  10000  /* frames below 1/10,000 of the whole are always left out */

/* Of what has a colour for each of its largest; NULL: they are of one. */
struct svg_groups {
	struct libraries *libraries, *objects;
};

/* First those of enum view_class; the last three are of comparisons. KINDS in flame_pane.js has the same order. */
enum svg_kind { SVG_ROOT = VIEW_CLASSES, SVG_MORE, SVG_LESS, SVG_EVEN, SVG_KINDS };

/* A text with its colour; functions of equal text and unlike colour are two of these. */
struct svg_label {
	const char *text; /* lives as long as the tree */
	enum svg_kind kind;
	unsigned shade;
};

struct svg_node {
	uint32_t label, depth;
	uint32_t tree_node;                                    /* its index in the tree */
	uint64_t left_value;                                   /* from the picture's left edge */
	uint64_t total_value, own_value, samples, own_samples; /* as in struct view_node */
	uint64_t pruned_value, pruned_samples;                 /* of children left out */
};

struct svg_layout {
	struct svg_node *nodes; /* parents before children, children from left to right */
	struct svg_label *labels;
	uint32_t node_cnt, label_cnt, row_cnt;
	uint64_t least_value; /* nodes with less were left out: */
	uint64_t pruned_cnt, pruned_value;
	const struct profile_value_type *type; /* of all values; CPU time unless it is set */
	const struct svg_compared *compared;   /* NULL: one recording */
	struct svg_groups groups;
};

/* Values of frames in both recordings of a comparison: by node of the tree; node 0 is the whole. */
struct svg_compared {
	const uint64_t *a, *b;
	bool absolute; /* values are compared, not shares */
};

struct svg_layout *svg_layout__new(const struct view_tree *tree, const struct profile *p);
/* The same with colours that `paint` chooses: kind and shade of a node. */
typedef void (*svg_paint_fn)(void *ctx, uint32_t node, struct svg_label *label);
struct svg_layout *svg_layout__painted(const struct view_tree *tree, svg_paint_fn paint, void *ctx);
void svg_layout__free(struct svg_layout *l);

/* The shade of a function: made from its name and short file name only, so equal in every picture. */
unsigned svg_shade(const struct profile_function *f);
/* The same, but of libraries and shared objects one of the two of its slot, and of waits that of the cause. */
unsigned svg_shade_among(const struct profile_function *f, const struct svg_groups *g);
/* `area` as libraries__new() has it. */
struct svg_groups svg_groups__new(const struct profile *p, const uint64_t *area);
void svg_groups__free(struct svg_groups *g);
/* The middle one of what it is of, for thin frames and the legend. */
unsigned svg_middle_shade(const struct svg_label *label);

/* What the legend says, in its order. */
#define SVG_KEYS_MAX (SVG_KINDS + 2 * LIBRARIES_SLOTS + WAIT_CAUSES)
struct svg_key {
	char *text;      /* the caller frees */
	bool is_heading; /* of those that follow: it has no colour */
	struct svg_label look;
};
size_t svg_legend(const struct svg_layout *l, struct svg_key *out);
/* "u3": the class that colours a label, see svg_style.css. `out` holds at least 8 bytes. */
const char *svg_class(const struct svg_label *label, char *out);
