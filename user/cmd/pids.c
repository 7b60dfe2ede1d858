#include "user/cmd/pids.h"
#include "user/target/lookalikes.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include <ctype.h>

void pids_parse(struct argp_state *state, const char *arg, uint32_t **pids, size_t *cnt)
{
	__cleanup_free char *near = NULL;
	const char *why = "";

	if (!units_parse_pids(arg, pids, cnt, &why))
		return;
	if (*arg && !isdigit((unsigned char)*arg) && *arg != '-')
		near = lookalikes_of_name(arg);
	argp_error(state, "--pid %s: %s%s%s", arg, why, near ? ". " : "", near ? near : "");
}
