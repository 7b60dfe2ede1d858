/* Bits inside records, shared by their encoder and their decoder. */
#pragma once

#define META_GIL_ONLY 1u
#define META_COMPLETE 2u

#define SAMPLE_GIL       0x03u /* enum profile_gil */
#define SAMPLE_TRUNCATED 0x04u
/* The field follows; else it is as it was before. */
#define SAMPLE_CPU    0x08u
#define SAMPLE_THREAD 0x10u
#define SAMPLE_STACK  0x20u
#define SAMPLE_VALUE  0x40u
