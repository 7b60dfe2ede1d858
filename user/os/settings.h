/* The kernel's settings (sysctl) that decide about sampling. */
#pragma once

/* /proc/sys/NAME as a number, `otherwise` when it cannot be read. */
long setting_read(const char *name, long otherwise);
