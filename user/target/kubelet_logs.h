/* SPDX-License-Identifier: MIT */
/*
 * What kubelet calls its containers: it names directories and links below /var/log after them, whatever the engine, and reading
 * their names takes no right to read files.
 */
#pragma once
#include "user/target/container_state.h"

/* Fills in what is not known yet. */
void kubelet_logs_names(const struct container_query *q, struct container_names *out);

/* "POD_NAMESPACE_CONTAINER-ID.log": false when it is not this id's. */
bool kubelet_logs_parse_file(const char *name, const char *id, struct container_names *out);
/* "NAMESPACE_POD_UID": false when it is not this pod's. */
bool kubelet_logs_parse_pod(const char *name, const char *uid, struct container_names *out);
