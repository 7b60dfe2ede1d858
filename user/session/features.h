/* What the running kernel and our privileges allow. Asked cheaply before loading, in depth when it fails. */
#pragma once

/* 0, or -EPERM with the missing capabilities named. */
int features_check_privileges(void);
/* Loading failed with `err` (negative errno): says why in plain words, as far as can be found out. */
int features_explain(int err);
