/* Reading a recording back into a profile. */
#pragma once
#include "user/profile/profile.h"

int recording_read(const char *path, struct profile **out);
