/* What the running kernel can do, asked before anything is loaded. */
#pragma once
#include <stdbool.h>

struct features {
	bool task_work; /* 6.18: names are read by the sampled task itself */
};

/* 0, -EPERM or -EOPNOTSUPP; names what is missing. */
int features_check(struct features *out);
