/* Keys, what is typed at the prompt, and the mouse, as the terminal sends them. */
#pragma once
#include "user/cmd/top/top_ui.h"

/* Takes all that was typed or clicked. False: there was nothing. */
bool top_input_read(struct top_ui *ui);
