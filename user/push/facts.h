/* SPDX-License-Identifier: MIT */
/* What is known of a process, as labels: of the profile, and made of it. Rules see all of it; only some of it is sent. */
#pragma once
#include "user/push/label_set.h"

enum fact_sent { FACT_ALWAYS, FACT_WHEN_ASKED, FACT_NEVER };

struct fact {
	const char *name;
	const char *key; /* the profile's label that it is; NULL: it is made of something else */
	enum fact_sent sent;
};

#define FACT_CNT 15
extern const struct fact facts[FACT_CNT];

/* NULL: there is none of that name. */
const struct fact *fact_find(const char *name);
/* Puts all that is known, `service_name` too, which is never empty. */
void facts_put(struct label_set *s, const struct profile *p, uint32_t process, const char *node);
